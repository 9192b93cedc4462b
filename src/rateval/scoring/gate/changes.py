"""A row of a run minus its baseline on the images of both, beside a bound."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rateval.scoring.gate.finding import (
    NO_SPREAD,
    Asked,
    Found,
    find_held,
    with_times,
)
from rateval.scoring.gate.reading import Counted, share_ids
from rateval.stats.bounds.bound import mean_beside, more_open
from rateval.stats.bounds.held import Held
from rateval.stats.ratio import Ratio
from rateval.stats.seeds import mean_of_seeds

Pair = tuple[Counted, Counted]
"""A cell and the one that it is compared with."""


def find_change(pairs: Sequence[Pair], asked: Asked, *, shared: bool) -> Found:
    """Return our value minus theirs, by one seed or the mean over seeds.

    The bound is below 0 for a drop and above it for a rise. ``shared`` says that all pairs are of
    the same images. Pairs in which either is undefined are left out.
    """
    pairs = pair_images(pairs, shared=shared)
    total = round(sum(len(one.ids) for one, _ in pairs) / len(pairs))
    there = [(a, b) for a, b in pairs if a.ratio.below and b.ratio.below]
    if not there:
        return Found(why=f"it is undefined on the {total:,} images that both have", total=total)
    if len(there) == 1 or shared:
        ratios = [(a.ratio, b.ratio) for a, b in there]
        return find_held(ratios, there[0][0].cluster, asked, total, total)
    return _find_apart(there, asked, total)


def pair_images(pairs: Sequence[Pair], *, shared: bool) -> list[Pair]:
    """Return pairs on the images that both have, or where all are of the same, that all have."""
    if not shared:
        return [(one, other) for one, other in (share_ids(pair) for pair in pairs)]
    flat = share_ids([one for pair in pairs for one in pair])
    return list(zip(flat[::2], flat[1::2], strict=True))


def _find_apart(pairs: Sequence[Pair], asked: Asked, total: int) -> Found:
    """Return the mean over seeds that have images of their own, by Student's t over seeds.

    It is at least as open as all their images together leave it.
    """
    changes = [(a.ratio.value or 0.0) - (b.ratio.value or 0.0) for a, b in pairs]
    mean, value = mean_of_seeds(changes, asked.level), sum(changes) / len(changes)
    if mean is None:
        return Found(value, None, "seeds", total, total, NO_SPREAD)
    found = mean_beside(value, mean.error, mean.freedom, asked.bound, asked.level)
    ours, theirs = (_pool([pair[side].ratio for pair in pairs]) for side in (0, 1))
    images = Held([(ours, theirs)]).beside(asked.bound, asked.level)
    return with_times(Found(value, more_open(found, images), "seeds", total, total), asked)


def _pool(ratios: Sequence[Ratio]) -> Ratio:
    return Ratio(
        np.concatenate([ratio.numerator for ratio in ratios]),
        np.concatenate([ratio.denominator for ratio in ratios]),
    )
