"""A cell as its stages left it."""

from __future__ import annotations

from dataclasses import dataclass

from rateval.plan.cells import Cell
from rateval.store.store import Stored


@dataclass(frozen=True, slots=True)
class Judged:
    """Stored results of a cell that was predicted and explained; None is what isn't there."""

    cell: Cell
    finetuned: Stored
    inferred: Stored
    verdicts: tuple[Stored | None, ...]
    """One per validator of the plan."""
    scores: tuple[tuple[Stored | None, ...], ...]
    """One per validator, with one per metric of the plan."""
    thresholds: tuple[Stored | None, ...]
    """One per validator of the plan, None also for one that judges no maps."""
    counterfactual: Stored | None = None
    """None also where the plan doesn't ask for it."""
    faithfulness: Stored | None = None
    """None also where the plan doesn't ask for it."""
