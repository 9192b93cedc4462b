"""A row of a run minus its baseline on the images of both, beside a bound."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rateval.records.scores.estimate import Over
from rateval.scoring.compared import (
    Compared,
    over_both,
    over_clusters,
    over_images,
    over_seeds,
)
from rateval.scoring.gate.finding import ONE_CLUSTER, Asked, Found, with_times
from rateval.scoring.gate.reading import Counted, share_ids
from rateval.stats.bound import Beside, both_sides, keep_open
from rateval.stats.clusters import clustered_difference
from rateval.stats.difference import Share, paired_difference
from rateval.stats.seeds import mean_over_seeds

Pair = tuple[Counted, Counted]
"""A cell and the one that it is compared with."""


def find_change(pairs: Sequence[Pair], asked: Asked, *, shared: bool) -> Found:
    """Return our value minus theirs, by one seed or the mean over seeds.

    The bound is below 0 for a drop and above it for a rise. ``shared`` says that all pairs are of
    the same images. Pairs in which either is undefined are left out.
    """
    if shared:
        flat = share_ids([one for pair in pairs for one in pair])
        pairs = list(zip(flat[::2], flat[1::2], strict=True))
    else:
        pairs = [(one, other) for one, other in (share_ids(pair) for pair in pairs)]
    total = round(sum(len(one.ids) for one, _ in pairs) / len(pairs))
    there = [(a, b) for a, b in pairs if a.ratio.below and b.ratio.below]
    if not there:
        return Found(why=f"it is undefined on the {total:,} images that both have", total=total)
    compared = _compare(there, both_sides(asked.level), shared=shared)
    units = min(min(a.ratio.below, b.ratio.below) for a, b in there)
    if compared is None or compared.beyond is None or compared.opposite is None:
        value = sum((a.ratio.value or 0) - (b.ratio.value or 0) for a, b in there) / len(there)
        why = ONE_CLUSTER if there[0][0].cluster is not None else "the seeds leave nothing open"
        over: Over = "images" if compared is None else compared.over
        return Found(value, None, over, total, total, why)
    beside = keep_open(_beside(compared, asked), asked.bound, units, asked.level)
    return with_times(Found(compared.value, beside, compared.over, total, total), asked)


def _beside(compared: Compared, asked: Asked) -> Beside:
    assert compared.beyond is not None and compared.opposite is not None  # asked for by the caller
    low = compared.value if compared.low is None else compared.low
    high = compared.value if compared.high is None else compared.high
    if asked.bound < 0:
        above = compared.beyond(-asked.bound)
        return Beside(compared.value, low, high, above, 1 - above)
    below = compared.opposite(asked.bound)
    return Beside(compared.value, low, high, 1 - below, below)


def _compare(pairs: Sequence[Pair], level: float, *, shared: bool) -> Compared | None:
    if len(pairs) == 1:
        return _compare_one(*pairs[0], level)
    changes = [(a.ratio.value or 0.0) - (b.ratio.value or 0.0) for a, b in pairs]
    if not shared:
        return over_seeds(changes, level)
    pulls = np.stack([a.ratio.influence() - b.ratio.influence() for a, b in pairs])
    cluster = pairs[0][0].cluster
    mean = mean_over_seeds(changes, pulls, level, cluster)
    if mean is None:  # no seed and no image varies: what one pair leaves open is left open
        return _compare_one(*pairs[0], level)
    return over_both(mean, clusters=cluster is not None)


def _compare_one(ours: Counted, theirs: Counted, level: float) -> Compared | None:
    one, other = ours.ratio, theirs.ratio
    if ours.cluster is not None:
        clustered = clustered_difference(one, other, ours.cluster, level)
        return None if clustered is None else over_clusters(clustered, level)
    found = paired_difference(one, other, level)
    if found is None:
        return None
    shares = Share(one.above, one.below), Share(other.above, other.below)
    return over_images(found, *shares)
