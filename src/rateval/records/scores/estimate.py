"""A number with its interval, of one seed and of several alike."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import mean, stdev
from typing import Literal

from rateval.records.base import Record
from rateval.stats.student import t_interval
from rateval.stats.wilson import wilson_interval

Over = Literal["images", "seeds", "seeds and images", "clusters", "seeds and clusters"]
"""What an interval is over."""


class Estimate(Record):
    """A number, and how far the images or the seeds that it comes from leave it open."""

    value: float | None
    """Over seeds, their mean; null when it is defined for none of them."""
    low: float | None
    """Lower end of the interval, at the study's level; null when there is none.

    Over images that is Wilson's of a share, the paired one of a difference of two shares, and the
    normal one of a mean difference. Over seeds it is Student's of the mean, cut to where a share
    or a difference of two can lie.
    """
    high: float | None
    """Upper end of that interval."""
    numerator: int | None = None
    """Images counted; null where the value is no share: a difference, or a mean over seeds."""
    denominator: int | None = None
    """Images that they were counted among; null where the numerator is."""
    over: Over
    """What the interval is over: other images, or other seeds, could have given another value.

    Seeds that share their test images leave both open; seeds alone where each has images of its
    own, or where a score is no sum over images. Clusters, such as classes, take the place of images
    where the study asks for them.
    """
    count: int
    """How many images or seeds the value comes from: those for which it is defined."""
    values: tuple[float | None, ...] = ()
    """One per seed, in their order, null where it is undefined; empty over images."""
    sd: float | None = None
    """Sample standard deviation over the seeds, by n - 1; null below two defined values."""

    p: float | None = None
    """Of a difference, how likely one as large is if there is none, on either side; else null."""
    few: bool = False
    """Whether a share of a difference has fewer than 5 successes or failures: p says little then,
    and is not printed."""

    @property
    def minimum(self) -> float | None:
        """The least of the seeds' values; None over images, and when no seed has one."""
        return min((value for value in self.values if value is not None), default=None)

    @property
    def maximum(self) -> float | None:
        """The greatest of the seeds' values; None over images, and when no seed has one."""
        return max((value for value in self.values if value is not None), default=None)

    @property
    def above_0(self) -> bool:
        """Whether there is an interval, and the whole of it lies above 0."""
        return self.low is not None and self.low > 0

    @property
    def excludes_0(self) -> bool:
        """Whether there is an interval, and it leaves out 0.

        >>> Estimate(value=-0.2, low=-0.3, high=-0.1, over="seeds", count=3).excludes_0
        True
        """
        return self.above_0 or (self.high is not None and self.high < 0)

    def cut(self, least: float, most: float = 1.0) -> Estimate:
        """Return the estimate with an interval that ends where its number can lie at all.

        >>> spread([0.8, 1.0]).cut(0).high
        1.0
        """
        low = None if self.low is None else max(least, self.low)
        high = None if self.high is None else min(most, self.high)
        return self.model_copy(update={"low": low, "high": high})


def estimate_share(numerator: int, denominator: int, level: float = 0.95) -> Estimate:
    """Return a share of images with Wilson's interval; undefined when there are none.

    >>> estimate_share(1, 4).value, estimate_share(0, 0).value
    (0.25, None)
    """
    low, high = wilson_interval(numerator, denominator, level)
    return Estimate(
        value=numerator / denominator if denominator else None,
        low=low,
        high=high,
        numerator=numerator,
        denominator=denominator,
        over="images",
        count=denominator,
    )


def spread(values: Sequence[float | None], level: float = 0.95) -> Estimate:
    """Return a number over seeds; undefined values are in none of its statistics.

    >>> found = spread([0.25, None, 0.75])
    >>> found.count, found.value, found.minimum, found.maximum
    (2, 0.5, 0.25, 0.75)
    """
    defined = [value for value in values if value is not None]
    low, high = t_interval(defined, level)
    return Estimate(
        value=mean(defined) if defined else None,
        low=low,
        high=high,
        over="seeds",
        count=len(defined),
        values=tuple(values),
        sd=stdev(defined) if len(defined) > 1 else None,
    )
