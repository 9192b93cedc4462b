"""How a study is run, not what it asks: the table ``[run]`` of a spec."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    BeforeValidator,
    Field,
    PlainValidator,
    StringConstraints,
    ValidationInfo,
    field_validator,
)
from pydantic_core import PydanticCustomError

from rateval.spec.study import Table
from rateval.spec.values import explain_path
from rateval.store.remote.urls import explain_url, is_url


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
