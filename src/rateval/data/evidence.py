"""Where a sample has evidence, of whatever its unit is."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rateval.api.values import Sample


def find_evidence(sample: Sample) -> NDArray[np.bool_] | None:
    """Return its mask, else where any of what it depicts is; None where nothing says where.

    >>> from PIL import Image
    >>> from rateval.api.values import Depicted
    >>> shown = (Depicted(0, np.eye(2, dtype=bool)), Depicted(1, None))
    >>> found = find_evidence(Sample("a", Image.new("RGB", (2, 2)), 0, None, depicted=shown))
    >>> found.tolist()
    [[True, False], [False, True]]
    """
    if sample.mask is not None:
        return sample.mask
    masks = [one.mask for one in sample.depicted if one.mask is not None]
    return np.logical_or.reduce(masks) if masks else None
