"""A difference of two methods with what its images, its seeds or its clusters leave open."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import sqrt

from rateval.records.scores.estimate import Estimate, Over
from rateval.stats.clusters import Clustered
from rateval.stats.difference import Difference, Share
from rateval.stats.multiple import no_fall
from rateval.stats.seeds import Mean
from rateval.stats.student import t_interval, t_quantile, two_sided_t


@dataclass(frozen=True, slots=True)
class Compared:
    """A difference by one metric."""

    value: float
    low: float | None
    high: float | None
    p: float | None
    """Two-sided, of no difference; None without an interval."""
    few: bool
    """Whether there are too few successes or failures for p to mean something."""
    over: Over
    beyond: Callable[[float], float] | None = None
    """From a margin above 0 to the one-sided p of a fall by as much or more; None without an
    interval."""
    opposite: Callable[[float], float] | None = None
    """The same of a rise."""

    def estimate(self, count: int) -> Estimate:
        """Return it as a record, of so many images."""
        return Estimate(
            value=self.value,
            low=self.low,
            high=self.high,
            over=self.over,
            count=count,
            p=self.p,
            few=self.few,
        )


def over_images(found: Difference, first: Share, second: Share) -> Compared:
    """Return the paired difference of two shares of images."""
    rho = found.correlation
    return Compared(
        found.value,
        found.low,
        found.high,
        found.p,
        not found.enough,
        "images",
        lambda margin: no_fall(first, second, rho, margin),
        lambda margin: no_fall(second, first, rho, margin),
    )


def over_clusters(found: Clustered, level: float) -> Compared:
    """Return a difference over clusters; without an interval where there is one only."""
    if found.high is None:
        return Compared(found.value, None, None, None, False, "clusters")
    freedom = found.clusters - 1
    error = (found.high - found.value) / t_quantile(freedom, level)
    return Compared(
        found.value,
        found.low,
        found.high,
        found.p,
        False,
        "clusters",
        *_by_t(found.value, error, freedom),
    )


def over_both(found: Mean, *, clusters: bool) -> Compared:
    """Return a mean difference over seeds that share their images."""
    return Compared(
        found.value,
        found.low,
        found.high,
        two_sided_t(found.value / found.error, found.freedom),
        False,
        "seeds and clusters" if clusters else "seeds and images",
        *_by_t(found.value, found.error, found.freedom),
    )


def over_seeds(values: list[float], level: float) -> Compared:
    """Return the mean of differences by two seeds or more, each with images of its own."""
    mean, count = sum(values) / len(values), len(values)
    low, high = t_interval(values, level)
    error = sqrt(sum((value - mean) ** 2 for value in values) / (count - 1) / count)
    if not error:
        return Compared(mean, low, high, float(mean == 0), False, "seeds")
    p = two_sided_t(mean / error, count - 1)
    return Compared(mean, low, high, p, False, "seeds", *_by_t(mean, error, count - 1))


def _by_t(
    value: float, error: float, freedom: float
) -> tuple[Callable[[float], float], Callable[[float], float]]:
    """Return the one-sided tests of a fall, and of a rise, by a margin or more."""

    def beyond(distance: float) -> float:
        if not error:
            return float(distance <= 0)
        tail = two_sided_t(distance / error, freedom) / 2
        return tail if distance > 0 else 1 - tail

    return (lambda margin: beyond(value + margin)), (lambda margin: beyond(margin - value))
