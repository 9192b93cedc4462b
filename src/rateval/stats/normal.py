"""The normal interval of a mean."""

from __future__ import annotations

from statistics import NormalDist
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def normal_interval(
    values: NDArray[np.float64], level: float = 0.95
) -> tuple[float, float] | tuple[None, None]:
    """Return the interval of the mean of many independent values, (N,); (None, None) below two.

    >>> import numpy as np
    >>> [round(end, 4) for end in normal_interval(np.array([1.0, 2.0, 3.0]))]
    [0.8684, 3.1316]
    >>> normal_interval(np.array([1.0]))
    (None, None)
    """
    if len(values) < 2:
        return None, None
    z = NormalDist().inv_cdf(0.5 + level / 2)
    mean, half = float(values.mean()), z * float(values.std(ddof=1)) / len(values) ** 0.5
    return mean - half, mean + half
