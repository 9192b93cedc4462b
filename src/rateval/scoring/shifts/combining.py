"""Weighted sums of scores of several cells, on the images that all of them have."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rateval.scoring.compared import Compared, over_both, over_clusters, over_seeds
from rateval.scoring.comparing import Comparer
from rateval.scoring.images import Images
from rateval.scoring.shifts.grid import Row
from rateval.scoring.units.sharing import number_shared, share_images
from rateval.scoring.units.sums import Sums
from rateval.stats.combination import (
    clustered_combination,
    combine,
    weigh as weigh_values,
    weigh_pulls,
)
from rateval.stats.ratio import Ratio
from rateval.stats.seeds import mean_over_seeds

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class Shared:
    """Cells in rows, one for each seed, on the images that all of them have.

    Where seeds have images of their own, each row is on those that its cells have.
    """

    rows: tuple[tuple[Images | Sums, ...], ...]
    chosen: tuple[tuple[NDArray[np.bool_] | None, ...], ...]
    """Which images of each cell; None for all."""
    clusters: tuple[NDArray[np.int64] | None, ...]
    """Of the chosen images of each row; None where the study asks for none."""
    alike: bool
    """Whether all rows have the same images."""

    @property
    def positions(self) -> tuple[NDArray[np.int64], ...]:
        """Where the chosen images of each row lie in the test split."""
        return tuple(
            row[0].positions if chosen[0] is None else row[0].positions[chosen[0]]
            for row, chosen in zip(self.rows, self.chosen, strict=True)
        )

    def ratios(self, metric: int) -> list[list[Ratio]] | None:
        """Return a metric by each cell; None for one that is no sum over images."""
        found: list[list[Ratio]] = []
        for row, chosen in zip(self.rows, self.chosen, strict=True):
            ratios = [one.ratio(metric, which) for one, which in zip(row, chosen, strict=True)]
            there = [ratio for ratio in ratios if ratio is not None]
            if len(there) < len(ratios):
                return None
            found.append(there)
        return found

    def errors(self) -> list[list[Ratio]]:
        """Return the share of wrong predictions by each cell, whatever metrics the study has."""
        return [
            [one.error(which) for one, which in zip(row, chosen, strict=True)]
            for row, chosen in zip(self.rows, self.chosen, strict=True)
        ]


def share(comparer: Comparer, rows: Sequence[Row], validator: int) -> Shared | None:
    """Return rows of cells on their images; None where there is no row, or a cell has no verdicts.

    A row with a cell without verdicts by this validator is left out.
    """
    read = [(row, [comparer.images.read(done, validator) for done in row]) for row in rows]
    there: list[tuple[Row, tuple[Images | Sums, ...]]] = []
    for row, images in read:
        known = tuple(one.comparable for one in images if one is not None)
        if len(known) == len(images):
            there.append((row, known))
    if not there:
        return None
    tests = {comparer.images.test(done) for row, _ in there for done in row}
    alike = len(tests) == 1
    groups = [[one for _, row in there for one in row]] if alike else [row for _, row in there]
    masks = iter([which for group in groups for which in _choose(group)])
    chosen = tuple(tuple(next(masks) for _ in row) for _, row in there)
    clusters = tuple(
        _cluster(row[0], which[0]) for (_, row), which in zip(there, chosen, strict=True)
    )
    return Shared(tuple(row for _, row in there), chosen, clusters, alike)


def weigh(shared: Shared, metric: int, weights: Sequence[float], level: float) -> Compared | None:
    """Return the weighted sum of a metric of each row's cells, mean over the rows.

    None where it is undefined by every seed, and for a metric that is no sum over images. A seed by
    which it is undefined is left out.
    """
    rows = shared.ratios(metric)
    if rows is None:
        return None
    return weigh_ratios(rows, weights, shared, level)


def weigh_ratios(
    rows: Sequence[Sequence[Ratio]], weights: Sequence[float], shared: Shared, level: float
) -> Compared | None:
    """Return the weighted sum of each row's ratios, mean over the rows, as ``weigh``."""
    defined = [
        (row, cluster)
        for row, cluster in zip(rows, shared.clusters, strict=True)
        if all(ratio.value is not None for ratio in row)
    ]
    if not defined:
        return None
    values = [weigh_values([ratio.value or 0.0 for ratio in row], weights) for row, _ in defined]
    row, cluster = defined[0]
    if len(defined) == 1:
        return _by_one_seed(row, weights, cluster, level)
    if shared.alike:
        pulls = np.stack([weigh_pulls(one, weights) for one, _ in defined])
        mean = mean_over_seeds(values, pulls, level, cluster)
        if mean is not None:
            return over_both(mean, clusters=cluster is not None)
    return over_seeds(values, level)


def _by_one_seed(
    ratios: Sequence[Ratio],
    weights: Sequence[float],
    cluster: NDArray[np.int64] | None,
    level: float,
) -> Compared | None:
    if cluster is not None:
        clustered = clustered_combination(ratios, weights, cluster, level)
        return None if clustered is None else over_clusters(clustered, level)
    found = combine(ratios, weights, level)
    if found is None:
        return None
    return Compared(found.value, found.low, found.high, found.p, not found.enough, "images")


def _choose(images: Sequence[Images | Sums]) -> list[NDArray[np.bool_] | None]:
    if all(one.positions is images[0].positions for one in images):
        return [None for _ in images]
    return list(share_images(images))


def _cluster(images: Images | Sums, chosen: NDArray[np.bool_] | None) -> NDArray[np.int64] | None:
    every = np.ones(len(images.positions), dtype=np.bool_) if chosen is None else chosen
    return number_shared(images, every)
