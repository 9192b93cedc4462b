"""Which column of a table is what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rateval.modelkit import list_some
from rateval_datasets.own.problems import find_meant, problem
from rateval_datasets.own.tables.cells import is_scalar, text_of
from rateval_datasets.own.tables.params import TableParams
from rateval_datasets.own.tables.reading import Table

_USUAL = {
    "mask": ("mask",),
    "polygons": ("polygons", "polygon"),
    "boxes": ("boxes", "box"),
    "split_column": ("split",),
    "caption": ("caption",),
    "id": ("id",),
}
"""Param of a column that needn't be there, to the names that are taken for it."""


@dataclass(frozen=True, slots=True)
class Columns:
    """The columns of a table by what they are: R values each, None where there is none."""

    image: Sequence[Any]
    label: Sequence[Any] | None
    """None where questions are asked."""
    question: Sequence[Any] | None
    answers: Sequence[Any] | None
    mask: Sequence[Any] | None
    polygons: Sequence[Any] | None
    boxes: Sequence[Any] | None
    split: Sequence[Any] | None
    caption: Sequence[Any] | None
    id: Sequence[Any] | None
    groups: dict[str, list[str | None]]
    """All others, as text."""
    notes: list[str]


def find_columns(component: str, table: Table, params: TableParams) -> Columns:
    """Return the columns that the params name, and those of the usual names.

    Raises RatevalError when there is no such column, or several for one purpose.
    """
    needed = ("image", "label") if params.question is None else ("image", "question", "answers")
    taken = {key: _require(component, table, key, getattr(params, key)) for key in needed}
    for key, usual in _USUAL.items():
        name = _choose(component, table, key, getattr(params, key), usual)
        if name is not None:
            if key != "id":
                _require_free(component, table, key, name, taken)
            taken[key] = name
    others = [name for name in table.columns if name not in taken.values()]
    lists = [name for name in others if not all(map(is_scalar, table.columns[name]))]
    found = {key: table.columns[name] for key, name in taken.items()}
    return Columns(
        image=found["image"],
        label=found.get("label"),
        question=found.get("question"),
        answers=found.get("answers"),
        mask=found.get("mask"),
        polygons=found.get("polygons"),
        boxes=found.get("boxes"),
        split=found.get("split_column"),
        caption=found.get("caption"),
        id=found.get("id"),
        groups={
            name: [text_of(value) for value in table.columns[name]]
            for name in others
            if name not in lists
        },
        notes=[f"columns of lists are no groups: {list_some(lists)}"] if lists else [],
    )


def _choose(
    component: str, table: Table, key: str, given: str | bool | None, usual: Sequence[str]
) -> str | None:
    if isinstance(given, str):
        return _require(component, table, key, given)
    there = [] if given is False else [name for name in usual if name in table.columns]
    if len(there) > 1:
        raise problem(
            component,
            f"{table.path}: has the columns {list_some(there)}; say which one counts, such as "
            f'{key} = "{there[0]}"',
        )
    return there[0] if there else None


def _require_free(
    component: str, table: Table, key: str, name: str, taken: Mapping[str, str]
) -> None:
    """Raise RatevalError where a column of a usual name is something else already."""
    for other, theirs in taken.items():
        if theirs == name and other != "id":
            raise problem(
                component,
                f'{other} = "{name}": {key} takes the column of this name in {table.path}, too; '
                f"name another one, or set {key} = false",
            )


def _require(component: str, table: Table, key: str, name: str) -> str:
    if name not in table.columns:
        there = find_meant(name, table.columns)
        raise problem(component, f'{key} = "{name}": no such column in {table.path}; {there}')
    return name
