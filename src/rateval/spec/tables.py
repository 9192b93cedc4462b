"""From TOML to RunSpec: what a study asks for, before any component is looked up."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    Field,
    StringConstraints,
    ValidationError,
    model_validator,
)

from rateval.api.component import Kind
from rateval.errors import Problem, RatevalError
from rateval.spec.explain import explain_error, locate
from rateval.spec.study import Study, Table

TABLES: dict[str, Kind] = {
    "dataset": "dataset",
    "model": "model",
    "finetune": "finetuner",
    "attribution": "attribution",
    "evidence": "validator",
    "metric": "metric",
    "shift": "shift",
}
"""Name of a ``[[table]]`` in a spec to the kind of component that its ``use`` names."""

Label = Annotated[str, StringConstraints(min_length=1, max_length=80, pattern=r"^[^\r\n\t]+$")]


class Entry(Table):
    """Choose a component and give its params: one ``[[table]]`` of a spec."""

    use: Label
    """Name of the component."""
    name: Label | None = None
    """Label in reports; ``use`` when left out."""
    params: dict[str, Any] = Field(default_factory=dict)
    """Every other key of the table."""

    @property
    def label(self) -> str:
        """Name this entry in reports."""
        return self.name or self.use

    @model_validator(mode="before")
    @classmethod
    def _gather_params(cls, data: object) -> object:
        if not isinstance(data, Mapping):
            return data
        own = {key: data[key] for key in ("use", "name") if key in data}
        return own | {"params": {k: v for k, v in data.items() if k not in own}}


class Faithfulness(Table):
    """Probe the explainers themselves: ``[faithfulness]``; nothing is probed without it."""

    images: int = Field(default=64, ge=1)
    """Test images that are probed in each cell, the first ones of the split."""
    steps: int = Field(default=8, ge=1, le=1024)
    """Equal steps in which an image's patches are taken out and put in."""
    randomisation: bool = True
    """Whether the images are explained once more with permuted weights, for comparison."""


class Validation(Table):
    """Hold training samples out to watch training: ``[validation]``; none are without it.

    After every epoch they are scored, for the curve in the report and for methods that stop early.
    """

    images: int = Field(default=256, ge=1)
    """Training samples held out, at most half of the split; nothing is trained on them."""
    evidence: bool = True
    """Whether they are also explained and judged, by the study's first attribution and validator;
    false leaves accuracy alone, which is quicker."""


class RunOptions(Table):
    """Say how to run, not what: ``[run]``; ``limit`` and ``precision`` alone change results."""

    device: Annotated[str, StringConstraints(pattern=r"^(auto|cpu|mps|cuda(:\d+)?)$")] = "auto"
    """``auto`` (the best there is), ``cpu``, ``mps``, ``cuda`` or ``cuda:N``."""
    batch_size: int = Field(default=64, ge=1, le=65536)
    """Images per forward pass of inference."""
    precision: Literal["float32", "bfloat16", "float16"] = "float32"
    """Format that image towers compute in where they predict and are explained; training has its
    own. Rounded to half the size it is another result, with an identity of its own."""
    processes: int = Field(default=1, ge=1, le=64)
    """Processes that share each step of a training: one per GPU, or per group of CPU cores."""
    workers: int = Field(default=1, ge=1, le=256)
    """Threads that read and preprocess images ahead of the model."""
    limit: int | None = Field(default=None, ge=1)
    """Use at most this many samples of every split. Narrower data are other data, so this one
    option does show in the identity of the splits."""
    output: Path = Path("runs")
    """Folder for run records and stored results, relative to the current directory."""
    reuse: bool = True
    """Reuse stored results of equal identity; false computes all of them again."""


class RunSpec(Table):
    """Hold a whole spec. The lists form a grid."""

    study: Study
    dataset: tuple[Entry, ...] = Field(min_length=1)
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
    """Shifts of the test images; the unshifted test is always part of the grid."""
    faithfulness: Faithfulness | None = None
    """Whether and how the explainers themselves are probed."""
    validation: Validation | None = None
    """Whether training samples are held out to watch training."""
    run: RunOptions = RunOptions()

    def entries(self, table: str) -> tuple[Entry, ...]:
        """Return the entries of one of ``TABLES``."""
        entries: tuple[Entry, ...] = getattr(self, table)
        return entries

    def as_tables(self) -> dict[str, Any]:
        """Return nested dicts shaped like the TOML."""
        tables: dict[str, Any] = {
            table: [
                {"use": entry.use, "name": entry.label} | entry.params
                for entry in self.entries(table)
            ]
            for table in TABLES
        }
        if self.faithfulness is not None:
            tables["faithfulness"] = self.faithfulness.model_dump(mode="json")
        if self.validation is not None:
            tables["validation"] = self.validation.model_dump(mode="json")
        run = self.run.model_dump(mode="json", exclude_none=True)
        return {"study": self.study.as_table(), "run": run} | tables


@dataclass(frozen=True, slots=True)
class Document:
    """Hold a spec as it was given, and where each of its parts came from."""

    name: str
    """How messages call it, such as ``spec.toml``."""
    data: dict[str, Any]
    text: str
    """The TOML as written; empty for a spec given as a dict."""
    origins: dict[str, str] = field(default_factory=dict)
    """Key of ``[run]`` to what set it, such as ``--device``."""

    def where(self, loc: Sequence[str | int], *, value: bool) -> str:
        """Write a place in this document, with its value if there is one to show."""
        path, found, known = locate(self.data, loc)
        origin = self.origins.get(str(loc[1])) if len(loc) > 1 and loc[0] == "run" else None
        prefix = origin or f"{self.name}: {path}"
        return f"{prefix} = {_show(found)}" if value and known else prefix


def _show(value: object) -> str:
    text = json.dumps(value, default=str, ensure_ascii=False)
    return text if len(text) <= 60 else text[:57] + "..."


def read_document(path: Path) -> Document:
    """Read a spec file. Raises RatevalError when there is no readable TOML in it."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise RatevalError(
            f"{path}: no such file; give the path of a spec, or write one with `rateval init`"
        ) from None
    except UnicodeDecodeError as error:
        raise RatevalError(f"{path}: not UTF-8 text (byte {error.start})") from None
    except OSError as error:
        raise RatevalError(f"{path}: cannot be read: {error.strerror}") from None
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise RatevalError(f"{path}: not valid TOML: {error}") from None
    return Document(str(path), data, text)


def check_spec(document: Document) -> tuple[RunSpec | None, list[Problem]]:
    """Check the shape of a document; None when it has problems."""
    try:
        # Strict, so that "5" is not taken for 5; through JSON, where lists and paths are natural.
        spec = RunSpec.model_validate_json(json.dumps(document.data, default=str), strict=True)
    except ValidationError as error:
        return None, [
            Problem(
                document.where(details["loc"], value=details["type"] != "extra_forbidden"),
                explain_error(details, RunSpec),
            )
            for details in error.errors()
            # A list that a faulty entry left short is no fault of its own.
            if details["type"] != "too_short" or not details["input"]
        ]
    problems = [
        Problem(
            document.where((table, index, "name"), value=True),
            f'"{entry.label}" names an earlier {table} too; give each its own `name`',
        )
        for table in TABLES
        for index, entry in enumerate(spec.entries(table))
        if entry.label in {earlier.label for earlier in spec.entries(table)[:index]}
    ]
    return (None if problems else spec), problems


def readable_entries(document: Document) -> list[tuple[str, int, Entry]]:
    """Return (table, index, entry) of each entry that is well formed, whatever else is wrong."""
    found: list[tuple[str, int, Entry]] = []
    for table in TABLES:
        raw = document.data.get(table, [])
        for index, item in enumerate(raw if isinstance(raw, list) else []):
            try:
                entry = Entry.model_validate_json(json.dumps(item, default=str), strict=True)
            except ValidationError:
                continue  # check_spec reports it
            found.append((table, index, entry))
    return found
