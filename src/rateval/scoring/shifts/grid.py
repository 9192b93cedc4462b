"""The shifted cells of a study, by method, family, type and severity."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rateval.plan.plan import Plan
from rateval.records.key import Key, Labels
from rateval.records.scores.grouping import group_by
from rateval.records.shift import ShiftKey
from rateval.scoring.comparing import is_trained
from rateval.scoring.judged import Judged

Row = tuple[Judged, ...]
"""Cells of one seed that are looked at together; one that depends on no seed goes with each."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One type of a shift, with the severities that the study has of it."""

    kind: ShiftKey
    """Without a severity."""
    group: str | None
    shifts: tuple[ShiftKey, ...]
    """The mildest first."""


def list_families(plan: Plan) -> dict[str, list[Kind]]:
    """Return the types of each family of shifts, in the order of the spec."""
    planned = [(one.shift, one.group) for one in plan.choices["shift"] if one.shift is not None]
    families: dict[str, list[Kind]] = {}
    for alike in group_by(planned, lambda one: one[0].plain):
        kind, group = alike[0][0].plain, alike[0][1]
        shifts = tuple(sorted(shift for shift, _ in alike))
        families.setdefault(kind.family, []).append(Kind(kind, group, shifts))
    return families


@dataclass(frozen=True, slots=True, eq=False)
class Test:
    """The cells of one dataset by one model and one attribution, clean and shifted."""

    methods: tuple[str, ...]
    """Labels of the methods with a clean cell, untrained ones first."""
    keys: dict[str, Key]
    """Method to its clean cell's name, without a seed where there are several."""
    reference: str | None
    """The first untrained method."""
    _cells: dict[tuple[str, ShiftKey | None, int | None], Judged]
    _seeds: tuple[int, ...]

    def rows(self, wanted: Sequence[tuple[str, ShiftKey | None]]) -> list[Row]:
        """Return these cells, methods by shifts, one row for each seed that has all of them."""
        rows: dict[tuple[int, ...], Row] = {}
        for seed in self._seeds:
            row = [
                self._cells.get((method, shift, seed)) or self._cells.get((method, shift, None))
                for method, shift in wanted
            ]
            there = tuple(done for done in row if done is not None)
            if len(there) == len(wanted):
                rows.setdefault(tuple(map(id, there)), there)
        return list(rows.values())

    def has(self, method: str, shift: ShiftKey | None) -> bool:
        """Return whether there is such a cell by any seed."""
        return bool(self.rows([(method, shift)]))


def list_tests(plan: Plan, judged: Sequence[Judged]) -> Iterator[Test]:
    """Yield the tests that have a clean cell and a shifted one."""
    for cells in group_by(judged, lambda done: _of_test(done.cell.key)):
        clean = [done for done in cells if done.cell.key.shift is None]
        if not clean or len(clean) == len(cells):
            continue
        ordered = sorted(clean, key=is_trained)  # what is compared against comes first
        untrained = [done.cell.key.finetuner for done in ordered if not is_trained(done)]
        several = len(plan.seeds) > 1
        keys: dict[str, Key] = {}
        for done in ordered:
            key = done.cell.key
            keys.setdefault(key.finetuner, key.seedless if several else key)
        yield Test(
            tuple(keys),
            keys,
            untrained[0] if untrained else None,
            {
                (one.finetuner, one.shift, one.seed): done
                for done in cells
                for one in [done.cell.key]
            },
            plan.seeds,
        )


def _of_test(key: Key) -> Labels:
    return key.without("finetuner", "shift", "seed")
