"""Errors under shifts relative to those of a reference method, as ImageNet-C has them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rateval.records.scores.estimate import Over
from rateval.records.scores.shifts import MeanErrorRecord, RelativeErrorRecord
from rateval.scoring.shifts.combining import Shared
from rateval.stats.combination import pulled_error, weigh_pulls
from rateval.stats.seeds import mean_over_seeds
from rateval.stats.student import t_interval, t_quantile
from rateval.stats.wilson import z_of

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class Relative:
    """One type's figure by each seed, and how each image pulls at it."""

    values: tuple[float, ...]
    pulls: tuple[NDArray[np.float64], ...]
    positions: tuple[NDArray[np.int64], ...]
    """Of the images that pull, in the test split; one array for each seed."""
    clusters: tuple[NDArray[np.int64] | None, ...]
    alike: bool


def relate(shared: Shared, *, beyond_clean: bool, where: str, name: str) -> Relative | str:
    """Return a method's errors over the reference's, or why that is undefined.

    The cells of each row are the method's, clean and by severity, then the reference's likewise.
    ``where`` names the type, ``name`` the reference.

    Source: Hendrycks and Dietterich, ICLR 2019, section 4.
    """
    values: list[float] = []
    pulls: list[NDArray[np.float64]] = []
    for row in shared.errors():
        if not len(row[0].numerator):
            return f"no image is there by every severity of {where}"
        half = len(row) // 2
        weights = [float(1 - half) if beyond_clean else 0.0, *[1.0] * (half - 1)]
        ours, theirs = row[:half], row[half:]
        # All shares are of the same images, and whole counts leave no rounding beside 0.
        above, below = (float(np.dot(weights, [r.above for r in part])) for part in (ours, theirs))
        if below <= 0:
            return _explain_undefined(below, beyond_clean=beyond_clean, where=where, name=name)
        value, below = above / below, below / len(row[0].numerator)
        values.append(value)
        pulls.append((weigh_pulls(ours, weights) - value * weigh_pulls(theirs, weights)) / below)
    return Relative(tuple(values), tuple(pulls), shared.positions, shared.clusters, shared.alike)


def _explain_undefined(below: float, *, beyond_clean: bool, where: str, name: str) -> str:
    if not beyond_clean:
        return f"{name} makes no error under {where}"
    how = "as often under" if below == 0 else "less often under"
    return f"{name} errs {how} {where} {'as' if below == 0 else 'than'} on clean images"


def record_error(found: Relative | str, level: float) -> RelativeErrorRecord:
    """Return a figure as a record."""
    if isinstance(found, str):
        return RelativeErrorRecord(value=None, lacking=found)
    low, high, over = _interval(found, level)
    value = float(np.mean(found.values))
    return RelativeErrorRecord(value=value, low=low, high=high, over=over)


def record_mean(found: Sequence[Relative | str], level: float) -> MeanErrorRecord:
    """Return the mean over types, of those by which the figure is defined.

    It has an interval where all types have the same images.
    """
    known = [one for one in found if not isinstance(one, str)]
    if not known:
        whys = dict.fromkeys(one for one in found if isinstance(one, str))
        return MeanErrorRecord(value=None, lacking="; ".join(whys), types=0, of=len(found))
    value = float(np.mean([np.mean(one.values) for one in known]))
    joined = _join(known)
    low, high, over = (None, None, "images") if joined is None else _interval(joined, level)
    return MeanErrorRecord(
        value=value, low=low, high=high, over=over, types=len(known), of=len(found)
    )


def _join(found: Sequence[Relative]) -> Relative | None:
    """Return the mean over types by each seed; None where types have different images or seeds."""
    first = found[0]
    for one in found[1:]:
        same = len(one.values) == len(first.values) and all(
            np.array_equal(ours, theirs)
            for ours, theirs in zip(one.positions, first.positions, strict=True)
        )
        if not same:
            return None
    seeds = range(len(first.values))
    return Relative(
        tuple(float(np.mean([one.values[seed] for one in found])) for seed in seeds),
        tuple(
            sum((one.pulls[seed] for one in found), 0 * first.pulls[seed]) / len(found)
            for seed in seeds
        ),
        first.positions,
        first.clusters,
        first.alike,
    )


def _interval(found: Relative, level: float) -> tuple[float | None, float | None, Over]:
    cluster = found.clusters[0]
    if len(found.values) > 1:
        if found.alike:
            mean = mean_over_seeds(found.values, np.stack(found.pulls), level, cluster)
            if mean is not None:
                both: Over = "seeds and images" if cluster is None else "seeds and clusters"
                return mean.low, mean.high, both
        return *t_interval(found.values, level), "seeds"
    (value,), (pulls,) = found.values, found.pulls
    if cluster is None:
        half = z_of(level) * pulled_error(pulls, None)
        return value - half, value + half, "images"
    clusters = len(np.unique(cluster))
    if clusters < 2:
        return None, None, "clusters"
    half = t_quantile(clusters - 1, level) * pulled_error(pulls, cluster, clusters)
    return value - half, value + half, "clusters"
