"""The fields of a params model in words a user of the spec understands."""

from __future__ import annotations

import json
import types
import typing
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import annotated_types
from pydantic import BaseModel
from pydantic.fields import FieldInfo

_NAMES: dict[Any, str] = {
    str: "text",
    int: "integer",
    float: "number",
    bool: "true | false",
    Path: "path",
    dict: "table",
    list: "list",
    tuple: "list",
    type(None): "nothing",
}


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter as it is shown."""

    name: str
    type: str
    default: str
    bounds: str
    description: str


def describe_parameters(model: type[BaseModel]) -> list[Parameter]:
    """Return a description of every field of a params model, in its order."""
    return [
        Parameter(
            name,
            describe_type(field.annotation),
            _describe_default(field),
            _describe_bounds(field),
            " ".join((field.description or "").split()),
        )
        for name, field in model.model_fields.items()
    ]


def _describe_default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True)
    if value is None:
        return "none"
    if isinstance(value, BaseModel):
        value = value.model_dump(mode="json")
    return json.dumps(value, default=str)


def describe_type(annotation: Any) -> str:
    """Write a type as a spec's author knows it.

    >>> describe_type(int | None), describe_type(typing.Literal["a", "b"])
    ('integer', '"a" | "b"')
    >>> describe_type(tuple[float, ...])
    'list of number'
    """
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        return describe_type(arguments[0])
    if origin is typing.Literal:
        return " | ".join(json.dumps(value) for value in arguments)
    if origin in (typing.Union, types.UnionType):
        members = [describe_type(member) for member in arguments if member is not type(None)]
        return " | ".join(dict.fromkeys(members))
    if origin in (list, tuple):
        return _describe_list(arguments)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return "table"
    return _NAMES.get(origin or annotation, str(getattr(annotation, "__name__", annotation)))


def _describe_list(arguments: Sequence[Any]) -> str:
    members = [describe_type(member) for member in arguments if member is not ...]
    if members and len(set(members)) == 1:
        count = f"{len(members)} × " if len(members) > 1 else ""
        return f"list of {count}{members[0]}"
    return f"list of {', '.join(members)}" if members else "list"


_BOUNDS = {
    annotated_types.Ge: ("ge", "≥ {}"),
    annotated_types.Gt: ("gt", "> {}"),
    annotated_types.Le: ("le", "≤ {}"),
    annotated_types.Lt: ("lt", "< {}"),
    annotated_types.MultipleOf: ("multiple_of", "a multiple of {}"),
    annotated_types.MinLen: ("min_length", "at least {} long"),
    annotated_types.MaxLen: ("max_length", "at most {} long"),
}


def _describe_bounds(field: FieldInfo) -> str:
    # Bounds of an optional field sit on the member of the union, not on the field.
    metadata = [*field.metadata, *_inner_metadata(field.annotation)]
    return ", ".join(
        form.format(getattr(item, attribute))
        for item in metadata
        for cls, (attribute, form) in _BOUNDS.items()
        if isinstance(item, cls)
    )


def _inner_metadata(annotation: Any) -> list[Any]:
    found: list[Any] = []
    for member in typing.get_args(annotation):
        if typing.get_origin(member) is typing.Annotated:
            for item in typing.get_args(member)[1:]:
                found += item.metadata if isinstance(item, FieldInfo) else [item]
    return found
