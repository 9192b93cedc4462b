"""Datasets whose training splits are shifted: which of the study's shifts each names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from rateval.errors import Problem
from rateval.plan.cells import Choice
from rateval.spec.document import Document
from rateval.spec.tables import DatasetEntry, Entry, Place
from rateval.wording import list_some, suggest


def find_unknown(
    document: Document, entries: Sequence[tuple[Place, Entry]], shifts: Sequence[Choice]
) -> Iterator[Problem]:
    """Yield a problem for each ``train_shift`` that names none of the study's shifts, or several.

    No place is named twice, although a dataset may have several choices.
    """
    known = {choice.label for choice in shifts}
    for at, entry in entries:
        asked = entry.train_shift if isinstance(entry, DatasetEntry) else None
        if asked is None or asked in known:
            continue
        family = [one.label for one in shifts if one.shift and one.shift.family == asked]
        if family:
            told = f"stands for {len(family)} shifts, and a training has one; name one of "
            told += list_some(f'"{label}"' for label in family)
        elif known:
            told = f"the study has no such shift; {suggest(asked, known)}"
        else:
            told = "the study has no shift; add a [[shift]] of that name, or leave this out"
        yield Problem(document.where((*at, "train_shift"), value=True), told)


def link(choice: Choice, entry: Entry, shifts: Mapping[str, Choice]) -> Choice:
    """Return a dataset's choice with the shift of its training split, if it asks for one."""
    asked = entry.train_shift if isinstance(entry, DatasetEntry) else None
    return choice if asked is None else replace(choice, train_shift=shifts[asked])
