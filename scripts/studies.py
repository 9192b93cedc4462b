"""Tables of studies whose rows are no methods: of shifts, and of training sets.

A test's name says what was done to it (``biased, corruption fog 3``) or what was trained on
(``bias 0.9, 1000 scenes, biased test``).
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import figures
from columns import Column, cell, table
from figures import ZERO_SHOT, Figures
from prose import Says, bears

SHIFTED = re.compile(r"^(?P<test>.+), (?P<family>\S+) (?P<type>[a-z_]+) (?P<severity>\d)$")
TRAINED = re.compile(r"^(?P<training>.+), (?P<test>\S+) test$")
WORDS: Sequence[Says] = ("rises", "no difference", "falls")


@dataclass(frozen=True)
class Shifted:
    """A test by one type and severity; of the test as it is, type and severity are empty."""

    name: str
    test: str
    type: str = ""
    severity: str = ""


def shifts_of(found: Figures) -> list[Shifted]:
    """Return the tests of a study that have all its methods, in their order, by what shifts them.

    Of a part of a study there is also what an earlier one stored, of some methods.
    """
    there = {(row.test, row.method) for row in found.rows}
    methods = found.listed("method")
    tests = [
        test for test in found.listed("test") if all((test, method) in there for method in methods)
    ]
    shifted = [(name, SHIFTED.match(name)) for name in tests]
    return [
        Shifted(name, match["test"], match["type"], match["severity"])
        if match
        else Shifted(name, name)
        for name, match in shifted
    ]


def finding(found: Figures) -> list[Column]:
    """Return the columns of the finding that is tried: accuracy, PT, IR, and PT of causes."""
    (first, *_) = found.listed("attribution")
    mass, edits = "relevance-mass", "counterfactual"
    return [
        Column("accuracy", "accuracy", mass, first),
        Column("PT", "pt", mass, first),
        Column("IR", "ir", mass, first),
        Column("PT causal", "pt", edits, first),
    ]


def of_shifts(study: str, test: str, method: str) -> str:
    """Write a row for each type and severity of a test: how a method changes zero-shot's scores."""
    found = figures.read(study)
    (model,) = found.listed("model")
    columns = [dataclasses.replace(one, against=ZERO_SHOT) for one in finding(found)]
    rows = [
        [
            f"`{one.type}`" if one.type else "as it is",
            one.severity,
            *(cell(found, one.name, model, method, column) for column in columns),
        ]
        for one in shifts_of(found)
        if one.test == test
    ]
    return table(["type", "severity", *(column.heading for column in columns)], rows)


def of_levels(study: str, test: str) -> str:
    """Write a row for each method: the mean of its scores over a test's types, by severity."""
    found = figures.read(study)
    (model,) = found.listed("model")
    columns = finding(found)
    shown = [one for one in shifts_of(found) if one.test == test]
    rows = []
    for method in found.listed("method"):
        for severity in dict.fromkeys(one.severity for one in shown):
            places = [one.name for one in shown if one.severity == severity]
            values = [mean_of(found, places, model, method, column) for column in columns]
            rows.append([method, severity or "as it is", str(len(places)), *values])
    headings = ["method", "severity", "tests", *(column.heading for column in columns)]
    return table(headings, rows)


def mean_of(found: Figures, tests: Sequence[str], model: str, method: str, column: Column) -> str:
    """Write the mean of one score over tests; a dash where one of them has none."""
    place = model, method, column.attribution, column.validator
    values = [found.find((test, *place)).values[column.metric][0] for test in tests]
    known = [value for value in values if value is not None]
    return f"{100 * sum(known) / len(known):.1f}" if len(known) == len(values) else "–"


def of_counts(study: str, test: str) -> str:
    """Write a row for each method and severity: in how many types each score moves which way."""
    found = figures.read(study)
    (model,) = found.listed("model")
    columns = finding(found)
    shown = [one for one in shifts_of(found) if one.test == test and one.type]
    rows = []
    for method in found.listed("method"):
        if method == ZERO_SHOT:
            continue
        for severity in dict.fromkeys(one.severity for one in shown):
            places = [one.name for one in shown if one.severity == severity]
            counts = [
                " / ".join(
                    str(count_moves(found, places, model, method, column, says)) for says in WORDS
                )
                for column in columns
            ]
            rows.append([method, severity, str(len(places)), *counts])
    headings = ["method", "severity", "types", *(column.heading for column in columns)]
    return table(headings, rows)


def count_moves(
    found: Figures, tests: Sequence[str], model: str, method: str, column: Column, says: Says
) -> int:
    """Return in how many tests the interval of a score's change bears a word."""
    place = model, method, column.attribution, column.validator
    changes = [
        found.find((test, *place)).changes.get(ZERO_SHOT, {}).get(column.metric) for test in tests
    ]
    return sum(change is not None and bears(says, change) for change in changes)


def of_trainings(study: str, model: str, test: str) -> str:
    """Write a row for each training set and method: what it does to zero-shot on one test."""
    found = figures.read(study)
    mass, edits = "relevance-mass", "counterfactual"
    (first, *_) = depths = found.listed("attribution")
    columns = [
        Column("accuracy", "accuracy", mass, first, against=ZERO_SHOT),
        *(Column(f"PT, {depth}", "pt", mass, depth, against=ZERO_SHOT) for depth in depths),
        Column("PT causal", "pt", edits, first, against=ZERO_SHOT),
        Column("right for the object", "right-for-the-object", mass, first, against=ZERO_SHOT),
    ]
    trainings = {
        match["training"]: name
        for name in found.listed("test")
        if (match := TRAINED.match(name)) and match["test"] == test
    }
    there = {row.place[:3] for row in found.rows}
    rows = [
        [training, method, *(cell(found, name, model, method, column) for column in columns)]
        for method in found.listed("method")
        for training, name in trainings.items()
        if method != ZERO_SHOT and (name, model, method) in there
    ]
    return table(["training set", "method", *(column.heading for column in columns)], rows)


def of_study(found: Figures) -> Iterator[tuple[str, str]]:
    """Yield all tables of a study of shifts, or of training sets, by their titles."""
    shown = shifts_of(found)
    for test in dict.fromkeys(one.test for one in shown if one.type):
        yield f"{test}, types", of_counts(found.study, test)
        yield f"{test}, levels", of_levels(found.study, test)
        for method in found.listed("method"):
            if method != ZERO_SHOT:
                yield f"{test}, {method} against zero-shot", of_shifts(found.study, test, method)
    tests = [match["test"] for one in shown if (match := TRAINED.match(one.name))]
    for model in found.listed("model") if tests else ():
        for test in dict.fromkeys(tests):
            yield f"{model}, {test} test", of_trainings(found.study, model, test)
