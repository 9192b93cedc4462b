"""What a run is going to do, as observers get it."""

from __future__ import annotations

from typing import Any, Literal

from rateval.records.base import Record
from rateval.records.key import Key


class PlanRecord(Record):
    """A study that is about to run."""

    study: str
    protocol: Literal["matched", "aaai25"]
    differences: tuple[str, ...]
    """Sentences on what the protocol changed; none for ``matched``."""
    spec_resolved: dict[str, Any]
    """The spec with every default and override filled in, and each component's distribution."""
    seeds: tuple[int, ...]
    keys: tuple[Key, ...]
    """Names of the cells, in the order in which they are done."""
