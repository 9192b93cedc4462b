"""Which shifts a person asks to see: those of a spec, or one component over a grid."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from rateval.errors import RatevalError
from rateval.inspection.subject import find, is_spec, read_param
from rateval.plan.cells import Choice
from rateval.plan.choosing import choose
from rateval.plan.planning import make_plan
from rateval.registry.references import params_class
from rateval.registry.registry import Registered, Registry
from rateval.spec.document import read_document
from rateval.spec.tables import Entry
from rateval.wording import list_some

USUAL = "corruption"
"""Component that is shown where nobody names one."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What the command line says of shifts; what it leaves out is all there is."""

    use: str | None = None
    """A component; of a spec, the name of an entry or its component."""
    types: tuple[str, ...] = ()
    severities: tuple[str, ...] = ()
    params: tuple[str, ...] = ()
    """As ``key=value``."""


def find_shifts(word: str, registry: Registry, asked: Asked) -> list[Choice]:
    """Return shifts: those of the spec that ``word`` names, else a component's.

    Raises RatevalError where there is none, and as a spec's entry would.
    """
    if is_spec(word):
        return _choose_among(Path(word), registry, asked)
    use = asked.use or USUAL
    hint = "" if asked.use else "; name the shift by --use"
    registered = find("shift", use, registry, f"--use {use}", hint)
    every = {
        "type": asked.types or _list_types(registered),
        "severity": asked.severities or _list_severities(registered),
    }
    axes = {name: tuple(dict.fromkeys(texts)) for name, texts in every.items() if texts}
    params = dict(_read_params(registered, asked.params, axes))
    found = []
    for picked in product(*axes.values()):
        values = {
            name: read_param(registered, name, text)
            for name, text in zip(axes, picked, strict=True)
        }
        entry = Entry.model_validate({"use": use} | params | values)
        found.append(choose("shift", entry, registry, "command line"))
    return found


def _choose_among(path: Path, registry: Registry, asked: Asked) -> list[Choice]:
    if asked.params:
        raise RatevalError(
            f"--with {asked.params[0]}: {path} says what its shifts are; leave --with out, or name "
            "a dataset in place of the spec"
        )
    every = make_plan(read_document(path), registry).choices["shift"]
    if not every:
        raise RatevalError(
            f"{path}: has no [[shift]]; name a dataset in place of the spec, and a shift by --use"
        )
    found = [choice for choice in every if _is_asked(choice, asked)]
    if not found:
        labels = list_some(choice.label for choice in every)
        raise RatevalError(
            f"{path}: none of its shifts is what --use, --type and --severity ask for; it has "
            f"{labels}"
        )
    return found


def _is_asked(choice: Choice, asked: Asked) -> bool:
    assert choice.shift is not None
    names = choice.shift.family, choice.label, choice.registered.component.name
    severities = map(float, filter(_is_number, asked.severities))
    return (
        (asked.use is None or asked.use in names)
        and (not asked.types or choice.shift.type in asked.types)
        and (not asked.severities or choice.shift.severity in tuple(severities))
    )


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _list_types(registered: Registered) -> Sequence[str]:
    """Return the types that a shift's params allow, where they are a list of texts."""
    field = params_class(registered).model_fields.get("type")
    if field is None or get_origin(field.annotation) is not Literal:
        return ()
    return [str(one) for one in get_args(field.annotation)]


def _list_severities(registered: Registered) -> Sequence[str]:
    """Return the severities that a shift's params allow, where they are a few whole numbers."""
    field = params_class(registered).model_fields.get("severity")
    if field is None or field.annotation is not int:
        return ()
    bounds: dict[str, Any] = {
        name: getattr(mark, name)
        for mark in field.metadata
        for name in ("ge", "le")
        if hasattr(mark, name)
    }
    few = bounds.keys() == {"ge", "le"} and bounds["le"] - bounds["ge"] < 10
    return [str(one) for one in range(bounds["ge"], bounds["le"] + 1)] if few else ()


def _read_params(
    registered: Registered, words: Sequence[str], axes: Mapping[str, object]
) -> Iterator[tuple[str, object]]:
    seen = set[str]()
    for word in words:
        key, equals, text = word.partition("=")
        if not equals or not key or key in ("use", "name"):
            raise RatevalError(f"--with {word}: must be a param of the shift, such as follows=0.5")
        if key in seen or key in axes:
            more = f"; give it by --{key}" if key in axes else ""
            raise RatevalError(f"--with {word}: {key} is given twice{more}")
        seen.add(key)
        yield key, read_param(registered, key, text)
