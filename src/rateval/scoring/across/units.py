"""The units of a run's cells by their ids, as comparisons count them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rateval.api.component import Context
from rateval.errors import RatevalError
from rateval.plan.cells import Choice
from rateval.records.about.dataset import DatasetRecord
from rateval.records.results import find_result, pick_evidence
from rateval.records.run import RunRecord
from rateval.records.scores.cell import CellRecord, StoredEvidenceRecord
from rateval.scoring.images import Images
from rateval.scoring.units.clusters import BUILT_IN, read_clusters, read_sums
from rateval.scoring.units.sums import Sums
from rateval.store import rows as tables
from rateval.store.tables.samples import read_samples
from rateval.workbench.bench import Workbench
from rateval.workbench.verdicts.counting import STATES, Counting, number_states
from rateval.workbench.verdicts.groups import read_groups
from rateval.workbench.verdicts.outcomes import Edited, read_outcomes

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class Units:
    """The units of one cell by one validator, in the order of their numbers."""

    images: Images
    """Their positions are the numbers that all runs have them by."""
    ids: tuple[str, ...]
    predictions: NDArray[np.int64]
    """(N,) class that each was predicted as."""
    classes: tuple[str, ...]
    view: tuple[int, int] | None
    """Height and width of what the model saw, in pixels."""
    odd: frozenset[int]
    """Places of metrics that come out otherwise than the run has stored."""
    texts: pa.Table | None = None
    """N questions, ``input``, and answers, ``output``, where predictions are texts."""

    def name_prediction(self, place: int) -> str:
        """Return what was predicted of a unit: a class, or a text."""
        if self.texts is not None:
            return str(self.texts["output"][place].as_py())
        return self.classes[int(self.predictions[place])]

    def name_question(self, place: int) -> str:
        """Return what was asked of a unit; empty where nothing was."""
        asked = self.texts is not None and "input" in self.texts.column_names
        return str(self.texts["input"][place].as_py()) if asked and self.texts else ""


@dataclass(frozen=True, slots=True)
class Asked:
    """What is read of a cell besides its predictions."""

    validator: str
    metrics: tuple[tuple[str, Choice], ...]
    """Label in the cell's own spec, and what counts it."""
    cluster: str
    """``none``, ``class``, ``sample`` or a group of the dataset."""


class UnitReader:
    """Reads the units of cells of any run; the same id has the same number everywhere."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}
        self._bench = Workbench(Context())
        self._read: dict[tuple[object, ...], Units] = {}
        self._shared: dict[bytes, tuple[NDArray[np.int64], tuple[str, ...]]] = {}
        """Numbers and ids that cells have in common, by their bytes."""

    def read(self, record: RunRecord, cell: CellRecord, asked: Asked) -> Units:
        """Return the units of a cell.

        Raises RatevalError where it has no verdicts of the validator, what is stored is gone, or
        the images aren't in the groups that are to be clusters.
        """
        metrics = tuple((label, choice.identity) for label, choice in asked.metrics)
        key = (record.path, cell.key, asked.validator, metrics, asked.cluster)
        if key not in self._read:
            self._read[key] = self._read_anew(record, cell, asked)
        return self._read[key]

    def _read_anew(self, record: RunRecord, cell: CellRecord, asked: Asked) -> Units:
        evidence = pick_evidence(cell, asked.validator, record.label(cell.key))
        inferred = find_result(record.path, "infer", cell.identity, tables.ROWS)
        judged = find_result(record.path, "judge", evidence.identity)
        outcomes = read_outcomes(inferred, judged, _find_edited(record, cell))
        texts = [name for name in ("input", "output") if tables.has_column(inferred, name)]
        rows = tables.read_rows(inferred, ["id", "label", "prediction", "mask_area", *texts])
        ids: list[str] = rows.column("id").to_pylist()
        labels = rows.column("label").to_numpy().astype(np.int64)
        states = number_states(outcomes)
        classes = find_dataset(record, cell).classes
        counted = [
            None
            if evidence.score(label) is None
            else Counting(
                label,
                self._bench.object(choice, cell.key.seed),
                choice.by_edits,
            ).count_states(outcomes)
            for label, choice in asked.metrics
        ]
        numbers = self._number(ids)
        order = np.argsort(numbers, kind="stable")
        positions, names = self._share(numbers[order], ids, order)
        cluster = _cluster(inferred, labels, asked.cluster, record)
        images = Images(
            positions,
            states[order],
            tuple(counted),
            labels[order],
            rows.column("mask_area").to_numpy().astype(np.float64)[order],
            None if cluster is None else cluster[order],
            sums=self._sum(inferred, states, counted, asked.cluster),
        )
        return Units(
            images,
            names,
            rows.column("prediction").to_numpy().astype(np.int64)[order],
            classes,
            None if _is_imported(record) else tables.read_mask_shape(inferred),
            frozenset(_find_odd(evidence, [label for label, _ in asked.metrics], images)),
            rows.select(texts).take(order) if texts else None,
        )

    def _sum(
        self,
        inferred: Path,
        states: NDArray[np.uint8],
        counted: Sequence[NDArray[np.float64] | None],
        cluster: str,
    ) -> Sums | None:
        """Return what units add by samples, which the same number has everywhere; else None."""
        sums = read_sums(inferred, states, counted, cluster)
        if sums is None:
            return None
        return sums.renumber(self._number(read_samples(inferred, ["id"])["id"].to_pylist()))

    def _number(self, ids: Sequence[str]) -> NDArray[np.int64]:
        known = self._numbers
        return np.array([known.setdefault(name, len(known)) for name in ids], dtype=np.int64)

    def _share(
        self, numbers: NDArray[np.int64], ids: Sequence[str], order: NDArray[np.intp]
    ) -> tuple[NDArray[np.int64], tuple[str, ...]]:
        found = self._shared.get(numbers.tobytes())
        if found is None:
            found = numbers, tuple(ids[at] for at in order.tolist())
            self._shared[numbers.tobytes()] = found
        return found


def find_dataset(record: RunRecord, cell: CellRecord) -> DatasetRecord:
    """Return what a record says of the data of a cell. Raises RatevalError when it says nothing."""
    for found in record.datasets:
        if found.name == cell.key.dataset and found.seed in (None, cell.key.seed):
            return found
    raise RatevalError(
        f'{record.place}: its record says nothing of the dataset "{cell.key.dataset}", so that '
        "nobody knows what it holds; run its spec again"
    )


def _is_imported(record: RunRecord) -> bool:
    """Return whether predictions and verdicts were read from files, which tell of no masks."""
    return any("component" not in one for one in record.spec_resolved.get("attribution", ()))


def _find_odd(
    evidence: StoredEvidenceRecord, labels: Sequence[str], images: Images
) -> Iterator[int]:
    """Yield the places of metrics whose counts are other ones than the record has."""
    counts = np.bincount(images.states, minlength=STATES)
    for at, (label, table) in enumerate(zip(labels, images.tables, strict=True)):
        score = evidence.score(label)
        if table is not None and score is not None:
            sums = (counts @ table).tolist()
            if sums != [score.value.numerator, score.value.denominator]:
                yield at


def _find_edited(record: RunRecord, cell: CellRecord) -> Edited | None:
    table = record.spec_resolved.get("counterfactual")
    if table is None or cell.counterfactual is None:
        return None
    folder = find_result(record.path, "counterfactual", cell.counterfactual.identity)
    return Edited(folder, table["keep"])


def _cluster(
    inferred: Path, labels: NDArray[np.int64], name: str, record: RunRecord
) -> NDArray[np.int64] | None:
    """Return the cluster of each unit; those of which it is not known are one together."""
    groups = read_groups(inferred) if name not in BUILT_IN else ()
    found = [group.name for group in groups]
    if name not in (*BUILT_IN, *found):
        there = ", ".join(found) or "none"
        raise RatevalError(
            f'{record.place}: cluster = "{name}": the images are in no such group, there are '
            f'{there}; name one of these, "class", "sample" or "none"'
        )
    return read_clusters(inferred, labels, name)
