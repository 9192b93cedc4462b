"""What ``run.json`` says over a study's seeds."""

from __future__ import annotations

from rateval.records.scores.cell import ResultRecord


class SeedsRecord(ResultRecord):
    """Results of the cells that differ in their seed only; its key has none."""

    seeds: tuple[int, ...]
    """Seeds of the cells; empty for one that depends on no seed, and so has one value."""
