"""What a run stored of each image of a cell, as a gate counts it: no model and no data are read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from rateval.api.component import Context
from rateval.errors import RatevalError
from rateval.plan.cells import Choice
from rateval.records.key import Key
from rateval.records.results import find_result, pick_evidence
from rateval.records.run import RunRecord
from rateval.records.scores.cell import CellRecord
from rateval.stats.ratio import Ratio, number_clusters
from rateval.store.rows import ROWS, read_rows
from rateval.tasks.classification import Classification
from rateval.wording import list_some
from rateval.workbench.build import build
from rateval.workbench.counting import Counting, number_states
from rateval.workbench.groups import read_groups
from rateval.workbench.outcomes import Edited, read_outcomes

if TYPE_CHECKING:
    from numpy.typing import NDArray

Find = Callable[[RunRecord, str, str], Choice]
"""From a run, a table of its spec and a label to what it names there."""


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

    def __init__(self, record: RunRecord, find: Find) -> None:
        self._record, self._find = record, find
        self._cluster: str = record.spec_resolved.get("statistics", {}).get("cluster", "none")
        self._metrics: dict[str, tuple[Choice, Any]] = {}

    @property
    def clusters(self) -> bool:
        """Whether images count by clusters."""
        return self._cluster != "none"

    def looks_at_evidence(self, metric: str) -> bool:
        """Return whether a metric looks at more than predictions."""
        choice, made = self._metric(metric)
        return choice.by_edits or Classification(2).needs_masks(made, edits=False)

    def read(
        self, run: RunRecord, cell: CellRecord, validator: str | None, metric: str
    ) -> Counted | None:
        """Return a metric of the gated run by the images of a cell of any run.

        None for one that is no sum over images. Raises RatevalError when what was stored is gone.
        """
        evidence = pick_evidence(cell, validator, run.label(cell.key))
        inferred = find_result(run.path, "infer", cell.identity, ROWS)
        judged = find_result(run.path, "judge", evidence.identity)
        choice, made = self._metric(metric)
        edited = _edited(run, cell) if choice.by_edits else None
        outcomes = read_outcomes(inferred, judged, edited)
        classes = len(find_dataset(run, cell.key).classes)
        counting = Counting(Classification(classes), metric, made, choice.by_edits)
        table = counting.count_states(outcomes)
        if table is None:
            return None
        rows = read_rows(inferred, ["id", "label"])
        adds = table[number_states(outcomes)]
        labels = rows.column("label").to_numpy().astype(np.int64)
        return Counted(
            np.array(rows.column("id").to_pylist(), dtype=np.str_),
            Ratio(adds[:, 0], adds[:, 1]),
            labels,
            self._number_clusters(inferred, labels),
        )

    def _metric(self, label: str) -> tuple[Choice, Any]:
        if label not in self._metrics:
            choice = self._find(self._record, "metric", label)
            self._metrics[label] = choice, build(choice, Context())
        return self._metrics[label]

    def _number_clusters(self, inferred: Any, labels: NDArray[np.int64]) -> Any:
        if not self.clusters:
            return None
        if self._cluster == "class":
            return number_clusters(labels.tolist())
        groups = {group.name: group for group in read_groups(inferred)}
        if self._cluster not in groups:
            raise RatevalError(
                f"clusters are by {self._cluster}, which these images don't have; they have "
                + (list_some(groups) or "no group")
            )
        return number_clusters(groups[self._cluster].codes.tolist())


def find_dataset(run: RunRecord, key: Key) -> Any:
    """Return what a run says of a cell's dataset. Raises RatevalError where it says nothing."""
    for found in run.datasets:
        if found.name == key.dataset and found.seed in (key.seed, None):
            return found
    raise RatevalError(f"{run.path}: its record says nothing of the dataset {key.dataset}")


def _edited(run: RunRecord, cell: CellRecord) -> Edited | None:
    stored = cell.counterfactual
    if stored is None:
        return None
    folder = find_result(run.path, "counterfactual", stored.identity)
    return Edited(folder, run.spec_resolved["counterfactual"]["keep"])
