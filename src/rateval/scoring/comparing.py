"""Scores compared on the images that they share, from what the stages stored of each image."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from rateval.plan.plan import Plan
from rateval.records.facts import FinetuneFacts
from rateval.records.key import Labels
from rateval.scoring.compared import Compared, over_both, over_clusters, over_images, over_seeds
from rateval.scoring.images import ImageReader, Images, count_jointly
from rateval.scoring.judged import Judged
from rateval.scoring.units.compared import compare_sums
from rateval.scoring.units.sharing import number_shared, share_images
from rateval.stats.clusters import Clustered, clustered_difference, clustered_share
from rateval.stats.difference import Joint, Share, correlation, difference
from rateval.stats.ratio import Ratio
from rateval.stats.seeds import Mean, mean_over_seeds, stack_influences
from rateval.workbench.bench import Workbench
from rateval.workbench.verdicts.counting import STATES

if TYPE_CHECKING:
    from numpy.typing import NDArray

Pair = tuple[Judged, Judged]
"""A cell, and the one that it is compared with."""


class Comparer:
    """Compares cells of one plan; what it reads of a cell it keeps, a few bytes for each image."""

    def __init__(self, plan: Plan, bench: Workbench) -> None:
        self.plan = plan
        self.level = plan.spec.statistics.level
        self.clusters = plan.spec.statistics.cluster != "none"
        """Whether images count by clusters."""
        self.images = ImageReader(plan, bench)
        """What is read of the cells."""

    def value(self, done: Judged, validator: int, metric: int) -> Clustered | None:
        """Return a score with the interval that clusters leave; None where it is undefined.

        None also for a metric that is no sum over images.
        """
        images = self.images.read(done, validator)
        ratio = None if images is None else images.ratio(metric)
        if images is None or images.cluster is None or ratio is None:
            return None
        return clustered_share(ratio, images.cluster, self.level)

    def share_test(self, ours: Judged, theirs: Judged) -> bool:
        """Return whether two cells are tested on one split."""
        return self.images.test(ours) == self.images.test(theirs)

    def compare(self, ours: Judged, theirs: Judged, validator: int) -> list[Compared | None]:
        """Return our scores minus theirs on the images of both, as ``compare_images``."""
        return self.compare_seeds([(ours, theirs)], validator)

    def mean(self, repeated: Sequence[Judged], validator: int, metric: int) -> Mean | None:
        """Return the mean of a score over seeds, on the images that all of them have.

        A seed by which it is undefined is left out. None below two that are left, where their
        images differ, and for a metric that is no sum over images.
        """
        read = self._read([[done] for done in repeated], validator)
        ratios, cluster = _ratios(read or [], metric)
        defined = [ratio for (ratio,) in ratios if ratio.value is not None]
        if len(defined) < 2:
            return None
        values = [ratio.value for ratio in defined if ratio.value is not None]
        return mean_over_seeds(values, stack_influences(defined), self.level, cluster)

    def mean_change(self, pairs: Sequence[Pair], validator: int, metric: int) -> Mean | None:
        """Return the mean over seeds of our score minus theirs by the same seed, as ``mean``."""
        return mean_change(self._read(pairs, validator) or [], metric, self.level)

    def compare_seeds(self, pairs: Sequence[Pair], validator: int) -> list[Compared | None]:
        """Return the mean over seeds of our scores minus theirs, as ``compare_repeated``."""
        read = [[self.images.read(done, validator) for done in pair] for pair in pairs]
        there = [(one, other) for one, other in read if one is not None and other is not None]
        if not there:
            return [None for _ in self.plan.metrics]
        shared = self._read(pairs, validator) is not None
        return compare_repeated(there, self.level, shared=shared)

    def transitions(self, pairs: Sequence[Pair], validator: int) -> NDArray[np.float64]:
        """Return images by their state and by the other's, as ``count_transitions``."""
        read = [[self.images.read(done, validator) for done in pair] for pair in pairs]
        return count_transitions([(one, other) for one, other in read if one and other])

    def _read(
        self, groups: Sequence[Sequence[Judged]], validator: int
    ) -> list[list[Images]] | None:
        """Return the images of each group's cells.

        None where a cell has no verdicts, or some have images of different test splits.
        """
        read = [[self.images.read(done, validator) for done in group] for group in groups]
        there = [[images for images in group if images is not None] for group in read]
        tests = {self.images.test(done) for group in groups for done in group}
        lacking = sum(map(len, there)) < sum(map(len, read))
        return None if lacking or len(tests) > 1 else there


def compare_images(one: Images, other: Images, level: float) -> list[Compared | None]:
    """Return scores minus the other's on the images of both, one for each metric.

    None where either is undefined, and for a metric that is no sum over images: nothing is known
    of how it varies.
    """
    if one.sums is not None and other.sums is not None:
        return compare_sums(one.sums, other.sums, level)
    counts = count_jointly(one, other)
    compare = _by_images if one.cluster is None else _by_clusters
    return [
        None if mine is None or others is None else compare(mine, others, counts, level)
        for mine, others in zip(one.tables, other.tables, strict=True)
    ]


def compare_repeated(
    pairs: Sequence[tuple[Images, Images]], level: float, *, shared: bool
) -> list[Compared | None]:
    """Return the mean over pairs, at least one, of scores minus the other's, one for each metric.

    One pair alone is compared as by ``compare_images``. ``shared`` says whether positions are of
    one test in all of them: else each has images of its own, and seeds alone tell.
    """
    by_seed = [compare_images(*pair, level) for pair in pairs]
    if len(pairs) == 1:
        return by_seed[0]
    found: list[Compared | None] = []
    for metric in range(len(pairs[0][0].tables)):
        mean = mean_change(pairs, metric, level) if shared else None
        there = [one for row in by_seed if (one := row[metric]) is not None]
        if mean is not None:
            found.append(over_both(mean, clusters=pairs[0][0].cluster is not None))
        elif len(there) > 1:
            found.append(over_seeds([one.value for one in there], level))
        else:
            found.append(there[0] if there else None)
    return found


def mean_change(pairs: Sequence[Sequence[Images]], metric: int, level: float) -> Mean | None:
    """Return the mean over pairs of a score minus the other's, on the images that all have.

    A pair by which it is undefined is left out. None below two that are left, and for a metric that
    is no sum over images.
    """
    ratios, cluster = _ratios(pairs, metric)
    found = [
        (one, other) for one, other in ratios if one.value is not None and other.value is not None
    ]
    if len(found) < 2:
        return None
    values = [(one.value or 0.0) - (other.value or 0.0) for one, other in found]
    pulls = np.stack([one.influence() - other.influence() for one, other in found])
    return mean_over_seeds(values, pulls, level, cluster)


def count_transitions(pairs: Sequence[tuple[Images, Images]]) -> NDArray[np.float64]:
    """Return (STATES, STATES) images by their state and by the other's, mean over the pairs."""
    counts = [count_jointly(one, other).sum(axis=0) for one, other in pairs]
    return sum(counts, np.zeros((STATES, STATES))) / max(len(counts), 1)


def _by_images(
    ours: NDArray[np.float64],
    theirs: NDArray[np.float64],
    by_cluster: NDArray[np.float64],
    level: float,
) -> Compared | None:
    counts = by_cluster.sum(axis=0)
    (up, down), (other_up, other_down) = ours.T, theirs.T
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
    rho = correlation(first, second, joint)
    return over_images(difference(first, second, rho, level), first, second)


def _by_clusters(
    ours: NDArray[np.float64],
    theirs: NDArray[np.float64],
    by_cluster: NDArray[np.float64],
    level: float,
) -> Compared | None:
    rows, columns = by_cluster.sum(axis=2) @ ours, by_cluster.sum(axis=1) @ theirs
    here = np.flatnonzero(by_cluster.sum(axis=(1, 2)))
    first, second = Ratio(*rows[here].T), Ratio(*columns[here].T)
    # What a cluster adds is what its images add together: the interval is the same.
    found = clustered_difference(first, second, np.arange(len(here)), level)
    return None if found is None else over_clusters(found, level)


def _ratios(
    groups: Sequence[Sequence[Images]], metric: int
) -> tuple[list[list[Ratio]], NDArray[np.int64] | None]:
    """Return the ratios of each group's cells on the images that all of all groups have.

    With them the clusters of these images, if there are any. Empty for a metric that is no sum.
    """
    there = [images.comparable for group in groups for images in group]
    if not there:
        return [], None
    chosen = share_images(there)
    flat = [images.ratio(metric, which) for images, which in zip(there, chosen, strict=True)]
    ratios = iter([ratio for ratio in flat if ratio is not None])
    if None in flat:
        return [], None
    whole = [[next(ratios) for _ in group] for group in groups]
    return whole, number_shared(there[0], chosen[0])


def find_zero_shot(judged: Sequence[Judged]) -> Callable[[Judged], Judged | None]:
    """Return what finds the cell that a cell's changes are taken against; None for itself.

    That is the first untrained cell of its test by the same seed, or the one that depends on none.
    """
    found: dict[tuple[Labels, int | None], Judged] = {}
    for done in judged:
        if not is_trained(done):
            found.setdefault((done.cell.key.test, done.cell.seed), done)

    def find(done: Judged) -> Judged | None:
        test = done.cell.key.test
        baseline = found.get((test, done.cell.seed)) or found.get((test, None))
        return None if baseline is done else baseline

    return find


def is_trained(done: Judged) -> bool:
    """Return whether a cell's model was trained; zero-shot was not."""
    return FinetuneFacts.model_validate(done.finetuned.facts).trained
