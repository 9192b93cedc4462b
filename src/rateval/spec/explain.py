"""Pydantic's errors as sentences about the user's keys."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, get_args

from pydantic import BaseModel

from rateval.wording import meant

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails


def locate(data: object, loc: Sequence[str | int]) -> tuple[str, object, bool]:
    """Return ``loc`` as a path, with the value found there and whether there is one.

    Steps that pydantic adds for the members of a union are left out.

    >>> locate({"finetune": [{"epochs": "five"}]}, ("finetune", 0, "epochs", "int"))
    ('finetune[0].epochs', 'five', True)
    >>> locate({}, ("study",))
    ('study', None, False)
    """
    path = ""
    for position, step in enumerate(loc):
        if isinstance(step, int):
            if not isinstance(data, list) or step >= len(data):
                return path, data, True
            path += f"[{step}]"
            data = data[step]
        elif isinstance(data, Mapping):
            path += f".{step}" if path else step
            if step not in data:
                return path, None, False
            data = data[step]
        else:
            return path, data, position > 0
    return path, data, True


def explain_error(details: ErrorDetails, model: type[BaseModel]) -> str:
    """Return what is wrong, what is allowed and what to do next."""
    loc = details["loc"]
    key = str(loc[-1]) if loc else ""  # a check of the whole table names no key
    kind = details["type"]
    if kind == "extra_forbidden":
        return explain_unknown_key(key, _siblings(model, loc))
    if kind == "missing":
        return "is missing and has no default" + _describe(model, loc)
    if kind == "value_error":
        return str(details.get("ctx", {}).get("error", details["msg"]))
    text = details["msg"].removeprefix("Input should be ")
    if text != details["msg"]:
        text = f"must be {text}"
    if kind in {"model_type", "dict_type"}:
        text = "must be a table"
    return text[:1].lower() + text[1:] + _describe(model, loc)


def explain_unknown_key(key: str, allowed: Sequence[str]) -> str:
    """Return which key was meant, or which ones there are.

    >>> explain_unknown_key("epoch", ["epochs", "lr"])
    'unknown key; did you mean "epochs"?'
    >>> explain_unknown_key("x", ["epochs", "lr"])
    'unknown key; allowed are epochs, lr'
    """
    if hint := meant(key, allowed):
        return f"unknown key; {hint}"
    return "unknown key; " + (f"allowed are {', '.join(allowed)}" if allowed else "none is allowed")


def _owner(model: type[BaseModel], loc: Sequence[str | int]) -> type[BaseModel]:
    for step in loc[:-1]:
        field = model.model_fields.get(str(step))
        annotation = field.annotation if field else None
        for inner in (annotation, *get_args(annotation)):
            if isinstance(inner, type) and issubclass(inner, BaseModel):
                model = inner
    return model


def _siblings(model: type[BaseModel], loc: Sequence[str | int]) -> list[str]:
    return list(_owner(model, loc).model_fields)


def _describe(model: type[BaseModel], loc: Sequence[str | int]) -> str:
    fields = _owner(model, loc).model_fields
    # What follows the key in a location are indices and the members of a union.
    field = next((fields[str(step)] for step in reversed(loc) if str(step) in fields), None)
    if field is None or not field.description:
        return ""
    return f" ({' '.join(field.description.split()).rstrip('.')})"
