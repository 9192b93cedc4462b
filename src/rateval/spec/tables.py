"""From TOML to RunSpec: what a study asks for, before any component is looked up."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    Field,
    StringConstraints,
    model_validator,
)

from rateval.api.kinds import KINDS, Kind
from rateval.api.use import read_use
from rateval.spec.extras import Counterfactual, Faithfulness, HeldOut, Report
from rateval.spec.gate import Gate
from rateval.spec.run_options import RunOptions
from rateval.spec.statistics import Statistics
from rateval.spec.study import Study, Table
from rateval.wording import is_control

TABLES: dict[str, Kind] = {facts.table: kind for kind, facts in KINDS.items()}
"""Name of a table in a spec to the kind of component that its ``use`` names."""

Place = tuple[str | int, ...]
"""Table of a spec, then which of its entries where it has several."""


def _require_plain(label: str) -> str:
    odd = [sign for sign in dict.fromkeys(label) if is_control(sign)]
    if odd:
        codes = ", ".join(f"U+{ord(sign):04X}" for sign in odd)
        raise ValueError(f"must hold no control characters ({codes}); leave them out")
    if not label.strip():
        raise ValueError("must hold more than blanks")
    return label


Label = Annotated[
    str, StringConstraints(min_length=1, max_length=80), AfterValidator(_require_plain)
]


Use = Annotated[
    str, StringConstraints(min_length=1, max_length=4096), AfterValidator(_require_plain)
]


class Entry(Table):
    """A component and its params: one ``[[table]]`` of a spec, or a ``[table]``."""

    use: Use
    """Name of the component, or ./file.py:function."""
    name: Label | None = None
    """Label in reports; ``use`` when left out, of a file the function's name or its own."""
    params: dict[str, Any] = Field(default_factory=dict)
    """Every other key of the table."""

    @property
    def label(self) -> str:
        """Name of this entry in reports."""
        named = read_use(self.use)
        return self.name or (self.use if named is None else named.label)

    @model_validator(mode="before")
    @classmethod
    def _gather_params(cls, data: object) -> object:
        if not isinstance(data, Mapping):
            return data
        own = {key: data[key] for key in cls.own_keys() if key in data}
        return own | {"params": {k: v for k, v in data.items() if k not in own}}

    @classmethod
    def own_keys(cls) -> tuple[str, ...]:
        """Return the keys of the table that are no params."""
        return tuple(name for name in cls.model_fields if name != "params")

    def as_table(self) -> dict[str, Any]:
        """Return a dict shaped like the TOML."""
        return {"use": self.use, "name": self.label} | self.params


class DatasetEntry(Entry):
    """A dataset: one ``[[dataset]]`` of a spec."""

    train_shift: Label | None = None
    """Name of one of the study's shifts, by which the images are shifted that are trained on."""

    def as_table(self) -> dict[str, Any]:
        """Return a dict shaped like the TOML."""
        asked = {} if self.train_shift is None else {"train_shift": self.train_shift}
        return super().as_table() | asked


def entry_class(table: str) -> type[Entry]:
    """Return what the entries of a table are."""
    return DatasetEntry if table == "dataset" else Entry


def is_single(table: str) -> bool:
    """Return whether a spec has one ``[table]``, not a list of ``[[table]]`` entries."""
    return KINDS[TABLES[table]].single


def place_of(table: str, index: int) -> Place:
    """Return where in a document an entry stands.

    >>> place_of("model", 1), place_of("executor", 0)
    (('model', 1), ('executor',))
    """
    return (table,) if is_single(table) else (table, index)


class RunSpec(Table):
    """A whole spec. The lists form a grid."""

    study: Study
    dataset: tuple[DatasetEntry, ...] = Field(min_length=1)
    """What to train and test on."""
    model: tuple[Entry, ...] = Field(min_length=1)
    """The vision-language models."""
    finetune: tuple[Entry, ...] = Field(min_length=1)
    """The fine-tuning methods, zero-shot among them."""
    attribution: tuple[Entry, ...] = Field(default=(Entry(use="generic-attention"),), min_length=1)
    """How to explain a prediction."""
    evidence: tuple[Entry, ...] = Field(default=(Entry(use="relevance-mass"),), min_length=1)
    """How to judge an explanation."""
    metric: tuple[Entry, ...] = Field(
        default=(Entry(use="accuracy"), Entry(use="pt"), Entry(use="ir")), min_length=1
    )
    """What to count."""
    shift: tuple[Entry, ...] = ()
    """Shifts of the test images; the unshifted test is always part of the grid. A list of ``type``
    or ``severity``, where the shift takes one, stands for one shift per combination."""
    task: tuple[Entry, ...] = ()
    """What the datasets ask, where a task is to have other params than its own."""
    faithfulness: Faithfulness | None = None
    """Whether and how the explainers' faithfulness is tried."""
    counterfactual: Counterfactual | None = None
    """Whether and how it is tried that answers hang on the object."""
    held_out: HeldOut | None = None
    """Whether training samples are held out to watch training."""
    statistics: Statistics = Statistics()
    """What intervals and tests are asked for."""
    report: Report = Report()
    """What is kept and written for readers."""
    gate: Gate | None = None
    """What ``rateval gate`` asks of the run."""
    executor: Entry = Entry(use="local")
    """Where the steps run."""
    tracker: tuple[Entry, ...] = ()
    """Where the run is noted besides its own record; nothing is tracked unless one is named."""
    run: RunOptions = RunOptions()

    def entries(self, table: str) -> tuple[Entry, ...]:
        """Return the entries of one of ``TABLES``."""
        found: Entry | tuple[Entry, ...] = getattr(self, table)
        return (found,) if isinstance(found, Entry) else found

    def as_tables(self) -> dict[str, Any]:
        """Return nested dicts shaped like the TOML."""
        tables: dict[str, Any] = {}
        for table in TABLES:
            entries = [entry.as_table() for entry in self.entries(table)]
            tables[table] = entries[0] if is_single(table) else entries
        tables |= self.extras()
        if self.statistics != Statistics():
            tables["statistics"] = self.statistics.model_dump(mode="json", exclude_none=True)
        if self.report != Report():
            tables["report"] = self.report.model_dump(mode="json")
        return {"study": self.study.as_table(), "run": self.run.as_table()} | tables

    def extras(self) -> dict[str, Any]:
        """Return the tables that a spec may leave out, of those that it has, as JSON values."""
        given = {
            "faithfulness": self.faithfulness,
            "counterfactual": self.counterfactual,
            "held_out": self.held_out,
            "gate": self.gate,
        }
        return {
            name: table.model_dump(mode="json", exclude_none=name == "gate")
            for name, table in given.items()
            if table is not None
        }
