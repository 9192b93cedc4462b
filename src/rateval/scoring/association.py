"""Whether valid evidence goes with correct predictions: what PT and IR don't tell by themselves."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import mean
from typing import TYPE_CHECKING

import numpy as np

from rateval.records.scores.cell import AssociationRecord
from rateval.records.scores.estimate import Estimate, estimate_share, spread
from rateval.scoring.comparing import Comparer
from rateval.scoring.images import Images
from rateval.scoring.judged import Judged
from rateval.scoring.units.sharing import number_shared, share_images
from rateval.stats.clusters import Clustered, clustered_difference, clustered_share
from rateval.stats.difference import Share, difference
from rateval.stats.ratio import Ratio
from rateval.stats.seeds import mean_over_seeds

if TYPE_CHECKING:
    from numpy.typing import NDArray

_RR, _RW, _WR, _WW = 7, 5, 6, 4
"""States of known evidence, as ``Images.maps`` has them."""


def associate(
    comparer: Comparer, repeated: Sequence[Judged], validator: int
) -> AssociationRecord | None:
    """Return the association of a cell, or of cells that differ in their seed only.

    A seed by which it is undefined, as all predictions or none are correct, is left out; None where
    that is so by all of them.
    """
    read = [comparer.images.read(done, validator) for done in repeated]
    there = [images for images in read if images is not None and _is_defined(images.maps)]
    if not there:
        return None
    beyond = [_beyond(images.maps) for images in there]
    return AssociationRecord(
        valid=_estimate_valid(comparer, there),
        difference=_estimate_difference(comparer, repeated, there),
        pt_beyond=_mean([pt for pt, _ in beyond]),
        ir_beyond=_mean([ir for _, ir in beyond]),
    )


def _is_defined(states: NDArray[np.uint8]) -> bool:
    right, wrong = _given(states, _RR, _RW), _given(states, _WR, _WW)
    return bool(right.below and wrong.below)


def _given(states: NDArray[np.uint8], valid: int, other: int) -> Ratio:
    """Return the share of valid evidence among the images of two states."""
    above = (states == valid).astype(np.float64)
    return Ratio(above, above + (states == other))


def _valid(states: NDArray[np.uint8]) -> Ratio:
    return Ratio(np.isin(states, (_RR, _WR)).astype(np.float64), (states >= _WW).astype(np.float64))


def _beyond(states: NDArray[np.uint8]) -> tuple[float | None, float | None]:
    """Return PT minus the valid share, and IR minus accuracy, of the images of known evidence."""
    rr, rw, wr, ww = (int((states == state).sum()) for state in (_RR, _RW, _WR, _WW))
    known = rr + rw + wr + ww
    return (
        rr / (rr + rw) - (rr + wr) / known if rr + rw else None,
        rr / (rr + wr) - (rr + rw) / known if rr + wr else None,
    )


def _mean(values: Sequence[float | None]) -> float | None:
    defined = [value for value in values if value is not None]
    return mean(defined) if defined else None


def _estimate_valid(comparer: Comparer, there: Sequence[Images]) -> Estimate:
    if len(there) > 1:
        return spread([_valid(images.maps).value for images in there], comparer.level).cut(0)
    (images,) = there
    ratio = _valid(images.maps)
    found = estimate_share(int(ratio.above), int(ratio.below), comparer.level)
    if images.cluster is None:
        return found
    return _over_clusters(found, clustered_share(ratio, images.cluster, comparer.level))


def _over_clusters(found: Estimate, clustered: Clustered | None) -> Estimate:
    ends = (None, None) if clustered is None else (clustered.low, clustered.high)
    return found.model_copy(update={"low": ends[0], "high": ends[1], "over": "clusters"})


def _estimate_difference(
    comparer: Comparer, repeated: Sequence[Judged], there: Sequence[Images]
) -> Estimate:
    if len(there) == 1:
        return _of_one(comparer, there[0])
    values = [_of_one(comparer, images).value for images in there]
    found = spread(values, comparer.level).cut(-1)
    if there[0].sums is not None or len({comparer.images.test(done) for done in repeated}) > 1:
        return found  # each seed has images, or units, of its own
    chosen = share_images(there)
    pulls = np.stack(
        [
            _given(states, _RR, _RW).influence() - _given(states, _WR, _WW).influence()
            for images, which in zip(there, chosen, strict=True)
            for states in [images.maps[which]]
        ]
    )
    cluster = number_shared(there[0], chosen[0])
    shared = mean_over_seeds([v for v in values if v is not None], pulls, comparer.level, cluster)
    if shared is None:
        return found
    over = "seeds and clusters" if comparer.clusters else "seeds and images"
    ends = {"low": shared.low, "high": shared.high, "over": over}
    return found.model_copy(update=ends).cut(-1)


def _of_one(comparer: Comparer, images: Images) -> Estimate:
    """Return the difference of two groups of images, right and wrong: they have none in common."""
    right, wrong = (_given(images.maps, *pair) for pair in ((_RR, _RW), (_WR, _WW)))
    apart = difference(
        Share(right.above, right.below), Share(wrong.above, wrong.below), 0.0, comparer.level
    )
    count = int(right.below + wrong.below)
    found = Estimate(value=apart.value, low=apart.low, high=apart.high, over="images", count=count)
    if images.cluster is None:
        return found
    return _over_clusters(found, clustered_difference(right, wrong, images.cluster, comparer.level))
