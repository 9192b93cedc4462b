"""Components as a call names them in the place of a spec's tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rateval.errors import Problem, SpecError
from rateval.wording import describe

Parts = str | Mapping[str, Any] | Sequence[str | Mapping[str, Any]]
"""Components as in a spec: names, or tables with ``use`` and params."""


def list_entries(call: str, argument: str, entries: object) -> list[dict[str, Any]]:
    """Return tables of a spec. Raises SpecError for what names no component.

    >>> list_entries("rateval.score", "metrics", ["pt", {"use": "ir"}])
    [{'use': 'pt'}, {'use': 'ir'}]
    """
    given = [entries] if isinstance(entries, str | Mapping) else entries
    listed: list[Any] = list(given) if isinstance(given, Iterable) else [entries]
    asked = "give the name of a component, a dict with use and its params, or a list of these"
    wrong = [entry for entry in listed if not isinstance(entry, str | Mapping)]
    if wrong or not listed:
        what = f"holds {describe(wrong[0])}" if wrong else "is empty"
        raise SpecError([Problem(f"{call}: {argument}", f"{what}; {asked}")])
    return [{"use": entry} if isinstance(entry, str) else dict(entry) for entry in listed]
