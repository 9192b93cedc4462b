"""What several cells of one test have in common."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Placed(Protocol):
    """Images of a cell, or what its units add to each."""

    @property
    def positions(self) -> NDArray[np.int64]:
        """(N,) in the test split, ascending."""
        ...

    @property
    def cluster(self) -> NDArray[np.int64] | None:
        """(N,) number of each one's cluster; None where each stands for itself."""
        ...

    def among(self, positions: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Return which lie at any of these positions, (N,) bool."""
        ...


def share_images(read: Sequence[Placed]) -> list[NDArray[np.bool_]]:
    """Return which images of each cell all of them have."""
    shared = read[0].positions
    for images in read[1:]:
        if images.positions is not shared:
            shared = np.intersect1d(shared, images.positions, assume_unique=True)
    return [images.among(shared) for images in read]


def number_shared(images: Placed, chosen: NDArray[np.bool_]) -> NDArray[np.int64] | None:
    """Return the clusters of chosen images, numbered without gaps; None where there are none."""
    if images.cluster is None:
        return None
    return np.unique(images.cluster[chosen], return_inverse=True)[1].astype(np.int64)
