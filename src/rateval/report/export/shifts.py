"""A tidy table of what shifts change: by severity, over severities, and in relative errors."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa

from rateval.records.scores.comparisons import DifferenceRecord
from rateval.records.scores.shifts import (
    MeanErrorRecord,
    RelativeErrorRecord,
    ShiftsRecord,
    ShiftTypeRecord,
)
from rateval.records.shift import ShiftKey
from rateval.report.export.selecting import Selection
from rateval.report.export.tables import KEY, Line, name_key

_TEXT, _REAL, _WHOLE = pa.string(), pa.float64(), pa.int64()
SHIFTS = pa.schema(
    KEY
    | {"shift_group": _TEXT, "validator": _TEXT, "metric": _TEXT, "heading": _TEXT, "what": _TEXT}
    | {
        "clean": _REAL,
        "value": _REAL,
        "difference": _REAL,
        "low": _REAL,
        "high": _REAL,
        "over": _TEXT,
    }
    | {"p": _REAL, "p_corrected": _REAL, "few": pa.bool_(), "types": _WHOLE, "reference": _TEXT}
    | {"lacking": _TEXT}
)
"""``what`` is ``severity``, ``mean``, ``trend``, ``CE``, ``relative CE``, ``mCE`` or ``relative
mCE``."""


def read_shifts(selection: Selection) -> Iterator[Line]:
    """Yield a line for each change of a method under shifts, and for each relative error."""
    for found in selection.record.shifts:
        if found.validator in selection.validators and selection.holds(found.method):
            for kind in found.types:
                yield from _read_type(found, kind)
            family = ShiftKey(family=found.family)
            for what, mean in (
                ("mCE", found.mean_error),
                ("relative mCE", found.mean_relative_error),
            ):
                yield _name(found, family, None, what) | _describe_error(found, mean)


def _read_type(found: ShiftsRecord, kind: ShiftTypeRecord) -> Iterator[Line]:
    headings = {score.metric: score.heading for score in kind.scores}
    for shifted in kind.shifted:
        for change in shifted.changes:
            line = _name(found, shifted.shift, kind.group, "severity")
            heading = {"heading": headings.get(change.metric)}
            yield line | _describe(change) | heading
    for score in kind.scores:
        scored = {"metric": score.metric, "heading": score.heading}
        line = _name(found, kind.kind, kind.group, "mean") | scored
        values = {"clean": score.clean, "value": score.mean, "lacking": score.lacking}
        yield line | _describe(score.change) | values | scored
        line = _name(found, kind.kind, kind.group, "trend") | scored
        yield line | _describe(score.trend) | scored | {"lacking": score.trend_lacking}
    for what, error in (("CE", kind.error), ("relative CE", kind.relative_error)):
        yield _name(found, kind.kind, kind.group, what) | _describe_error(found, error)


def _name(found: ShiftsRecord, shift: ShiftKey, group: str | None, what: str) -> Line:
    key = name_key(found.method.model_copy(update={"shift": shift}))
    empty = dict.fromkeys(name for name in SHIFTS.names if name not in key)
    return key | empty | {"shift_group": group, "validator": found.validator, "what": what}


def _describe(change: DifferenceRecord | None) -> Line:
    if change is None:
        return {}
    names = ("metric", "low", "high", "over", "p", "p_corrected", "few")
    return {"difference": change.value} | {name: getattr(change, name) for name in names}


def _describe_error(found: ShiftsRecord, error: RelativeErrorRecord) -> Line:
    return {
        "value": error.value,
        "low": error.low,
        "high": error.high,
        "over": None if error.value is None else error.over,
        "types": error.types if isinstance(error, MeanErrorRecord) else None,
        "reference": None if found.reference is None else found.reference.finetuner,
        "lacking": error.lacking,
    }
