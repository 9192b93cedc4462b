"""Pydantic's errors as sentences about the user's keys."""

from __future__ import annotations

import json
import re
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
            key = step if re.fullmatch(r"[\w-]+", step) else json.dumps(step, ensure_ascii=False)
            path += f".{key}" if path else key
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
    described = _describe(model, loc).replace("``", "")
    if kind == "too_short":
        text = text.replace("List should have", "must have").replace(" after validation,", ",")
    if kind == "string_pattern_mismatch" and described:
        text = "must be of this form"
    if kind in {"model_type", "dict_type"}:
        text = "must be a table"
    return (
        text[:1].lower()
        + text[1:]
        + described
        + _spell(kind, details["input"], details.get("ctx", {}))
    )


def _spell(kind: str, value: object, context: Mapping[str, object]) -> str:
    """Return how to write a value, or which one was meant, to follow what is wrong with it.

    >>> _spell("string_type", 5, {}), _spell("int_type", "3", {})
    ('; write it in quotes: "5"', '; write it without quotes: 3')
    >>> _spell("literal_error", "fogg", {"expected": "'fog' or 'snow'"})
    '; did you mean "fog"?'
    >>> _spell("literal_error", 0, {"expected": "'all'"})
    ''
    """
    shown = json.dumps(value, ensure_ascii=False) if isinstance(value, _SIMPLE) else ""
    if kind == "literal_error" and isinstance(value, str):
        hint = meant(value, re.findall(r"'([^']*)'", str(context.get("expected", ""))))
        return f"; {hint}" if hint else ""
    quoted = kind in ("string_type", "path_type") or f"'{shown}'" in str(context.get("expected"))
    if quoted and shown[:1] not in ("", '"'):
        return f'; write it in quotes: "{shown}"'
    if kind in ("list_type", "tuple_type") and shown:
        return f"; write it in brackets: [{shown}]"
    if kind == "int_type" and isinstance(value, float) and value.is_integer():
        return f"; write {int(value)}"
    number = r"[+-]?\d+" if kind == "int_type" else r"[+-]?(\d+\.?\d*(e[+-]?\d+)?)"
    pattern = {"int_type": number, "float_type": number, "bool_type": "true|false"}.get(kind)
    if pattern and isinstance(value, str) and re.fullmatch(pattern, value):
        return f"; write it without quotes: {value}"
    return "; write true or false" if kind == "bool_type" else ""


_SIMPLE = (str, int, float)


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
