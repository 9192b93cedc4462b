"""The normal interval of a mean."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

_Z = NormalDist().inv_cdf(0.975)


def _gain(differences: NDArray[np.float64]) -> dict[str, float | None] | None:
    """Average differences of images, with a normal 95 % interval of the mean."""
    if not len(differences):
        return None
    mean = float(differences.mean())
    if len(differences) == 1:
        return {"value": mean, "low": None, "high": None}
    half = _Z * float(differences.std(ddof=1)) / len(differences) ** 0.5
    return {"value": mean, "low": mean - half, "high": mean + half}
