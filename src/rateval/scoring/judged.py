"""A cell whose stages are done."""

from __future__ import annotations

from dataclasses import dataclass

from rateval.api.values import Outcomes
from rateval.plan.cells import Cell
from rateval.stages.score import read_outcomes
from rateval.store.store import Stored


@dataclass(frozen=True, slots=True)
class Judged:
    """Hold the stored results of a cell that is done but for its scores."""

    cell: Cell
    finetuned: Stored
    inferred: Stored
    verdicts: tuple[Stored, ...]
    """One per validator of the plan."""
    faithfulness: Stored | None = None
    """None unless the plan asks for it."""

    def outcomes(self, validator: int) -> Outcomes:
        """Read the outcomes by one of the plan's validators."""
        return read_outcomes(self.inferred.path, self.verdicts[validator].path)
