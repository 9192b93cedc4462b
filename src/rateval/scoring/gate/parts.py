"""Parts of a cell's images, by class or by group: what a worst one is taken of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rateval.records.scores.classes import FEWEST
from rateval.scoring.gate.reading import Counted
from rateval.stats.bounds.held import Pair

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def split(
    pairs: Sequence[tuple[Counted, Counted | None]], codes: NDArray[np.int64], names: Sequence[str]
) -> tuple[list[tuple[str, list[Pair]]], int]:
    """Return the parts that have images enough by each seed, and how many have too few."""
    parts, left = [], 0
    for code, name in enumerate(names):
        there = codes == code
        among: list[Pair] = [
            (one.among(there).ratio, None if other is None else other.among(there).ratio)
            for one, other in pairs
        ]
        sizes = [min(side.below for side in pair if side is not None) for pair in among]
        if min(sizes) > 0 and sum(sizes) / len(sizes) >= FEWEST:
            parts.append((name, among))
        else:
            left += 1
    return parts, left
