"""One score of some of the images, as a class or a third by area has it."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import mean
from typing import TYPE_CHECKING, Any

import numpy as np

from rateval.stats.ratio import Ratio
from rateval.stats.seeds import mean_of_seeds, mean_over_seeds, share_limits, stack_influences
from rateval.stats.wilson import wilson_interval

if TYPE_CHECKING:
    from numpy.typing import NDArray


def among(ratio: Ratio, chosen: NDArray[np.bool_]) -> Ratio:
    """Return a ratio of chosen images alone, (N,) bool."""
    return Ratio(ratio.numerator[chosen], ratio.denominator[chosen])


def part_of_images(above: float, below: float, level: float) -> dict[str, Any]:
    """Return what a part is by one seed; ``below`` is above 0."""
    low, high = wilson_interval(above, below, level)
    return {
        "numerator": int(above),
        "denominator": int(below),
        "value": above / below,
        "low": low or 0.0,
        "high": 1.0 if high is None else high,
    }


def part_over_seeds(repeated: Sequence[Ratio], level: float, *, shared: bool) -> dict[str, Any]:
    """Return what a part is over seeds; those by which it is undefined are left out."""
    there = [ratio for ratio in repeated if ratio.value is not None]
    values = [ratio.value for ratio in there if ratio.value is not None]
    found = (
        mean_over_seeds(values, stack_influences(there), level)
        if shared
        else mean_of_seeds(values, level)
    )
    value, units = mean(values), mean(ratio.below for ratio in there)
    low, high = share_limits(value, units, len(there), found, level)
    return {
        "numerator": None,
        "denominator": mean(ratio.below for ratio in repeated),
        "value": value,
        "low": low,
        "high": high,
        "over": "seeds and images" if shared else "seeds",
    }
