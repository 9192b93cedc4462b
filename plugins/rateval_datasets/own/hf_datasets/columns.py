"""Columns of the library ``datasets`` as what photos are made of."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import datasets
import pyarrow as pa
import pyarrow.compute as pc

from rateval_datasets.own.photo import Source
from rateval_datasets.own.problems import find_meant, problem

NAME = "huggingface"


def require_column(table: Any, key: str, column: str) -> None:
    """Require that a table has a column. Raises RatevalError."""
    top = column.partition(".")[0]
    if top not in table.column_names:
        raise problem(
            NAME,
            f'{key} = "{column}": no such column; {find_meant(top, table.column_names)}',
        )


def read_column(table: Any, column: str) -> list[Any]:
    """Return a column's values as Python's own; of "objects.bbox" the part bbox of each."""
    top, _, part = column.partition(".")
    values = list(table.select_columns([top])[:][top])
    if not part:
        return values
    return [_part(value, part) for value in values]


def _part(value: Any, part: str) -> Any:
    if isinstance(value, dict):
        return value.get(part)
    if isinstance(value, list):
        return [_part(one, part) for one in value]
    return None


class Images:
    """A column of images, whose bytes are read when they are asked for."""

    def __init__(self, table: Any, key: str, column: str, root: Path | None) -> None:
        feature = table.features[column]
        self._root = root
        if isinstance(feature, datasets.Image):
            table = table.cast_column(column, datasets.Image(decode=False))
        elif getattr(feature, "dtype", None) not in ("string", "large_string", "binary"):
            raise problem(
                NAME, f'{key} = "{column}": must hold images or paths; it holds {_kind(feature)}'
            )
        self._table = table.select_columns([column])
        self._column = column
        self.sizes = self._read_sizes()
        """Bytes of each image in the table; -1 where it is a file of its own, or none."""

    def _read_sizes(self) -> list[int]:
        flat = self._table.with_format("arrow")[:][self._column].combine_chunks()
        if pa.types.is_struct(flat.type):
            flat = pc.struct_field(flat, "bytes")
        if not (pa.types.is_binary(flat.type) or pa.types.is_large_binary(flat.type)):
            return [-1] * len(self._table)
        return [-1 if size is None else size for size in pc.binary_length(flat).to_pylist()]

    def source(self, at: int) -> Source | None:
        """Return where the image in a row is; None where there is none.

        Raises ValueError for an address of another kind than a path.
        """
        if self.sizes[at] >= 0:
            return lambda: self._read(at)
        path = self._path(at)
        if not path:
            return None
        if "://" in path:
            raise ValueError(f"the image is at {path:.100}, not on this computer's disk")
        return Path(path) if self._root is None else self._root / path

    def _read(self, at: int) -> bytes:
        value = self._table[at][self._column]
        return bytes(value["bytes"] if isinstance(value, dict) else value)

    def _path(self, at: int) -> str | None:
        value = self._table[at][self._column]
        found = value.get("path") if isinstance(value, dict) else value
        return found if isinstance(found, str) else None


def _kind(feature: Any) -> str:
    return str(getattr(feature, "dtype", None) or type(feature).__name__)


def label_reader(table: Any, column: str) -> tuple[Callable[[Any], str | None], list[str] | None]:
    """Return what makes text of a label, and the names of the classes where the table has them.

    Raises RatevalError when the column holds no labels.
    """
    feature: Any = table.features[column.partition(".")[0]]
    for part in column.split(".")[1:]:
        feature = _inner(feature)
        feature = feature.get(part) if isinstance(feature, dict) else feature
    feature = _inner(feature)
    if isinstance(feature, datasets.ClassLabel):
        names = list(feature.names)
        return (lambda at: names[at] if at is not None and at >= 0 else None), names
    dtype = str(getattr(feature, "dtype", ""))
    if dtype in ("string", "large_string", "bool") or dtype.startswith(("int", "uint")):
        return _as_text, None
    raise problem(
        NAME,
        f'label = "{column}": must hold classes, text or whole numbers; it holds {_kind(feature)}',
    )


def _inner(feature: Any) -> Any:
    while isinstance(feature, list) or hasattr(feature, "feature"):
        feature = feature[0] if isinstance(feature, list) else feature.feature
    return feature


def _as_text(value: Any) -> str | None:
    if value is None or value == "":
        return None
    return str(value).lower() if isinstance(value, bool) else str(value)


def group_columns(table: Any, taken: Sequence[str]) -> dict[str, list[str | None]]:
    """Return all other columns of text, classes, truths and whole numbers."""
    tops = {column.partition(".")[0] for column in taken}
    found: dict[str, list[str | None]] = {}
    for column, feature in table.features.items():
        dtype = str(getattr(feature, "dtype", ""))
        single = isinstance(feature, datasets.Value | datasets.ClassLabel)
        if column in tops or not single or not dtype.startswith(("string", "int", "uint", "bool")):
            continue
        text, _ = label_reader(table, column)
        found[column] = [text(value) for value in read_column(table, column)]
    return found
