"""The shape of a spec, checked."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from pydantic import (
    ValidationError,
)

from rateval.errors import Problem, SpecError
from rateval.spec.document import Document
from rateval.spec.explain import explain_error
from rateval.spec.renamed import explain_renamed
from rateval.spec.tables import TABLES, Entry, Place, RunSpec, entry_class, is_single, place_of
from rateval.spec.values import find_odd
from rateval.wording import drawn, tell_apart


def check_spec(document: Document) -> tuple[RunSpec | None, list[Problem]]:
    """Check the shape of a document; None when it has problems.

    Raises SpecError at once where it holds what no spec can.
    """
    odd = list(find_odd(document))
    if odd:
        raise SpecError(odd)
    try:
        # Strict, so that "5" is not taken for 5; through JSON, where lists and paths are natural.
        spec = RunSpec.model_validate_json(json.dumps(document.data, default=str), strict=True)
    except ValidationError as error:
        return None, [
            Problem(
                document.where(details["loc"], value=details["type"] != "extra_forbidden"),
                explain_renamed(details["loc"])
                or _explain_list(details["loc"], document)
                or explain_error(details, RunSpec),
            )
            for details in error.errors()
            # A list that a faulty entry left short is no fault of its own.
            if details["type"] != "too_short" or not details["input"]
        ]
    problems = [problem for table in TABLES for problem in _find_same(document, spec, table)]
    return (None if problems else spec), problems


def _find_same(document: Document, spec: RunSpec, table: str) -> Iterator[Problem]:
    """Yield a problem for each label that an earlier entry of its table has, or seems to have."""
    earlier: dict[str, str] = {}
    for index, entry in enumerate(spec.entries(table)):
        first = earlier.get(drawn(entry.label))
        if first is None:
            earlier[drawn(entry.label)] = entry.label
            continue
        where = document.where((table, index, "name"), value=True)
        if entry.label == first:
            advice = f'"{entry.label}" names an earlier {table} too; give each its own `name`'
        else:
            advice = f"looks like an earlier {table} and {tell_apart(entry.label, first)}; "
            advice += "give each a `name` that reads differently"
        yield Problem(where, advice)


def _explain_list(loc: Sequence[str | int], document: Document) -> str | None:
    """Return what to write in place of ``[[table]]`` where there is one table; None otherwise."""
    table = str(loc[0]) if len(loc) == 1 else ""
    if table in TABLES and is_single(table) and isinstance(document.data.get(table), list):
        return f"there is one {table} for the whole study; write [{table}] in place of [[{table}]]"
    if table in TABLES and not is_single(table) and isinstance(document.data.get(table), dict):
        return f"there may be several of it; write [[{table}]] in place of [{table}]"
    return None


def readable_entries(document: Document) -> list[tuple[Place, Entry]]:
    """Return place and entry of each one that is well formed, whatever else is wrong."""
    found: list[tuple[Place, Entry]] = []
    for table in TABLES:
        raw = document.data.get(table, [])
        if is_single(table):
            raw = [raw] if isinstance(raw, dict) else []
        for index, item in enumerate(raw if isinstance(raw, list) else []):
            try:
                text = json.dumps(item, default=str)
                entry = entry_class(table).model_validate_json(text, strict=True)
            except ValidationError:
                continue  # check_spec reports it
            found.append((place_of(table, index), entry))
    return found
