"""One score by how much of the image the evidence fills; by one seed or over several."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from rateval.records.scores.classes import AreaRecord
from rateval.scoring.slices.parts import among, part_of_images, part_over_seeds
from rateval.stats.ratio import Ratio

if TYPE_CHECKING:
    from numpy.typing import NDArray


def slice_by_area(
    ratios: Sequence[Ratio], areas: NDArray[np.float64], level: float
) -> Iterator[AreaRecord]:
    """Yield a score by thirds of the images by the area of their evidence, the smallest first.

    There is a ratio for each seed, all of the same images; more than one make a mean over seeds.
    ``areas`` (N,) are shares of the image, NaN without a mask. Nothing for fewer than three
    different ones. Images of one area are in one third.
    """
    known = areas[areas > 0]
    if len(np.unique(known)) < 3 or not all(ratio.is_share for ratio in ratios):
        return
    first, second = np.quantile(known, [1 / 3, 2 / 3], method="inverted_cdf")
    for chosen in (
        (areas > 0) & (areas <= first),
        (areas > first) & (areas <= second),
        areas > second,
    ):
        parts = [among(ratio, chosen) for ratio in ratios]
        if sum(part.below > 0 for part in parts) >= min(len(parts), 2):
            yield AreaRecord(
                least=float(areas[chosen].min()),
                greatest=float(areas[chosen].max()),
                **(
                    part_of_images(parts[0].above, parts[0].below, level)
                    if len(parts) == 1
                    else part_over_seeds(parts, level, shared=True)
                ),
            )
