"""The lines on the classes by which each method scores lowest."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from rateval.records.key import Key
from rateval.records.scores.classes import FEWEST, ClassesRecord, ClassRecord
from rateval.report.rows import Block, Row, name_rows
from rateval.report.sentences.changes import SENTENCES_SHOWN
from rateval.wording import plural

_TOLD = ("PT", "accuracy")
"""Headings of the metrics whose lowest classes are told, the most telling first."""

LONGEST = 30
"""Characters of a class's name that are printed."""


def explain_worst(block: Block) -> Iterator[str]:
    """Yield one line on the lowest class of each row, by the most telling metric that has one.

    Nothing where there are not two classes at least to compare, with images enough.
    """
    names = name_rows(block)
    for metric in choose_metrics(block.metrics):
        told = [
            f"{names[row.key]} {write_part(found.worst[0])}"
            for row in block.rows
            if (found := find_classes(row, metric))
        ]
        more = [f"and {len(told) - SENTENCES_SHOWN} more rows"] if told[SENTENCES_SHOWN:] else []
        if told:
            shown = "; ".join([*told[:SENTENCES_SHOWN], *more])
            yield f"worst class by {block.metrics[metric]}: {shown}"
            return


def explain_more_classes(block: Block, most: int, said: set[tuple[Key, str]]) -> Iterator[str]:
    """Yield for each row its lowest classes, ``most`` for each metric.

    What is ``said`` of a row already, as below the table of another validator, is left out; what is
    told here is added to it.
    """
    names = name_rows(block)
    for row in block.rows:
        told = []
        for metric in choose_metrics(block.metrics):
            found = find_classes(row, metric)
            if found is not None:
                text = f"{block.metrics[metric]} " + ", ".join(map(write_part, found.worst[:most]))
                told += [text] if (row.key, text) not in said else []
                said.add((row.key, text))
        if told:
            yield f"worst classes of {names[row.key]}: " + "; ".join(told)


def choose_metrics(metrics: Mapping[str, str]) -> list[str]:
    """Return the labels of the metrics that are told by class, the first one where none is known.

    >>> choose_metrics({"accuracy": "accuracy", "evidence": "PT", "ir": "IR"})
    ['evidence', 'accuracy']
    >>> choose_metrics({"mine": "mine", "ir": "IR"})
    ['mine']
    """
    known = [label for told in _TOLD for label, heading in metrics.items() if heading == told]
    return known or list(metrics)[:1]


def find_classes(row: Row, metric: str) -> ClassesRecord | None:
    """Return a score by class; None where there are not two classes at least to compare."""
    score = row.score(metric)
    found = None if score is None else score.classes
    return found if found is not None and found.compared > 1 and found.worst else None


def write_part(part: ClassRecord) -> str:
    """Return a class with its score in percent, its interval and the images that it comes from.

    >>> bee = {"name": "bee", "numerator": 1, "denominator": 40, "low": 0.002, "high": 0.15}
    >>> write_part(ClassRecord(**bee, value=0.025))
    'bee 2.5 (0.2 to 15.0) of 40'
    """
    name = part.name if len(part.name) <= LONGEST else f"{part.name[: LONGEST - 1]}…"
    low, high = (f"{100 * end:.1f}" for end in (part.low, part.high))
    return f"{name} {100 * part.value:.1f} ({low} to {high}) of {part.denominator:,.0f}"


def explain_details(blocks: Sequence[Block], *, details: bool) -> Iterator[tuple[str, str]]:
    """Yield what these words mean, and where there is more."""
    rows = [(row, choose_metrics(block.metrics)) for block in blocks for row in block.rows]
    told = {block.unit for block in blocks}
    units = plural(told.pop() if len(told) == 1 else "unit")
    if any(find_classes(row, metric) for row, metrics in rows for metric in metrics):
        more = "" if details else "; more by rateval report --details"
        yield (
            "worst class",
            f"of the classes with {FEWEST} {units} or more that count (of …); intervals hold for "
            f"all of them at once{more}",
        )
    if details and any(_areas(row, metrics) for row, metrics in rows):
        yield "mask", "share of the image that it fills, in %"
    if details and any(row.evidence and row.evidence.confidence for row, _ in rows):
        yield (
            "valid above other",
            "of right predictions, how often one on valid evidence has more confidence than one on "
            "other; 50 is chance",
        )


def _areas(row: Row, metrics: Sequence[str]) -> bool:
    scores = (row.score(metric) for metric in metrics[:1])
    return any(score is not None and score.areas for score in scores)
