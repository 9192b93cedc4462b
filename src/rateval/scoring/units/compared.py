"""Scores of two cells compared sample by sample, whatever units each has of them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from rateval.scoring.compared import Compared, over_clusters
from rateval.scoring.units.sharing import number_shared, share_images
from rateval.scoring.units.sums import Sums
from rateval.stats.clusters import clustered_difference


def compare_sums(one: Sums, other: Sums, level: float) -> list[Compared | None]:
    """Return scores minus the other's on the samples of both, whatever units each has of them."""
    here, there = share_images([one, other])
    cluster = number_shared(one, here)
    units = np.arange(int(here.sum())) if cluster is None else cluster
    found: list[Compared | None] = []
    for metric in range(len(one.adds)):
        first, second = one.ratio(metric, here), other.ratio(metric, there)
        clustered = None
        if first is not None and second is not None:
            clustered = clustered_difference(first, second, units, level)
        compared = None if clustered is None else over_clusters(clustered, level)
        if compared is not None and cluster is None:
            compared = replace(compared, over="images")
        found.append(compared)
    return found
