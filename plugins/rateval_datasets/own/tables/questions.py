"""The rows of a table as questions about photos."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from rateval.api.tasks.texts import Asked
from rateval_datasets.asking import IMAGE, QUESTION_TYPE, explain_text
from rateval_datasets.own.evidence import Evidence
from rateval_datasets.own.tables.cells import word_of

_TYPE_COLUMN = "question_type"
"""Name by which tables call the type of their questions."""
Values = Sequence[str | None]


def question_of(value: Any) -> str | None:
    """Return a cell's question; None where it is empty. Raises ValueError when it is none.

    >>> question_of(" what is it? "), question_of(None)
    ('what is it?', None)
    """
    text = word_of(value)
    if text is not None and (why := explain_text(text)):
        raise ValueError(f"{why}; mend the question")
    return text


def pose(questions: Values, answers: Sequence[tuple[str, ...] | None]) -> list[Asked | None]:
    """Return what each row asks; None where question or answer is missing.

    >>> pose(["what?", "who?"], [("it",), ()])
    [Asked(question='what?', answers=('it',)), None]
    """
    rows = zip(questions, answers, strict=True)
    return [Asked(text, given) if text and given else None for text, given in rows]


def labels_of(asked: Sequence[Asked | None]) -> list[str | None]:
    """Return the label of each row: its first answer."""
    return [None if one is None else one.most_given for one in asked]


def number_questions(paths: Values) -> list[str | None]:
    """Return an id for each question: its photo's path, and its number among those about it.

    >>> number_questions(["a.png", "b.png", "a.png", None])
    ['a.png#1', 'b.png#1', 'a.png#2', None]
    """
    seen: Counter[str] = Counter()
    ids: list[str | None] = []
    for path in paths:
        if path is not None:
            seen[path] += 1
        ids.append(None if path is None else f"{path}#{seen[path]}")
    return ids


def group_questions(groups: Mapping[str, Values], paths: Values) -> dict[str, Values]:
    """Return the groups of questions: the photo that each is about first, then its type.

    >>> list(group_questions({"site": [], "question_type": [], "image": []}, []))
    ['image', 'question type', 'site']
    """
    found: dict[str, Values] = {IMAGE: paths}
    if _TYPE_COLUMN in groups:
        found[QUESTION_TYPE] = groups[_TYPE_COLUMN]
    taken = (IMAGE, _TYPE_COLUMN)
    return found | {name: values for name, values in groups.items() if name not in taken}


def note_questions(
    asked: Sequence[Asked | None], evidence: Sequence[Evidence | None], groups: Mapping[str, Values]
) -> list[str]:
    """Return what a person should know of questions: those without a region, columns not used."""
    rows = zip(asked, evidence, strict=True)
    without = sum(one is not None and mask is None for one, mask in rows)
    count = sum(one is not None for one in asked)
    said = f"{without} of {count} questions have no region: they count in accuracy alone"
    notes = [said] if without else []
    if IMAGE in groups:
        notes.append(f'the column "{IMAGE}" is no group: questions about one photo are')
    return notes
