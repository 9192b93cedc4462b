"""The scores of a run's cells over seeds, image by image."""

from __future__ import annotations

from collections.abc import Sequence

from rateval.records.scores.cell import AssociationRecord, CellRecord
from rateval.records.scores.estimate import Over
from rateval.scoring.association import associate
from rateval.scoring.comparing import Comparer, find_zero_shot
from rateval.scoring.judged import Judged
from rateval.scoring.slices.seeds import Slices, slice_seeds
from rateval.stats.seeds import Mean


class SeedComparer:
    """The scores of a run's cells over seeds, image by image."""

    def __init__(self, comparer: Comparer, judged: Sequence[Judged]) -> None:
        self._comparer = comparer
        self.over: Over = "seeds and clusters" if comparer.clusters else "seeds and images"
        self._judged = {done.cell.key: done for done in judged}
        self._zero_shot = find_zero_shot(judged)

    def mean(self, cells: Sequence[CellRecord], validator: str, metric: str) -> Mean | None:
        """Return the mean of a score of cells that differ in their seed only."""
        repeated = [self._judged[cell.key] for cell in cells]
        return self._comparer.mean(repeated, *self._places(validator, metric))

    def mean_change(self, cells: Sequence[CellRecord], validator: str, metric: str) -> Mean | None:
        """Return the mean of their changes against zero-shot by the same seed."""
        repeated = [self._judged[cell.key] for cell in cells]
        pairs = [(done, self._zero_shot(done)) for done in repeated]
        known = [(done, other) for done, other in pairs if other is not None]
        return self._comparer.mean_change(known, *self._places(validator, metric))

    def associate(self, cells: Sequence[CellRecord], validator: str) -> AssociationRecord | None:
        """Return whether valid evidence goes with correct predictions."""
        repeated = [self._judged[cell.key] for cell in cells]
        labels = [choice.label for choice in self._comparer.plan.validators]
        return associate(self._comparer, repeated, labels.index(validator))

    def slices(self, cells: Sequence[CellRecord], validator: str, metric: str) -> Slices:
        """Return a score by class and by area."""
        repeated = [self._judged[cell.key] for cell in cells]
        return slice_seeds(self._comparer, repeated, *self._places(validator, metric))

    def _places(self, validator: str, metric: str) -> tuple[int, int]:
        plan = self._comparer.plan
        validators = [choice.label for choice in plan.validators]
        metrics = [choice.label for choice in plan.metrics]
        return validators.index(validator), metrics.index(metric)
