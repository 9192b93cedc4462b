"""Which units of a cell were drawn together, from what infer stored of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from rateval.scoring.units.sums import Sums, sum_units
from rateval.store.tables.samples import has_samples, read_samples
from rateval.workbench.verdicts.groups import read_groups
from rateval.workbench.verdicts.outcomes import read_sample_positions

if TYPE_CHECKING:
    from numpy.typing import NDArray

BUILT_IN = ("none", "class", "sample")
"""Clusters that need no group of the dataset."""


def read_clusters(inferred: Path, labels: NDArray[np.int64], name: str) -> NDArray[np.int64] | None:
    """Return the cluster of each row, of classes ``labels`` (N,); None where none are asked for.

    Those of which it is not known are one together. Raises KeyError where a group isn't there.
    """
    if name == "none":
        return None
    if name == "class":
        return _number(labels)
    if name == "sample":
        return _number(read_sample_positions(inferred))
    return {group.name: group for group in read_groups(inferred)}[name].codes + 1


def read_sums(
    inferred: Path,
    states: NDArray[np.uint8],
    counted: Sequence[NDArray[np.float64] | None],
    name: str,
) -> Sums | None:
    """Return what rows add sample by sample; None where each sample has one."""
    if not has_samples(inferred):
        return None
    samples = read_samples(inferred, ["index"]).column(0).to_numpy()
    cluster = cluster_samples(inferred, len(samples), name)
    return sum_units(samples, read_sample_positions(inferred), states, counted, cluster)


def cluster_samples(inferred: Path, count: int, name: str) -> NDArray[np.int64] | None:
    """Return the cluster of each of ``count`` samples whose rows are of units; None for none."""
    if name == "sample":
        return np.arange(count)
    if name in ("none", "class"):
        return None
    groups = {group.name: group for group in read_groups(inferred, of_samples=True)}
    return groups[name].codes + 1


def _number(values: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.unique(values, return_inverse=True)[1].astype(np.int64)
