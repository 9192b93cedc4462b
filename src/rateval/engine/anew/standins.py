"""What stands in for a run's datasets, models and methods where only their results are needed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, NoReturn

from rateval.api.component import Component, Context
from rateval.api.params import Params
from rateval.errors import RatevalError
from rateval.plan.cells import Choice
from rateval.records.about.dataset import DatasetRecord
from rateval.records.run import RunRecord
from rateval.registry.registry import Plugin, Registered
from rateval.report.lacks import planned_keys
from rateval.spec.tables import TABLES

TAKEN = ("dataset", "model", "finetune", "shift", "attribution", "task")
"""Tables of a spec whose components have done their work before anything is judged."""


class StoredParams(Params):
    """What tells one component of a run from all others: its table and its label."""

    table: str
    label: str


class BesideBoxesParams(StoredParams):
    """What stands for a task of a run whose maps were held against random boxes."""

    beside_boxes: ClassVar[bool] = True


def refuse(params: StoredParams, context: Context) -> NoReturn:
    """Raise RatevalError: a run that is scored anew makes no such object."""
    raise RatevalError(
        f'{params.table} "{params.label}" is not made where a run is scored anew; run the spec '
        "for what needs it"
    )


def choose_stored(record: RunRecord, table: str) -> tuple[Choice, ...]:
    """Return the choices of one of ``TAKEN`` of a run, of which labels and seeds alone count."""
    named = {key.shift.text: key.shift for key in planned_keys(record) if key.shift is not None}
    shifts = named if table == "shift" else {}
    kinds = {one.kind: one.group for found in record.shifts for one in found.types}
    groups = {name: kinds.get(shift.plain) for name, shift in shifts.items()}
    return tuple(
        Choice(
            entry["name"],
            Registered(TABLES[table], _describe(entry), Plugin("score", "rateval", "")),
            StoredParams(table=table, label=entry["name"]),
            finetuners=tuple(entry["finetuners"]) if "finetuners" in entry else None,
            shift=shifts.get(entry["name"]),
            group=groups.get(entry["name"]),
            task=_stand_for_task(record, entry) if table == "dataset" else None,
        )
        for entry in record.spec_resolved.get(table, ())
    )


def _stand_for_task(record: RunRecord, entry: Mapping[str, Any]) -> Choice | None:
    """Return what stands for a dataset's task where the run judged its maps in random boxes."""
    evidence = (
        found
        for cell in record.cells
        if cell.key.dataset == entry["name"]
        for found in cell.evidence
    )
    if not any(found.chance is not None and found.chance.boxes is not None for found in evidence):
        return None
    params = BesideBoxesParams(table="task", label=entry["name"])
    return Choice(
        entry["name"], Registered("task", _describe(entry), Plugin("score", "rateval", "")), params
    )


def is_seeded(entry: Mapping[str, Any]) -> bool:
    """Return whether a component depends on the study's seed, as a record's entry says."""
    return not {"seed", "seeds"}.isdisjoint(entry)


def _describe(entry: Mapping[str, Any]) -> Component:
    return Component(
        name="stored",
        summary="A component of a run that is scored anew",
        factory=f"{__name__}:refuse",
        params=f"{__name__}:StoredParams",
        seeded=is_seeded(entry),
    )


@dataclass(frozen=True, slots=True)
class StoredSplit:
    """A test split of which only the name and the size are known."""

    identity: str
    size: int

    def __len__(self) -> int:
        return self.size

    def samples(self, indices: Sequence[int]) -> NoReturn:
        """Raise RatevalError: no image is read."""
        raise RatevalError("no image is read where a run is scored anew; run the spec for that")


@dataclass(frozen=True, slots=True)
class StoredDataset:
    """A dataset of which only its record is known."""

    classes: tuple[str, ...]
    test: StoredSplit
    train: None = None
    has_masks: bool = True


def stand_for(record: DatasetRecord) -> StoredDataset:
    """Return what stands for a dataset: its classes, and the name of its whole test split."""
    size = record.test_count if record.test_of is None else record.test_of
    return StoredDataset(record.classes, StoredSplit(record.whole_test, size))
