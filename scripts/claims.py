"""Compare what documents claim with the intervals of the runs that they speak of.

    python scripts/claims.py     # prints what no entry covers, and what no interval bears

``docs/figures/claims.toml`` has the claims, as parts of sentences, with what each is about;
``docs/figures/STUDY.json`` has the figures. A word such as "rises" in a sentence about accuracy,
PT, IR or causes has to stand within a claim, or within a text that is exempt for a reason.
"""

from __future__ import annotations

import csv
import re
import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from itertools import product
from pathlib import Path
from typing import get_args

import figures
from figures import Figures, Triple
from prose import (
    DIRECTION,
    MEASURE,
    ROOT,
    Says,
    bears,
    documents,
    numbers,
    plain,
    quotes,
    sentences,
)

LIST = figures.FOLDER / "claims.toml"
PUBLISHED = ROOT / "src/rateval/plan/published_values.csv"


class ClaimError(Exception):
    """An entry of the list is malformed, or names what is not there."""


@dataclass(frozen=True)
class Entry:
    """A part of a document that somebody answers for."""

    file: str
    text: str


@dataclass(frozen=True)
class Claim(Entry):
    """What a part of a document says of a study's figures."""

    study: str
    tests: Sequence[str]
    models: Sequence[str]
    attributions: Sequence[str]
    validators: Sequence[str]
    metrics: Sequence[str]
    methods: Sequence[str]
    says: Says
    against: str = figures.ZERO_SHOT


@dataclass(frozen=True)
class Counted(Entry):
    """In how many of how many tests of a study a metric of one method moves so."""

    study: str
    tests: str
    """Pattern of their names, with ``*`` and ``?``."""
    model: str
    attribution: str
    validator: str
    metric: str
    method: str
    says: Says
    cells: int
    of: int
    against: str = figures.ZERO_SHOT


@dataclass(frozen=True)
class Published(Entry):
    """In how many of how many published pairs of a method with zero-shot a metric moves so."""

    metric: str
    says: Says
    cells: int
    of: int


@dataclass(frozen=True)
class Exempt(Entry):
    """What claims nothing of a run, and why."""

    reason: str


def uncovered(text: str, entries: Sequence[Entry]) -> list[str]:
    """Return the sentences that claim a change which no entry covers.

    >>> uncovered("PT falls. IR rises.", [Entry("a.md", "PT falls")])
    ['IR rises.']
    """
    found = []
    for sentence in sentences(text):
        if not MEASURE.search(sentence):
            continue
        spans = [
            (at.start(), at.end())
            for entry in entries
            for at in re.finditer(re.escape(plain(entry.text)), sentence)
        ]
        words = DIRECTION.finditer(sentence)
        if any(not any(a <= w.start() and w.end() <= b for a, b in spans) for w in words):
            found.append(sentence)
    return found


def cases(claim: Claim, found: Figures) -> Iterator[tuple[str, Triple, Triple, Triple]]:
    """Yield the name of each figure that a claim is about, both values and the change."""
    names = (claim.tests, claim.models, claim.methods, claim.attributions, claim.validators)
    for place in product(*names):
        row = found.find(place)
        other = found.find((place[0], place[1], claim.against, *place[3:]))
        for metric in claim.metrics:
            value, base = row.values[metric], other.values[metric]
            change = row.changes.get(claim.against, {}).get(metric, (None, None, None))
            yield f"{metric} of {' · '.join(place)} against {claim.against}", value, base, change


def refuted(claim: Claim, found: Figures) -> list[str]:
    """Return a line for each figure that doesn't bear a claim, and for each number not there."""
    wrong: list[str] = []
    shares: list[float] = []
    for name, value, base, change in cases(claim, found):
        shares += [share for share in (*value, *base, *change) if share is not None]
        if not bears(claim.says, change):
            wrong.append(f"{claim.says}? {name}: {change}")
    lacking = [number for number in numbers(claim.text) if not quotes(number, shares)]
    return wrong + [f"{number} is no figure of what this claim is about" for number in lacking]


def counted_tests(entry: Counted, found: Figures) -> tuple[int, int]:
    """Return in how many tests the intervals bear what an entry says, and of how many."""
    tests = [test for test in found.listed("test") if fnmatchcase(test, entry.tests)]
    place = entry.model, entry.method, entry.attribution, entry.validator
    changes = [
        found.find((test, *place)).changes[entry.against].get(entry.metric, (None, None, None))
        for test in tests
    ]
    return sum(bears(entry.says, change) for change in changes), len(tests)


def published_pairs(metric: str, says: Says) -> tuple[int, int]:
    """Return in how many published pairs with zero-shot a metric moves so, and of how many."""
    with PUBLISHED.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    values = {
        (row["method"], row["model"], row["dataset"]): float(row["percent"])
        for row in rows
        if row["metric"].lower() == metric
    }
    changes = [
        value - values[figures.ZERO_SHOT, model, dataset]
        for (method, model, dataset), value in values.items()
        if method != figures.ZERO_SHOT
    ]
    return sum(c < 0 if says == "falls" else c > 0 for c in changes), len(changes)


def complaints(entry: Entry) -> list[str]:
    """Return what is wrong with an entry: its text is not there, or the figures don't bear it."""
    text = (ROOT / entry.file).read_text(encoding="utf-8")
    if not any(plain(entry.text) in sentence for sentence in sentences(text)):
        return ["no sentence has this text"]
    if isinstance(entry, Claim):
        return refuted(entry, figures.read(entry.study))
    if not isinstance(entry, Published | Counted):
        return []
    if isinstance(entry, Published):
        counted, what = published_pairs(entry.metric, entry.says), "published pairs"
    else:
        counted, what = counted_tests(entry, figures.read(entry.study)), f"tests {entry.tests!r}"
    right = counted == (entry.cells, entry.of)
    return [] if right else [f"{entry.metric} {entry.says} in {counted[0]} of {counted[1]} {what}"]


def read(path: Path = LIST) -> list[Entry]:
    """Read the list. Raises ClaimError for an entry that is not one."""
    content = tomllib.loads(path.read_text(encoding="utf-8"))
    kinds: Mapping[str, type[Entry]] = {
        "claim": Claim,
        "counted": Counted,
        "published": Published,
        "exempt": Exempt,
    }
    if unknown := content.keys() - kinds.keys():
        raise ClaimError(f"{path.name}: {sorted(unknown)}: entries are {sorted(kinds)}")
    made = []
    for kind, entries in content.items():
        for entry in entries:
            try:
                made.append(kinds[kind](**entry))
            except TypeError as error:
                raise ClaimError(f"{path.name}: {entry.get('text')}: {error}") from None
            if "says" in entry and entry["says"] not in get_args(Says):
                raise ClaimError(f"{path.name}: {entry['text']}: says one of {get_args(Says)}")
    return made


def main() -> int:
    """Print what is wrong; 1 when anything is."""
    entries, wrong = read(), 0
    for path in documents():
        name = path.relative_to(ROOT).as_posix()
        mine = [entry for entry in entries if entry.file == name]
        for sentence in uncovered(path.read_text(encoding="utf-8"), mine):
            print(f"{name}: no entry for: {sentence}")
            wrong += 1
        for entry in mine:
            for complaint in complaints(entry):
                print(f"{name}: {entry.text!r}: {complaint}")
                wrong += 1
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
