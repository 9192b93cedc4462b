"""From one entry of a spec to a component with checked params."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from rateval.api.params import Params
from rateval.errors import PluginError, Problem, RatevalError, SpecError
from rateval.plan.cells import Choice
from rateval.records.shift import ShiftKey
from rateval.registry.catalogue import explain_missing
from rateval.registry.finding import find_component
from rateval.registry.references import explain_unresolved, params_class, parse_params
from rateval.registry.registry import Registered, Registry
from rateval.spec.document import Document
from rateval.spec.explain import explain_error, explain_unknown_key, locate
from rateval.spec.tables import TABLES, Entry, Place, is_single, place_of
from rateval.spec.values import explain_path
from rateval.wording import is_control

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails


LONGEST_TYPE = 80
"""Characters of a shift's type at most."""


def choose_default(table: str, name: str, registry: Registry) -> Choice:
    """Return a component with its default params. Raises SpecError when that is not possible."""
    return choose(table, Entry(use=name), registry, "default")


def choose(table: str, entry: Entry, registry: Registry, origin: str) -> Choice:
    """Return a component by one entry of a table, which messages say is in ``origin``.

    Raises SpecError when that is not possible.
    """
    values = {"use": entry.use, "name": entry.label} | entry.params
    document = Document(origin, {table: values if is_single(table) else [values]}, "")
    choice = choose_in(document, place_of(table, 0), entry, registry)
    if not isinstance(choice, Choice):
        raise SpecError(choice)
    return choice


def find_in(
    document: Document, at: Place, entry: Entry, registry: Registry
) -> Registered | Problem:
    """Return the component that an entry uses, or why it can't be."""
    try:
        found = find_component(TABLES[str(at[0])], entry.use, registry, document.folder)
    except RatevalError as error:
        return Problem(document.where((*at, "use"), value=True), str(error))
    why = explain_missing(found) or explain_unresolved(found)
    return Problem(document.where((*at, "use"), value=True), why) if why else found


def choose_in(
    document: Document,
    at: Place,
    entry: Entry,
    registry: Registry,
    picked: Mapping[str, int] = MappingProxyType({}),
) -> Choice | list[Problem]:
    """Return the component of an entry that stands in a document, or what is wrong with it.

    ``picked`` are the params of which the document has a list, with the place in it of the one
    that the entry has.
    """
    found = find_in(document, at, entry, registry)
    if isinstance(found, Problem):
        return [found]
    try:
        params = parse_params(found, entry.params, document.folder)
    except PluginError:  # a path in it is none, and was tried
        wrong = _find_paths(entry.params, str)
        if not wrong:
            raise
        return [Problem(document.where((*at, *key), value=True), why) for key, why in wrong]
    except ValidationError as error:
        model = params_class(found)
        return [
            Problem(
                document.where(
                    (*at, *_pick(details["loc"], picked)),
                    value=details["type"] != "extra_forbidden",
                ),
                explain_param(details, model, found, entry.own_keys()),
            )
            for details in one_per_key(error, entry.params)
        ]
    wrong = _find_paths({name: getattr(params, name) for name in type(params).model_fields}, Path)
    if wrong:
        return [Problem(document.where((*at, *key), value=True), why) for key, why in wrong]
    if found.kind != "shift":
        return Choice(entry.label, found, params)
    shift = _name_shift(entry.label, params)
    _require_groups(found, type(params))
    why = _explain_type(shift.type or "")
    if why:
        return [Problem(document.where((*at, *_pick(("type",), picked)), value=True), why)]
    group = None if shift.type is None else params.type_groups.get(shift.type)
    return Choice(shift.text, found, params, shift=shift, group=group)


def _pick(loc: Place, picked: Mapping[str, int]) -> Place:
    """Return the place of a param, in a list where the document has one."""
    name = loc[0] if loc else ""
    return (name, picked[name], *loc[1:]) if isinstance(name, str) and name in picked else loc


def _name_shift(family: str, params: Params) -> ShiftKey:
    values = params.model_dump(mode="json", include={"type", "severity"})
    kind, severity = values.get("type"), values.get("severity")
    number = isinstance(severity, int | float) and type(severity) is not bool
    return ShiftKey(
        family=family,
        type=kind if isinstance(kind, str) and kind.strip() else None,
        severity=severity if number and math.isfinite(severity or 0) else None,
    )


def _require_groups(found: Registered, model: type[Params]) -> None:
    """Raise PluginError where the groups of a shift's types are no texts that a table can hold."""
    groups: object = model.type_groups
    named = f'the shift "{found.component.name}": {model.__name__}.type_groups'
    if not isinstance(groups, Mapping):
        told = f"{named} is {type(groups).__name__}; it must map types to groups"
        raise PluginError(told, kind="shift")
    for kind, group in groups.items():
        wrong = not isinstance(kind, str) or not isinstance(group, str) or not group.strip()
        why = "must map texts to texts that are not empty" if wrong else _explain_type(group)
        if why:
            raise PluginError(f"{named}: {kind!r} = {group!r} {why}", kind="shift")


def _explain_type(text: str) -> str:
    """Return why a type can't be part of a name; empty for one that can."""
    if len(text) > LONGEST_TYPE:
        return f"is part of the shift's name, and must have at most {LONGEST_TYPE} characters"
    odd = [sign for sign in dict.fromkeys(text) if is_control(sign)]
    codes = ", ".join(f"U+{ord(sign):04X}" for sign in odd)
    return (
        f"is part of the shift's name, and must hold no control characters ({codes})" if odd else ""
    )


def _find_paths(values: Mapping[str, object], kind: type) -> list[tuple[Place, str]]:
    """Return key and reason of each value of that kind which can be no path, lists included."""
    members = [
        (key, item)
        for name, value in values.items()
        for key, item in (
            [((name, at), one) for at, one in enumerate(value)]
            if isinstance(value, list | tuple)
            else [((name,), value)]
        )
    ]
    return [
        (key, why)
        for key, item in members
        if isinstance(item, kind) and (why := explain_path(str(item)))
    ]


def one_per_key(error: ValidationError, params: Mapping[str, Any]) -> list[ErrorDetails]:
    """Return one error of each key: a union reports once per member, and one says enough.

    That is the first one about a bound, from the member that the value was meant for, else the
    first one. That no text was given says least, of a value that isn't text.
    """
    seen: dict[str, ErrorDetails] = {}
    for details in error.errors():
        key = locate(params, details["loc"])[0]
        if key not in seen or (_is_of_another_kind(seen[key]) > _is_of_another_kind(details)):
            seen[key] = details
    return list(seen.values())


def _is_of_another_kind(details: ErrorDetails) -> int:
    if details["type"] == "literal_error":
        return 1 if isinstance(details["input"], str) else 2
    return int(details["type"].endswith("_type"))


def explain_param(
    details: ErrorDetails, model: type[Params], found: Registered, besides: Sequence[str] = ()
) -> str:
    """Return what is wrong with a param, what is allowed, and where to read more.

    ``besides`` are keys that are allowed in the same place without being params.
    """
    if details["type"] == "extra_forbidden" and len(details["loc"]) == 1:
        return explain_unknown_key(str(details["loc"][0]), [*besides, *model.model_fields])
    text = explain_error(details, model)
    return f"{text}; see rateval show {found.kind} {found.use}"
