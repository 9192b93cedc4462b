"""From TOML to RunSpec: what a study asks for, before any component is looked up."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PlainValidator,
    StringConstraints,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticCustomError

from rateval.api.kinds import KINDS, Kind
from rateval.api.use import read_use
from rateval.spec.extras import Counterfactual, Faithfulness, HeldOut, Report
from rateval.spec.gate import Gate
from rateval.spec.statistics import Statistics
from rateval.spec.study import Study, Table
from rateval.spec.values import explain_path
from rateval.store.remote.urls import explain_url, is_url
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


def _require_path(value: object) -> object:
    text = str(value)
    why = explain_path(text) if text else 'is empty; write "." for the current folder'
    if why:
        raise ValueError(why)
    return value


def _read_place(value: object) -> Path | str:
    if isinstance(value, str) and is_url(value):
        why = explain_url(value)
        if why:
            raise ValueError(why)
        return value
    if not isinstance(value, str | Path):
        raise PydanticCustomError("path_type", "Input is not a valid path")
    return Path(str(_require_path(value))).expanduser()


Output = Annotated[Path | str, PlainValidator(_read_place)]


def _require_readers(value: object) -> object:
    number = isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= _READERS
    if value != "auto" and not number:
        quoted = isinstance(value, str) and value.strip().isdecimal()
        how = f"; write it without quotes: {value}" if quoted else ""
        raise ValueError(f'must be "auto", or a whole number from 1 to {_READERS}{how}')
    return value


_READERS = 256
"""Readers at most."""


class RunOptions(Table):
    """How to run, not what: ``[run]``; ``limit`` and ``precision`` alone change results."""

    device: Annotated[str, StringConstraints(pattern=r"^(auto|cpu|mps|cuda(:\d+)?)$")] = "auto"
    """``auto`` (the best there is), ``cpu``, ``mps``, ``cuda`` or ``cuda:N``."""
    batch_size: int = Field(default=64, ge=1, le=65536)
    """Images per forward pass of inference."""
    shard_size: int = Field(default=512, ge=1, le=1_000_000)
    """Units of a test split that are done and kept together, rounded up to whole batches; results
    don't depend on it."""
    precision: Literal["float32", "bfloat16", "float16"] = "float32"
    """Format that image towers compute in where they predict and are explained; training has its
    own. Rounded to half the size it is another result, with an identity of its own."""
    processes: int = Field(default=1, ge=1, le=64)
    """Processes that share each step of a training: one per GPU, or per group of CPU cores."""
    readers: Annotated[int | Literal["auto"], BeforeValidator(_require_readers)] = "auto"
    """Threads that read and preprocess images ahead of the model: a whole number from 1 to 256, or
    ``auto`` for as many as there are cores, at most 8, shared by processes."""
    limit: int | None = Field(default=None, ge=1)
    """Use at most this many samples of every split, drawn as limit_by says and by a digest of their
    ids. Narrower data are other data: it shows in the identity of the splits."""
    limit_by: Literal["share", "class"] = "share"
    """``share``: in proportion to the classes. ``class``: equally many of each, which estimates
    something else: the mean over such a balanced sample, not over the data."""
    output: Output = Path("runs")
    """Folder for run records and stored results, relative to the current directory, or a URL such
    as ``s3://bucket/runs``."""
    max_cells: int = Field(default=10_000, ge=1)
    """Cells of a study at most; a larger grid is refused before it is laid out."""
    reuse: bool = True
    """Reuse stored results of equal identity; false computes all of them again."""

    @field_validator("limit_by")
    @classmethod
    def _require_limit(cls, by: str, info: ValidationInfo) -> str:
        if "limit" in info.data and info.data["limit"] is None:
            raise ValueError("says how a limit is drawn, and there is none; add `limit`")
        return by

    def as_table(self) -> dict[str, Any]:
        """Return a dict shaped like the TOML."""
        unused = {"limit", "limit_by"} if self.limit is None else set[str]()
        return self.model_dump(mode="json", exclude=unused)


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
