"""What is known of one requirement on one row of a run, before anything is decided."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import ceil, isfinite
from typing import TYPE_CHECKING

from rateval.records.gate import Rule
from rateval.records.scores.estimate import Over
from rateval.scoring.gate.reading import Counted, share_ids
from rateval.stats.bounds.bound import (
    Beside,
    mean_beside,
    share_beside,
    times_as_many,
    units_for_share,
    worth_beside,
)
from rateval.stats.bounds.held import Held, Pair
from rateval.stats.clusters import clustered_share
from rateval.stats.seeds import mean_of_seeds

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

ONE_CLUSTER = "there is one cluster only, which says nothing of others"
NO_SPREAD = "all seeds gave the same, and each has images of its own"
NO_SUM = "the metric is no sum over images, so nothing is known of how it varies"


@dataclass(frozen=True, slots=True)
class Found:
    """What is known of a value beside its bound."""

    value: float | None = None
    """None where it is undefined or not there."""
    beside: Beside | None = None
    """None where nothing is known of how it varies."""
    over: Over | None = None
    count: float | None = None
    """Units that the value is of."""
    total: int | None = None
    """Test images behind them."""
    why: str = ""
    """Why there is no value, or no interval."""
    told: str | None = None
    at: str | None = None
    """Class or group that decides."""
    times: float | None = None
    """How many times as much data would decide; None where that can't be told."""

    @property
    def images(self) -> int | None:
        """Test images that would decide; None where that can't be told."""
        by_seeds = self.over is not None and self.over.startswith("seeds")
        if self.times is None or self.total is None or by_seeds:
            return None
        return ceil(self.times * self.total)


def upwards(rule: Rule) -> bool:
    """Return whether a rule wants the value above its line, rather than below.

    >>> upwards("drop_at_most"), upwards("rise_at_most")
    (True, False)
    """
    return rule in ("at_least", "drop_at_most", "rise_at_least")


def line_of(rule: Rule, bound: float) -> float:
    """Return what the value has to lie beyond: a drop bounds a difference from below 0.

    >>> line_of("drop_at_most", 0.02), line_of("rise_at_most", 0.02)
    (-0.02, 0.02)
    """
    return -bound if rule == "drop_at_most" else bound


@dataclass(frozen=True, slots=True)
class Asked:
    """What a value is held against."""

    bound: float
    level: float
    """Of each test."""


def find_share(above: float, below: float, total: int, asked: Asked) -> Found:
    """Return a share of units drawn one by one.

    >>> found = find_share(85, 100, 100, Asked(0.8, 0.95))
    >>> found.value, found.images
    (0.85, 368)
    """
    if not below:
        return Found(why=f"it is undefined: none of {total:,} images counts", total=total)
    found = share_beside(above, below, asked.bound, asked.level)
    needed = units_for_share(found.value, asked.bound, level=asked.level)
    times = None if needed is None else needed / below
    return Found(found.value, found, "images", below, total, times=times)


def find_value(counted: Sequence[Counted], asked: Asked, *, shared: bool) -> Found:
    """Return a value of one cell, or the mean over seeds of several.

    ``shared`` says that all are of the same images. Seeds by which it is undefined are left out.
    """
    if shared:
        counted = share_ids(counted)
    total = round(sum(len(one.ids) for one in counted) / len(counted))
    there = [one for one in counted if one.ratio.value is not None]
    if not there:
        return Found(why=f"it is undefined: none of {total:,} images counts", total=total)
    values = [one.ratio.value or 0.0 for one in there]
    if len(there) == 1 or (len(set(values)) == 1 and values[0] in (0, 1)):
        return _find_one(there[0], asked, total)
    count = sum(one.ratio.below for one in there) / len(there)
    if shared:
        ratios = [(one.ratio, None) for one in there]
        return find_held(ratios, there[0].cluster, asked, count, total)
    mean, value = mean_of_seeds(values, asked.level), sum(values) / len(values)
    if mean is None:
        return Found(value, None, "seeds", count, total, NO_SPREAD)
    found = mean_beside(value, mean.error, mean.freedom, asked.bound, asked.level)
    return with_times(Found(value, found, "seeds", count, total), asked)


def find_held(
    pairs: Sequence[Pair],
    cluster: NDArray[np.int64] | None,
    asked: Asked,
    count: float,
    total: int,
) -> Found:
    """Return a ratio, or one minus another, by a seed each; all of the same images, none empty."""
    held = Held(pairs, cluster)
    over: Over = "images" if cluster is None else "clusters"
    if len(pairs) > 1:
        over = "seeds and images" if cluster is None else "seeds and clusters"
    if held.clusters is not None and held.clusters < 2:
        return Found(held.value, None, over, count, total, ONE_CLUSTER)
    beside = held.beside(asked.bound, asked.level)
    return with_times(Found(held.value, beside, over, count, total), asked)


def _find_one(one: Counted, asked: Asked, total: int) -> Found:
    if one.cluster is None:
        return find_share(one.ratio.above, one.ratio.below, total, asked)
    clustered = clustered_share(one.ratio, one.cluster, asked.level)
    if clustered is None or clustered.clusters < 2:
        return Found(one.ratio.value, None, "clusters", one.ratio.below, total, ONE_CLUSTER)
    effect, clusters = clustered.design_effect, clustered.clusters
    worth = clusters if effect is None else one.ratio.below / max(effect, 1.0)
    found = worth_beside(clustered.value, worth, clusters - 1, asked.bound, asked.level)
    return with_times(Found(found.value, found, "clusters", one.ratio.below, total), asked)


def find_worst(
    parts: Sequence[tuple[str, Sequence[Pair]]], total: int, asked: Asked, *, highest: bool
) -> Found:
    """Return the worst of several parts of the images, by one seed or over seeds that share them.

    Of each part there is a ratio by seed, or one and the other that it is compared with. The worst
    is the lowest, or with ``highest`` the highest. That it keeps the bound is shown where each
    part by itself does, which needs no correction; that it doesn't, where one part doesn't after
    Šidák's correction for all of them. Its limits are those of the same tests.
    """
    strict = asked.level ** (1 / max(len(parts), 1))
    levels = (strict, asked.level) if highest else (asked.level, strict)
    each = [(name, _of_part(pairs, asked.bound, *levels)) for name, pairs in parts]
    pick = max if highest else min
    value = pick(one.value for _, one in each)
    if highest:
        kept, broken = max(o.below for _, o in each), min(o.above for _, o in each)
    else:
        kept, broken = max(o.above for _, o in each), min(o.below for _, o in each)
    limits = pick(o.low for _, o in each), pick(o.high for _, o in each)
    broken = 1 - (1 - broken) ** len(each)
    above, below = (broken, kept) if highest else (kept, broken)
    beside = Beside(value, *limits, above, below)
    at = pick(each, key=lambda one: one[1].value)[0]
    size = sum(sum(one.below for one, _ in pairs) / len(pairs) for _, pairs in parts)
    over: Over = "images" if len(parts[0][1]) == 1 else "seeds and images"
    return with_times(Found(value, beside, over, size, total, at=at), asked)


def _of_part(pairs: Sequence[Pair], bound: float, low: float, high: float) -> Beside:
    """Return it beside the bound, with limits at levels of their own."""
    there = [(one, other) for one, other in pairs if one.below and (other is None or other.below)]
    one, other = there[0]
    if len(there) == 1 and other is None:
        found = share_beside(one.above, one.below, bound, low)
        return replace(found, high=share_beside(one.above, one.below, bound, high).high)
    return Held(there).beside(bound, low, high)


def with_times(found: Found, asked: Asked) -> Found:
    """Return it with how many times as much data would decide."""
    if found.beside is None:
        return found
    times = times_as_many(found.beside, asked.bound, level=asked.level)
    return replace(found, times=times if isfinite(times) else None)
