"""Tidy tables of a run's numbers: scores, differences of methods, transitions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pyarrow as pa

from rateval.records.key import Key
from rateval.records.scores.cell import CellRecord, EvidenceRecord, ResultRecord, ScoreRecord
from rateval.records.scores.comparisons import ComparisonRecord
from rateval.records.scores.estimate import Estimate
from rateval.records.shift import ShiftKey
from rateval.report.export.selecting import Selection

_TEXT, _REAL, _WHOLE = pa.string(), pa.float64(), pa.int64()
SHIFT = {"shift": _TEXT, "shift_family": _TEXT, "shift_type": _TEXT, "shift_severity": _REAL}
"""Columns of a shift: its text, and its parts."""
KEY = {
    "dataset": _TEXT,
    "model": _TEXT,
    "finetuner": _TEXT,
    **SHIFT,
    "attribution": _TEXT,
    "seed": _WHOLE,
}
"""Columns of a cell's name."""
STATES = ("RR", "RW", "WR", "WW", "RU", "WU")
"""Quadrants, and the states of images whose evidence is unknown."""

_ENDS = ("", "_low", "_high")
BESIDE = ("blank_right", "blank_kept", "other_right", "other_kept", "chair_i", "chair_s")
"""Estimates of a cell of questions or captions, whatever judges it."""

CELLS = pa.schema(
    KEY
    | {"over_seeds": pa.bool_(), "validator": _TEXT, "metric": _TEXT, "heading": _TEXT}
    | {"value": _REAL, "low": _REAL, "high": _REAL, "over": _TEXT}
    | {"numerator": _WHOLE, "denominator": _WHOLE, "count": _WHOLE, "sd": _REAL}
    | {"change": _REAL, "change_low": _REAL, "change_high": _REAL, "change_p": _REAL}
    | {"images": _REAL}
    | dict.fromkeys(STATES, _REAL)
    | {"unit": _TEXT}
    | dict.fromkeys((f"soft{end}" for end in _ENDS), _REAL)
    | dict.fromkeys((f"{name}{end}" for name in BESIDE for end in _ENDS), _REAL)
    | {"cider": _REAL}
)
COMPARISONS = pa.schema(
    {"dataset": _TEXT, "model": _TEXT, **SHIFT, "attribution": _TEXT}
    | {"finetuner": _TEXT, "seed": _WHOLE, "against": _TEXT, "against_seed": _WHOLE}
    | {"validator": _TEXT, "images": _REAL, "metric": _TEXT}
    | {"difference": _REAL, "low": _REAL, "high": _REAL, "over": _TEXT}
    | {"p": _REAL, "p_corrected": _REAL, "few": pa.bool_(), "findings": _TEXT}
)
TRANSITIONS = pa.schema(
    {"dataset": _TEXT, "model": _TEXT, **SHIFT, "attribution": _TEXT}
    | {"finetuner": _TEXT, "seed": _WHOLE, "against": _TEXT, "against_seed": _WHOLE}
    | {"validator": _TEXT, "from": _TEXT, "to": _TEXT, "images": _REAL}
)

Line = dict[str, Any]
Table = tuple[pa.Schema, Callable[[Selection], Iterator[Line]]]


def read_cells(selection: Selection) -> Iterator[Line]:
    """Yield a line for each score of each cell, and of cells that differ in their seed only."""
    for result in selection.results:
        for evidence in result.evidence:
            if evidence.validator in selection.validators:
                beside = {"unit": selection.record.unit(result.key.dataset)}
                beside |= _describe_texts(result)
                for score in evidence.scores:
                    yield _describe_score(result, evidence, score) | beside


def _describe_texts(result: ResultRecord) -> Line:
    """Return what is known of answers without the image, and of captions; null where nothing is."""
    found = result.without_image, result.captions
    line: Line = {"cider": None if result.captions is None else result.captions.cider}
    for name in BESIDE:
        estimates = (getattr(one, name, None) for one in found)
        line |= _with_ends(name, next((one for one in estimates if one is not None), None))
    return line


def _with_ends(name: str, found: Estimate | None) -> Line:
    parts = (("", "value"), ("_low", "low"), ("_high", "high"))
    return {f"{name}{end}": None if found is None else getattr(found, part) for end, part in parts}


def _describe_score(result: ResultRecord, evidence: EvidenceRecord, score: ScoreRecord) -> Line:
    value, change = score.value, score.change
    line = name_key(result.key) | {
        "over_seeds": not isinstance(result, CellRecord),
        "validator": evidence.validator,
        "metric": score.metric,
        "heading": score.heading,
        "images": result.count,
    }
    for name in ("value", "low", "high", "over", "numerator", "denominator", "count", "sd"):
        line[name] = getattr(value, name)
    line |= _with_ends("soft", score.soft)
    line["change"] = None if change is None else change.value
    for name in ("low", "high", "p"):
        line[f"change_{name}"] = None if change is None else getattr(change, name)
    return line | {state: evidence.quadrants.get(state, 0) for state in STATES}


def read_comparisons(selection: Selection) -> Iterator[Line]:
    """Yield a line for each metric of each pair of methods: the first minus the second."""
    for found in selection.comparisons:
        for one in found.differences:
            about = [f.claim for f in found.findings if one.metric in f.metrics]
            yield _name_pair(found) | {
                "images": found.count,
                "metric": one.metric,
                "difference": one.value,
                "low": one.low,
                "high": one.high,
                "over": one.over,
                "p": one.p,
                "p_corrected": one.p_corrected,
                "few": one.few,
                "findings": "; ".join(about) or None,
            }


def read_transitions(selection: Selection) -> Iterator[Line]:
    """Yield a line for each state by one method and state by the other that images have."""
    for found in selection.comparisons:
        for before, row in found.transitions.items():
            for after, count in row.items():
                yield _name_pair(found) | {"from": before, "to": after, "images": count}


def _name_pair(found: ComparisonRecord) -> Line:
    method, against = found.method, found.against
    return {
        "dataset": method.dataset,
        "model": method.model,
        **name_shift(method.shift),
        "attribution": method.attribution,
        "finetuner": method.finetuner,
        "seed": method.seed,
        "against": against.finetuner,
        "against_seed": against.seed,
        "validator": found.validator,
    }


def name_key(key: Key) -> Line:
    """Return the columns of a cell's name."""
    plain = {name: getattr(key, name) for name in KEY if name not in SHIFT}
    return plain | name_shift(key.shift)


def name_shift(shift: ShiftKey | None) -> Line:
    """Return the columns of a shift; all null for the unshifted test."""
    if shift is None:
        return dict.fromkeys(SHIFT)
    parts = {f"shift_{name}": getattr(shift, name) for name in ("family", "type", "severity")}
    return {"shift": shift.text} | parts


TABLES: dict[str, Table] = {
    "cells": (CELLS, read_cells),
    "comparisons": (COMPARISONS, read_comparisons),
    "transitions": (TRANSITIONS, read_transitions),
}
"""What is small enough to be made from the record alone, by its name."""
