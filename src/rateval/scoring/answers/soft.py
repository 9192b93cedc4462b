"""Metrics over answers that are right to a share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from rateval.records.scores.estimate import Estimate
from rateval.stats.clusters import clustered_share
from rateval.stats.ratio import Ratio

if TYPE_CHECKING:
    from numpy.typing import NDArray


def estimate_soft(ratio: Ratio, cluster: NDArray[np.int64] | None, level: float) -> Estimate:
    """Return a soft score with the interval of a linearised ratio."""
    count = int((ratio.denominator > 0).sum())
    units = np.arange(len(ratio.numerator)) if cluster is None else cluster
    found = clustered_share(ratio, units, level)
    return Estimate(
        value=ratio.value,
        low=None if found is None else found.low,
        high=None if found is None else found.high,
        over="images" if cluster is None else "clusters",
        count=count,
    )
