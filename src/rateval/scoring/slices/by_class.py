"""One score by class, with the worst ones named; by one seed or over several."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import mean
from typing import TYPE_CHECKING

import numpy as np

from rateval.records.scores.classes import FEWEST, WORST, ClassesRecord, ClassRecord
from rateval.scoring.slices.parts import among, part_of_images, part_over_seeds
from rateval.stats.clusters import clustered_share
from rateval.stats.ratio import Ratio

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray


def slice_by_class(
    ratio: Ratio, labels: NDArray[np.int64], names: Sequence[str], level: float
) -> ClassesRecord | None:
    """Return a score by class, of images with these labels; None where no class has a value."""
    above = np.bincount(labels, ratio.numerator, len(names))
    below = np.bincount(labels, ratio.denominator, len(names))
    defined = np.flatnonzero(below)
    if not len(defined) or not ratio.is_share:
        return None
    compared = np.flatnonzero(below >= FEWEST)
    each = _simultaneous(level, len(compared))
    clustered = clustered_share(ratio, labels, level)
    return ClassesRecord(
        defined=len(defined),
        macro=float((above[defined] / below[defined]).mean()),
        compared=len(compared),
        worst=tuple(
            ClassRecord(name=names[at], **part_of_images(above[at], below[at], each))
            for at in _lowest(compared, above[compared] / below[compared])
        ),
        design_effect=None if clustered is None else clustered.design_effect,
    )


def worst_of(table: pa.Table, fewest: int = FEWEST, level: float = 0.95) -> ClassRecord | None:
    """Return the worst class of a stored table, of those with ``fewest`` images at least.

    Its interval is simultaneous over all of these. None where there is none, and for a metric that
    counts more than the images of a class.

    >>> import pyarrow as pa
    >>> columns = {"name": ["ant", "bee"], "count": [20, 30]}
    >>> columns |= {"numerator": [10, 3], "denominator": [20, 30]}
    >>> found = worst_of(pa.table(columns))
    >>> found.name, found.value, round(found.low, 3), round(found.high, 3)
    ('bee', 0.1, 0.03, 0.284)
    """
    counts = ("count", "numerator", "denominator")
    rows = zip(table.column("name").to_pylist(), *map(table.column, counts), strict=True)
    known = [
        (name, above.as_py(), below.as_py(), count.as_py())
        for name, count, above, below in rows
        if below.is_valid
    ]
    if any(below > count for _, _, below, count in known):
        return None
    compared = [(name, above, below) for name, above, below, _ in known if below >= max(fewest, 1)]
    if not compared:
        return None
    name, above, below = min(compared, key=lambda row: row[1] / row[2])
    each = _simultaneous(level, len(compared))
    return ClassRecord(name=name, **part_of_images(above, below, each))


def slice_seeds_by_class(
    ratios: Sequence[Ratio],
    labels: Sequence[NDArray[np.int64]],
    names: Sequence[str],
    level: float,
    *,
    shared: bool,
) -> ClassesRecord | None:
    """Return the mean over seeds of a score by class; None where no class has a value.

    There are ratio and labels for each seed; ``shared`` says that all are of the same images.
    """
    each_seed = [slice_by_class(*one, names, level) for one in zip(ratios, labels, strict=True)]
    there = [found for found in each_seed if found is not None]
    if not there:
        return None
    above, below = (
        np.stack(
            [np.bincount(own, part, len(names)) for part, own in zip(parts, labels, strict=True)]
        )
        for parts in ([r.numerator for r in ratios], [r.denominator for r in ratios])
    )
    by_seeds = (below > 0).sum(axis=0)
    compared = np.flatnonzero((below.mean(axis=0) >= FEWEST) & (by_seeds >= 2))
    shares = np.divide(above, below, out=np.zeros_like(above), where=below > 0)
    means = shares[:, compared].sum(axis=0) / by_seeds[compared]
    each = _simultaneous(level, len(compared))
    effects = [one.design_effect for one in there if one.design_effect is not None]
    return ClassesRecord(
        defined=int((by_seeds > 0).sum()),
        macro=mean(one.macro for one in there),
        compared=len(compared),
        worst=tuple(
            ClassRecord(
                name=names[at],
                **part_over_seeds(
                    [among(r, own == at) for r, own in zip(ratios, labels, strict=True)],
                    each,
                    shared=shared,
                ),
            )
            for at in _lowest(compared, means)
        ),
        design_effect=mean(effects) if effects else None,
    )


def _lowest(classes: NDArray[np.intp], shares: NDArray[np.float64]) -> NDArray[np.intp]:
    lowest: NDArray[np.intp] = classes[np.argsort(shares, kind="stable")][:WORST]
    return lowest


def _simultaneous(level: float, intervals: int) -> float:
    """Return the level of each interval that lets all of them hold at once (Šidák)."""
    return float(level ** (1 / max(intervals, 1)))
