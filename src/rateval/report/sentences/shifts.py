"""The sentences on shifts: trends by severity, relative errors, methods that change places."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from rateval.records.run import RunRecord
from rateval.records.scores.comparisons import DifferenceRecord
from rateval.records.scores.grouping import group_by
from rateval.records.scores.shifts import (
    ORDERED,
    OrderRecord,
    ShiftsRecord,
    ShiftTypeRecord,
    TypeScoreRecord,
)
from rateval.records.shift import ShiftKey
from rateval.report.rows import Block
from rateval.report.shift_numbers import write_difference, write_mean

TOLD = ORDERED[:2]
"""Headings of the metrics whose trends are told without being asked for details."""
SHIFTS_IN_TABLE = 4
"""Shifts of a method that a table of scores has rows for; of more, it has the clean row alone."""
CHANGES_SHOWN = 8
"""Changes of order that are told of one table; ``run.json`` holds all of them."""

Named = tuple[str, str | None]
"""Type of a shift, and the group that it is told with."""


def find_shifts(record: RunRecord, block: Block) -> list[ShiftsRecord]:
    """Return what is known of the shifted rows of a table, in their order."""
    found = [
        one
        for one in record.shifts
        if one.method.dataset == block.dataset and one.validator == block.validator
    ]
    attribution = block.attribution or (found[0].method.attribution if found else None)
    return [one for one in found if one.method.attribution == attribution]


def find_orders(record: RunRecord, block: Block, family: str) -> list[OrderRecord]:
    """Return what a family of shifts does to the order of a table's methods."""
    found = [
        one
        for one in record.shift_orders
        if one.test.dataset == block.dataset
        and one.validator == block.validator
        and one.kind.family == family
    ]
    attribution = block.attribution or (found[0].test.attribution if found else None)
    return [one for one in found if one.test.attribution == attribution]


def shorten(record: RunRecord, block: Block) -> Block:
    """Return a table with its clean rows alone, where its many shifted ones are told in short."""
    shifts = {row.key.shift for row in block.rows if row.key.shift is not None}
    told = bool(find_shifts(record, block))
    if len(shifts) <= SHIFTS_IN_TABLE or not told:
        return block
    rows = tuple(row for row in block.rows if row.key.shift is None)
    cells = tuple((cell, found) for cell, found in block.cells if cell.key.shift is None)
    return replace(block, rows=rows, cells=cells, shifted=False)


def is_shown(change: DifferenceRecord, level: float) -> bool:
    """Return whether an interval leaves out 0, and so does the p that is corrected for all types.

    >>> change = {"metric": "pt", "few": False, "over": "images", "p": 0.01}
    >>> fall = DifferenceRecord(value=-0.2, low=-0.3, high=-0.1, p_corrected=0.04, **change)
    >>> is_shown(fall, 0.95), is_shown(fall, 0.99)
    (True, False)
    """
    p = change.p_corrected
    return change.excludes_0 and p is not None and p <= 1 - level


def tell_trends(found: ShiftsRecord, heading: str, level: float) -> str:
    """Return how a score goes with severity by the types of a family; empty where none has two."""
    scores = [(kind, one) for kind in found.types for one in kind.scores if one.heading == heading]
    graded = [(kind, one) for kind, one in scores if len(kind.severities) > 1]
    if not graded:
        return ""
    every = [_name(kind) for kind, _ in graded]
    ways: dict[str, list[Named]] = {}
    for kind, one in graded:
        ways.setdefault(_way(one, level), []).append(_name(kind))
    parts = [
        f"{way} for {name_types(ways[way], every, listed=listed)}"
        for way, listed in _WAYS.items()
        if way in ways
    ]
    return f"{heading} " + ", ".join(parts)


_WAYS = {
    "falls with severity": True,
    "rises with severity": True,
    "no difference shown": False,
    "is undefined": True,
}
"""What can be said of a trend, and whether the types of a whole group are listed then."""


def _way(score: TypeScoreRecord, level: float) -> str:
    if score.trend is None:
        return "is undefined"
    if not is_shown(score.trend, level):
        return "no difference shown"
    return "falls with severity" if score.trend.value < 0 else "rises with severity"


def name_types(chosen: Sequence[Named], every: Sequence[Named], *, listed: bool = True) -> str:
    """Return some of all types in words: a group where all of its types are among them.

    >>> every = [("gaussian", "noise"), ("shot", "noise"), ("zoom", "blur"), ("x", None)]
    >>> name_types(every[:2], every), name_types(every[2:], every, listed=False)
    ('noise (gaussian, shot)', 'blur, x')
    >>> name_types(every[1:3], every)
    'shot, blur (zoom)'
    """
    parts: dict[str, None] = {}
    for name, group in chosen:
        if group is None:
            parts[name] = None
            continue
        ours = [one for one, other in chosen if other == group]
        count = sum(other == group for _, other in every)
        if len(ours) < count:
            parts[name] = None
        else:
            parts[group + (f" ({', '.join(ours)})" if listed else "")] = None
    return ", ".join(parts)


def name_type(kind: ShiftKey) -> str:
    """Return the name of a type within its family: the family's where it has no types."""
    return kind.type or kind.family


def _name(kind: ShiftTypeRecord) -> Named:
    return name_type(kind.kind), kind.group


def explain_trends(
    found: Sequence[ShiftsRecord], level: float, headings: Sequence[str] = TOLD
) -> Iterator[str]:
    """Yield a sentence for each method of a family, on how scores go with severity."""
    names = name_methods(found)
    for one, name in zip(found, names, strict=True):
        told = [text for heading in headings if (text := tell_trends(one, heading, level))]
        if told:
            yield f"{name}: " + "; ".join(told)


def name_methods(found: Sequence[ShiftsRecord]) -> list[str]:
    """Return a short name for each method, with its model where there are several."""
    alone = len({one.method.model for one in found}) == 1
    return [one.method.finetuner if alone else one.method.method for one in found]


def explain_errors(found: Sequence[ShiftsRecord]) -> Iterator[str]:
    """Yield the relative errors of a family's methods, by the method that they are relative to."""
    for alike in group_by(found, lambda one: one.reference):
        reference = alike[0].reference
        others = [one for one in alike if reference is None or one.method != reference]
        if reference is None or not others:
            continue
        of = reference.finetuner
        if len({one.method.model for one in found}) > 1:
            of = reference.method
        names = name_methods(found)
        named = {id(one): name for one, name in zip(found, names, strict=True)}
        for heading, attribute in (
            ("mCE", "mean_error"),
            ("relative mCE", "mean_relative_error"),
        ):
            told = [f"{named[id(one)]} {write_mean(getattr(one, attribute))}" for one in others]
            yield f"{heading} % of {of}: " + ", ".join(told)


def explain_lacking(found: Sequence[ShiftsRecord]) -> Iterator[str]:
    """Yield which relative errors and means over severities are undefined, and why."""
    whys: dict[str, dict[str, None]] = {}
    for one, name in zip(found, name_methods(found), strict=True):
        for kind in one.types:
            if one.reference is not None:
                for figure, what in ((kind.error, "CE"), (kind.relative_error, "relative CE")):
                    if figure.lacking:
                        whys.setdefault(f"{what}: {figure.lacking}", {})[""] = None
            for score in kind.scores:
                if score.lacking:
                    text = f"{score.heading} under {name_type(kind.kind)} {score.lacking}"
                    whys.setdefault(text, {})[name] = None
    for why, names in list(whys.items())[:CHANGES_SHOWN]:
        listed = ", ".join(filter(None, names))
        yield why + (f" ({listed})" if listed else "")
    left = len(whys) - CHANGES_SHOWN
    if left > 0:
        yield f"and {left} more that are undefined, under shifts in run.json"


def explain_orders(orders: Sequence[OrderRecord]) -> Iterator[str]:
    """Yield which types change the order of methods clearly, then how many do so in value only."""
    told = [
        f"{one.heading} under {name_type(one.kind)}: {change.first} is ahead of "
        f"{change.second} on clean images {write_difference(change.clean)}, and behind it under "
        f"the shift {write_difference(change.shifted)}"
        for one in orders
        for change in one.clear
    ]
    yield from told[:CHANGES_SHOWN]
    if len(told) > CHANGES_SHOWN:
        left = len(told) - CHANGES_SHOWN
        yield f"and {left} more changes of order, under shift_orders in run.json"
    counts = [
        f"{heading} {sum(one.in_value for one in alike)} of {sum(one.pairs for one in alike)}"
        for alike in group_by(orders, lambda one: one.heading)
        for heading in [alike[0].heading]
    ]
    if counts:
        clear = "" if told else "no type changes the order of two methods clearly; "
        yield f"{clear}in value only, pairs of methods by types: {', '.join(counts)}"


def explain_shift_columns(record: RunRecord) -> Iterator[tuple[str, str]]:
    """Yield what the words and columns on shifts mean."""
    if not record.shifts:
        return
    yield (
        "Δ mean",
        "points from the score on clean images to its mean over the severities of a type, on the "
        "same images; ↑ ↓ where the interval leaves out 0",
    )
    yield (
        "with severity",
        "from the lowest to the highest one, where the interval leaves out 0 and Holm's correction "
        "for all types of the family bears it",
    )
    if any(one.reference for one in record.shifts):
        yield (
            "mCE",
            "errors under shifts in % of those of the zero-shot method, summed over severities, "
            "mean over types; relative: of what they exceed the errors on clean images by",
        )
