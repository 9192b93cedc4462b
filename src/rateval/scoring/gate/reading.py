"""What a run stored of each image of a cell, as a gate counts it: no model and no data are read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from rateval.api.component import Context
from rateval.errors import RatevalError
from rateval.records.run import RunRecord
from rateval.registry.registry import Registry
from rateval.scoring.across.likeness import Place
from rateval.scoring.across.parts import SharedMetric, share_metrics
from rateval.scoring.across.units import Asked, UnitReader, Units
from rateval.scoring.units.sums import Sums
from rateval.stats.ratio import Ratio, number_clusters
from rateval.workbench.build import build
from rateval.workbench.verdicts.needing import needs_masks

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class Counted:
    """One metric of one cell by its images."""

    ids: NDArray[np.str_]
    """(N,) in the dataset."""
    ratio: Ratio
    """What each image adds."""
    labels: NDArray[np.int64]
    """(N,) class of each image."""
    cluster: NDArray[np.int64] | None
    """(N,) number of each image's cluster, without gaps; None where the study asks for none."""

    def among(self, chosen: NDArray[Any]) -> Counted:
        """Return it of some images, by their places or (N,) bool."""
        return Counted(
            self.ids[chosen],
            Ratio(self.ratio.numerator[chosen], self.ratio.denominator[chosen]),
            self.labels[chosen],
            None if self.cluster is None else number_clusters(self.cluster[chosen].tolist()),
        )


def share_ids(several: Sequence[Counted]) -> list[Counted]:
    """Return each of several cells on the images that all of them have, in one order."""
    shared = several[0].ids
    for one in several[1:]:
        shared = np.intersect1d(shared, one.ids)
    found = []
    for one in several:
        order = np.argsort(one.ids, kind="stable")
        at = np.searchsorted(one.ids[order], shared)
        found.append(one.among(order[at]))
    return found


class Reader:
    """Reads what runs stored of the images of cells, and counts metrics of it."""

    def __init__(self, record: RunRecord, registry: Registry) -> None:
        self._record, self._registry = record, registry
        self._units = UnitReader()
        self._cluster: str = record.spec_resolved.get("statistics", {}).get("cluster", "none")

    @property
    def clusters(self) -> bool:
        """Whether images count by clusters."""
        return self._cluster != "none"

    def looks_at_evidence(self, metric: SharedMetric) -> bool:
        """Return whether a metric looks at more than predictions."""
        made = build(metric.choice, Context())
        return metric.choice.by_edits or needs_masks(made)

    def share(self, run: RunRecord, validator: str, metric: str) -> SharedMetric:
        """Return a metric of the gated run that another run counts alike.

        Raises RatevalError, with the reason, where that one doesn't, or the metric isn't here.
        """
        shared = share_metrics(self._record, run, self._registry, validator)
        found = next((one for one in shared.metrics if one.label == metric), None)
        if found is None:
            raise RatevalError(shared.left_out.get(metric, "the verdicts can't be counted by it"))
        return found

    def read_units(self, place: Place, validator: str, metric: SharedMetric) -> Units:
        """Return the units of a cell of any run, by labels of that run.

        Raises RatevalError when what was stored is gone, or is counted otherwise now.
        """
        own = place[0] is self._record
        label = metric.label if own else metric.theirs
        asked = Asked(validator, ((label, metric.choice),), self._cluster)
        found = self._units.read(*place, asked)
        if found.odd:
            raise RatevalError(
                "counted again it differs from what is stored: its component has changed since"
            )
        return found


def count_units(units: Units) -> Counted | None:
    """Return units by the metric that they were read for; None for one that is no sum over them."""
    if units.images.sums is not None:
        return _count_samples(units.images.sums)
    ratio = units.images.ratio(0)
    if ratio is None:
        return None
    cluster = units.images.cluster
    return Counted(
        np.array(units.ids, dtype=np.str_),
        ratio,
        units.images.labels,
        None if cluster is None else number_clusters(cluster.tolist()),
    )


def _count_samples(sums: Sums) -> Counted | None:
    """Return units that are a cell's own by their samples, which are of no one class."""
    ratio = sums.ratio(0)
    if ratio is None:
        return None
    return Counted(
        sums.positions.astype(np.str_),
        ratio,
        np.full(len(sums.positions), -1, dtype=np.int64),
        None if sums.cluster is None else number_clusters(sums.cluster.tolist()),
    )
