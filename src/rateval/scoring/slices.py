"""One score by class, and by how much of the image the evidence fills."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from rateval.records.scores.classes import FEWEST, WORST, AreaRecord, ClassesRecord, ClassRecord
from rateval.stats.clusters import clustered_share
from rateval.stats.ratio import Ratio
from rateval.stats.wilson import wilson_interval

if TYPE_CHECKING:
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
    shares = above[compared] / below[compared]
    worst = compared[np.argsort(shares, kind="stable")][:WORST]
    # Each interval as wide as lets all of them hold at once (Šidák), for the worst are chosen.
    each = level ** (1 / max(len(compared), 1))
    clustered = clustered_share(ratio, labels, level)
    return ClassesRecord(
        defined=len(defined),
        macro=float((above[defined] / below[defined]).mean()),
        compared=len(compared),
        worst=tuple(
            ClassRecord(name=names[at], **_part(above[at], below[at], each)) for at in worst
        ),
        design_effect=None if clustered is None else clustered.design_effect,
    )


def slice_by_area(ratio: Ratio, areas: NDArray[np.float64], level: float) -> Iterator[AreaRecord]:
    """Yield a score by thirds of the images by the area of their evidence, the smallest first.

    ``areas`` (N,) are shares of the image, NaN without a mask. Nothing for fewer than three
    different ones. Images of one area are in one third.
    """
    known = areas[areas > 0]
    if len(np.unique(known)) < 3 or not ratio.is_share:
        return
    first, second = np.quantile(known, [1 / 3, 2 / 3], method="inverted_cdf")
    for chosen in (
        (areas > 0) & (areas <= first),
        (areas > first) & (areas <= second),
        areas > second,
    ):
        above, below = (float(part[chosen].sum()) for part in (ratio.numerator, ratio.denominator))
        if below:
            yield AreaRecord(
                least=float(areas[chosen].min()),
                greatest=float(areas[chosen].max()),
                **_part(above, below, level),
            )


def _part(above: float, below: float, level: float) -> dict[str, float]:
    low, high = wilson_interval(above, below, level)
    return {
        "numerator": int(above),
        "denominator": int(below),
        "low": low or 0.0,
        "high": 1.0 if high is None else high,
    }
