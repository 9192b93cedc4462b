"""Scores compared on the images that they share, from what the stages stored of each image."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rateval.plan.plan import Plan
from rateval.records.cell import CellRecord
from rateval.records.facts import FinetuneFacts
from rateval.records.key import Labels
from rateval.scoring.judged import Judged
from rateval.stats.difference import Difference, Joint, Share, correlation, difference
from rateval.stats.ratio import Ratio
from rateval.stats.seeds import Mean, mean_over_seeds, stack_influences
from rateval.workbench.bench import Workbench
from rateval.workbench.cell import task_of
from rateval.workbench.counting import STATES, Counting, number_states
from rateval.workbench.outcomes import Edited, read_outcomes, read_positions

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class Images:
    """The images of one cell by one validator."""

    positions: NDArray[np.int64]
    """(N,) in the test split, ascending."""
    states: NDArray[np.uint8]
    """(N,) as ``number_states`` has them."""
    tables: tuple[NDArray[np.float64] | None, ...]
    """One per metric of the plan: (STATES, 2) what an image of each state adds to its numerator and
    its denominator; None for one that is no sum over images."""

    def ratio(self, metric: int, chosen: NDArray[np.bool_]) -> Ratio | None:
        """Return a metric as what each of the chosen images adds; None where it is no sum."""
        table = self.tables[metric]
        if table is None:
            return None
        adds = table[self.states[chosen]]
        return Ratio(adds[:, 0], adds[:, 1])


class Comparer:
    """Compares cells of one plan; what it reads of a cell it keeps, a few bytes for each image."""

    def __init__(self, plan: Plan, bench: Workbench) -> None:
        self._plan, self._bench = plan, bench
        self._read: dict[str, Images] = {}

    def change(
        self, ours: Judged, theirs: Judged, validator: int, metric: int
    ) -> Difference | None:
        """Return our score minus theirs on the images of both; None where either is undefined.

        None also for a metric that is no sum over images: nothing is known of how it varies.
        """
        one, other = (self._images(done, validator) for done in (ours, theirs))
        if one is None or other is None:
            return None
        tables = one.tables[metric], other.tables[metric]
        if tables[0] is None or tables[1] is None:
            return None
        counts = _count_jointly(one, other)
        (up, down), (other_up, other_down) = tables[0].T, tables[1].T
        rows, columns = counts.sum(axis=1), counts.sum(axis=0)
        if not rows @ down or not columns @ other_down:
            return None
        first = Share(float(rows @ up), float(rows @ down))
        second = Share(float(columns @ other_up), float(columns @ other_down))
        joint = Joint(
            float(up @ counts @ other_up),
            float(up @ counts @ other_down),
            float(down @ counts @ other_up),
            float(down @ counts @ other_down),
        )
        return difference(first, second, correlation(first, second, joint))

    def mean(self, repeated: Sequence[Judged], validator: int, metric: int) -> Mean | None:
        """Return the mean of a score over seeds, on the images that all of them have.

        A seed by which it is undefined is left out. None below two that are left, where their
        images differ, and for a metric that is no sum over images.
        """
        ratios = self._ratios([[done] for done in repeated], validator, metric)
        defined = [ratio for (ratio,) in ratios if ratio.value is not None]
        if len(defined) < 2:
            return None
        values = [ratio.value for ratio in defined if ratio.value is not None]
        return mean_over_seeds(values, stack_influences(defined))

    def mean_change(
        self, pairs: Sequence[tuple[Judged, Judged]], validator: int, metric: int
    ) -> Mean | None:
        """Return the mean over seeds of our score minus theirs by the same seed, as ``mean``."""
        found = [
            (one, other)
            for one, other in self._ratios(pairs, validator, metric)
            if one.value is not None and other.value is not None
        ]
        if len(found) < 2:
            return None
        values = [(one.value or 0.0) - (other.value or 0.0) for one, other in found]
        pulls = np.stack([one.influence() - other.influence() for one, other in found])
        return mean_over_seeds(values, pulls)

    def _ratios(
        self, groups: Sequence[Sequence[Judged]], validator: int, metric: int
    ) -> list[list[Ratio]]:
        """Return the ratios of each group's cells on the images that all of all groups have.

        Empty where a cell has no verdicts, images of different test splits, or no sum.
        """
        read = [[self._images(done, validator) for done in group] for group in groups]
        there = [images for group in read for images in group if images is not None]
        tests = {done.inferred.identity: self._test(done) for group in groups for done in group}
        if not there or len(there) < sum(map(len, read)) or len(set(tests.values())) > 1:
            return []
        shared = there[0].positions
        for images in there[1:]:
            shared = np.intersect1d(shared, images.positions, assume_unique=True)
        found = [
            [
                images.ratio(metric, np.isin(images.positions, shared, assume_unique=True))
                for images in group
                if images is not None
            ]
            for group in read
        ]
        whole = [[ratio for ratio in group if ratio is not None] for group in found]
        return whole if all(map(len, whole)) and sum(map(len, whole)) == len(there) else []

    def _test(self, done: Judged) -> str:
        """Return what determines the images of a cell's test."""
        identity: str = self._bench.object(done.cell.dataset, done.cell.seed).test.identity
        return identity

    def _images(self, done: Judged, validator: int) -> Images | None:
        verdict = done.verdicts[validator]
        if verdict is None:
            return None
        if verdict.identity not in self._read:
            outcomes = read_outcomes(done.inferred.path, verdict.path, self._edited(done))
            self._read[verdict.identity] = Images(
                read_positions(done.inferred.path),
                number_states(outcomes),
                tuple(counting.count_states(outcomes) for counting in self._countings(done)),
            )
        return self._read[verdict.identity]

    def _edited(self, done: Judged) -> Edited | None:
        options, stored = self._plan.spec.counterfactual, done.counterfactual
        asked = any(choice.by_edits for choice in self._plan.metrics)
        if options is None or stored is None or not asked:
            return None
        return Edited(stored.path, options.keep)

    def _countings(self, done: Judged) -> Iterator[Counting]:
        task = task_of(self._bench.object(done.cell.dataset, done.cell.seed))
        for choice in self._plan.metrics:
            metric = self._bench.object(choice, done.cell.seed)
            yield Counting(task, choice.label, metric, choice.by_edits)


def _count_jointly(one: Images, other: Images) -> NDArray[np.float64]:
    """Return (STATES, STATES) how many images that both have are in each pair of states."""
    states, others = one.states, other.states
    if not np.array_equal(one.positions, other.positions):
        _, here, there = np.intersect1d(
            one.positions, other.positions, assume_unique=True, return_indices=True
        )
        states, others = states[here], others[there]
    pairs = states.astype(np.intp) * STATES + others
    return np.bincount(pairs, minlength=STATES**2).reshape(STATES, STATES).astype(np.float64)


class SeedComparer:
    """The scores of a run's cells over seeds, image by image."""

    def __init__(self, comparer: Comparer, plan: Plan, judged: Sequence[Judged]) -> None:
        self._comparer, self._plan = comparer, plan
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

    def _places(self, validator: str, metric: str) -> tuple[int, int]:
        validators = [choice.label for choice in self._plan.validators]
        metrics = [choice.label for choice in self._plan.metrics]
        return validators.index(validator), metrics.index(metric)


def find_zero_shot(judged: Sequence[Judged]) -> Callable[[Judged], Judged | None]:
    """Return what finds the cell that a cell's changes are taken against; None for itself.

    That is the first untrained cell of its test by the same seed, or the one that depends on none.
    """
    found: dict[tuple[Labels, int | None], Judged] = {}
    for done in judged:
        if not FinetuneFacts.model_validate(done.finetuned.facts).trained:
            found.setdefault((done.cell.key.test, done.cell.seed), done)

    def find(done: Judged) -> Judged | None:
        test = done.cell.key.test
        baseline = found.get((test, done.cell.seed)) or found.get((test, None))
        return None if baseline is done else baseline

    return find
