"""Lists in a shift's entry: one choice for each combination of type and severity."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import Enum
from itertools import product
from math import prod
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from typing_extensions import TypeAliasType

from rateval.api.params import Params
from rateval.errors import Problem
from rateval.plan.cells import Choice
from rateval.plan.choosing import choose_in, find_in
from rateval.registry.references import params_class
from rateval.registry.registry import Registered, Registry
from rateval.spec.document import Document
from rateval.spec.run_options import RunOptions
from rateval.spec.tables import TABLES, Entry, Place
from rateval.wording import drawn, tell_apart

AXES = ("type", "severity")
"""Params of a shift that are parts of its key; a list given for one is a grid."""


def axes_of(model: type[Params]) -> tuple[str, ...]:
    """Return which of ``AXES`` take one value, so that a list of them expands."""
    fields = model.model_fields
    return tuple(name for name in AXES if name in fields and takes_one(fields[name].annotation))


def takes_one(annotation: Any) -> bool:
    """Return whether a field takes one value, and never several.

    >>> takes_one(int), takes_one(str | None), takes_one(list[int] | int), takes_one(Any)
    (True, True, False, False)
    """
    if isinstance(annotation, TypeAliasType):
        return takes_one(annotation.__value__)
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return takes_one(arguments[0])
    if origin in (Union, UnionType):
        return all(map(takes_one, arguments))
    base = origin or annotation
    if base in (Any, object):
        return False
    several = isinstance(base, type) and issubclass(base, Iterable)
    return not several or issubclass(base, str | Enum)


def choose_each(
    document: Document, at: Place, entry: Entry, registry: Registry
) -> list[tuple[Entry, Choice]] | list[Problem]:
    """Return what an entry stands for, each with an entry of its own, or what is wrong with it.

    That is one choice, and of a shift with lists one for each combination, the type slowest.
    """
    lists = {name: value for name in AXES if isinstance(value := entry.params.get(name), list)}
    found = (
        find_in(document, at, entry, registry) if lists and TABLES[str(at[0])] == "shift" else None
    )
    axes = axes_of(params_class(found)) if isinstance(found, Registered) else ()
    lists = {name: values for name, values in lists.items() if name in axes}
    if not lists:
        chosen = choose_in(document, at, entry, registry)
        return [(entry, chosen)] if isinstance(chosen, Choice) else chosen
    problems = list(_find_odd(document, at, lists))
    if problems:
        return problems
    made: list[tuple[Entry, Choice]] = []
    for picked in product(*(range(len(values)) for values in lists.values())):
        places = dict(zip(lists, picked, strict=True))
        values = {name: lists[name][index] for name, index in places.items()}
        one = entry.model_copy(update={"params": entry.params | values})
        choice = choose_in(document, at, one, registry, places)
        if isinstance(choice, Choice):
            problems += _find_unnamed(document, at, choice, places)
            made.append((one, choice))
        else:
            problems += choice
    return list(dict.fromkeys(problems)) or made


def _find_odd(
    document: Document, at: Place, lists: Mapping[str, Sequence[Any]]
) -> Iterator[Problem]:
    for name, values in lists.items():
        where = document.where((*at, name), value=True)
        if not values:
            told = f"is empty, and would leave no shift; give it a {name}, or leave the entry out"
            yield Problem(where, told)
        seen: set[tuple[bool, str]] = set()
        for value in values:
            same = isinstance(value, bool), json.dumps(_whole(value), default=str)
            if same in seen:
                told = f"names {json.dumps(value, default=str, ensure_ascii=False)} more than once"
                yield Problem(where, f"{told}; name each {name} once")
                break
            seen.add(same)
    count, most = prod(map(len, lists.values())), _most_cells(document)
    if count > most:
        told = f"stands for {count:,} shifts, more than a study has cells (run.max_cells = "
        told += f"{most:,}); leave some out, or allow as many with --set max_cells={count}"
        yield Problem(document.where(at, value=False), told)


def _whole(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _most_cells(document: Document) -> int:
    run = document.data.get("run")
    asked = run.get("max_cells") if isinstance(run, Mapping) else None
    return asked if isinstance(asked, int) else RunOptions().max_cells


def _find_unnamed(
    document: Document, at: Place, choice: Choice, places: Mapping[str, int]
) -> Iterator[Problem]:
    """Yield a problem for each listed value that the key of a shift has no place for."""
    for name, index in places.items():
        if choice.shift is None or getattr(choice.shift, name) is None:
            allowed = "numbers" if name == "severity" else "texts that are not empty"
            where = document.where((*at, name, index), value=True)
            yield Problem(
                where, f"a list of {name} holds {allowed}; give each of these its own [[shift]]"
            )


def find_same(document: Document, chosen: Sequence[tuple[Place, Choice]]) -> Iterator[Problem]:
    """Yield a problem for each shift whose name an earlier entry's has too, or seems to have.

    Names are those of a family and of its shifts: both choose cells. Two entries of one label are
    told by whoever checks the tables.
    """
    known: dict[str, tuple[Place, str]] = {}
    families: dict[str, Place] = {}
    told: set[Place] = set()
    for at, choice in chosen:
        if choice.shift is None or families.setdefault(drawn(choice.shift.family), at) != at:
            continue
        for name in dict.fromkeys((choice.shift.family, choice.label)):
            first, text = known.setdefault(drawn(name), (at, name))
            if first != at and at not in told:
                told.add(at)
                advice = (
                    f'its shift "{name}" has the name of an earlier one'
                    if name == text
                    else f"looks like an earlier shift and {tell_apart(name, text)}"
                )
                where = document.where(at, value=False)
                yield Problem(where, f"{advice}; give one of them another `name`")
