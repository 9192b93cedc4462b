"""Which cells of compared runs were tested on the same units, and by what they were judged."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from rateval.records.about.pictures import PicturesRecord
from rateval.records.compare import CompareRecord, PairRecord
from rateval.records.key import Key
from rateval.records.run import RunRecord
from rateval.records.scores.cell import CellRecord
from rateval.report.html.gallery import find_pictures
from rateval.report.terminal.compared import name_run

Named = tuple[int, Key]
"""Place of a run, 0 for the baseline, and the key of a cell of it."""


@dataclass(frozen=True, slots=True)
class Side:
    """A cell, and the run that it is of."""

    run: int
    record: RunRecord
    cell: CellRecord

    @property
    def named(self) -> Named:
        """What tells it from every other one."""
        return self.run, self.cell.key

    @property
    def classes(self) -> tuple[str, ...]:
        """The classes of its data, by their numbers."""
        key = self.cell.key
        return next(
            data.classes
            for data in self.record.datasets
            if data.name == key.dataset and data.seed in (None, key.seed)
        )

    def read_ids(self) -> dict[str, int]:
        """Return the ids of its units to their positions in the test split."""
        first = self.cell.evidence[0].validator
        rows = self.record.rows(self.cell, first, ["id", "index", "mask_area"])
        ids, places = (rows.column(name).to_pylist() for name in ("id", "index"))
        return dict(zip(ids, places, strict=True))


@dataclass(slots=True, eq=False)
class Test:
    """Cells of two runs that were tested on the same units, and the pictures of both runs."""

    pair: PairRecord
    """The first of it."""
    seed: int | None
    """Of the candidate's first cell."""
    candidate: PicturesRecord | None
    baseline: PicturesRecord | None
    changed: set[str] = field(default_factory=set)
    """Ids of units that changed by any pair of it."""
    sides: dict[Named, Side] = field(default_factory=dict)
    validators: dict[Named, dict[str, PairRecord]] = field(default_factory=dict)
    """Of each side, the page's name of a validator to a pair that is judged by it."""

    @property
    def classes(self) -> list[str]:
        """The classes of all cells."""
        return list(dict.fromkeys(name for side in self.sides.values() for name in side.classes))


@dataclass(frozen=True, slots=True)
class Placed:
    """Both cells of one seed of a pair, in their test."""

    seed: int | None
    """The candidate's."""
    test: Test
    ours: Side
    theirs: Side


class Tested:
    """All tests of a comparison, and for each pair what was compared in which of them."""

    def __init__(self, record: CompareRecord, runs: Sequence[RunRecord], pictures: bool) -> None:
        self._record, self._runs, self._pictures = record, runs, pictures
        self._found: dict[tuple[object, ...], Test] = {}
        self.placed = [list(self._place(pair)) for pair in record.pairs]
        """For each pair, by seed."""
        self.tests = list(self._found.values())

    def name_validator(self, pair: PairRecord) -> str:
        """Return a validator's label, with its run where another run has another one of it."""
        label = pair.validator
        found = [self.find_validator(one) for one in self._record.pairs if one.validator == label]
        same = all(entry == found[0] for entry in found)
        return label if same else f"{label} ({name_run(self._record, pair.run)})"

    def find_validator(self, pair: PairRecord) -> Mapping[str, Any]:
        """Return component and params of a pair's validator."""
        entries = self._runs[pair.run].spec_resolved.get("evidence", ())
        found = (one for one in entries if one["name"] == pair.validator)
        entry: Mapping[str, Any] = next(found, {})
        return {key: entry.get(key) for key in ("component", "params")}

    def name_tests(self) -> list[str]:
        """Return a name for each test, and no name for two."""
        several = len(self._record.runs) > 2
        names = []
        for test in self.tests:
            key = test.pair.candidate
            run = f", {name_run(self._record, test.pair.run)}" if several else ""
            names.append(key.dataset + (f", {key.shift}" if key.shift else "") + run)
        names = _tell_apart(names, [f", seed {test.seed}" for test in self.tests])
        return _tell_apart(names, [f", view {at}" for at in range(1, len(names) + 1)])

    def _place(self, pair: PairRecord) -> Iterator[Placed]:
        for seed, other_seed in pair.seeds:
            ours = self._find(pair.run, pair.candidate, seed)
            theirs = self._find(0, pair.baseline, other_seed)
            if ours is None or theirs is None:
                continue  # its run was made anew since
            test = self._put(pair, seed, ours, theirs)
            test.changed |= {unit.id for unit in pair.changed if unit.seed == seed}
            for side in (ours, theirs):
                test.sides[side.named] = side
                judged = test.validators.setdefault(side.named, {})
                judged.setdefault(self.name_validator(pair), pair)
            yield Placed(seed, test, ours, theirs)

    def _put(self, pair: PairRecord, seed: int | None, ours: Side, theirs: Side) -> Test:
        candidate, baseline = (
            find_pictures(side.record, side.cell.key) if self._pictures else None
            for side in (ours, theirs)
        )
        one, other = pair.candidate, pair.baseline
        where = pair.run, one.dataset, one.shift, other.dataset, other.shift
        stored = tuple(found and (found.identity, found.file) for found in (candidate, baseline))
        key = (*where, bool(pair.other_view), *stored)
        return self._found.setdefault(key, Test(pair, seed, candidate, baseline))

    def _find(self, run: int, key: Key, seed: int | None) -> Side | None:
        wanted, record = key.model_copy(update={"seed": seed}), self._runs[run]
        found = (cell for cell in record.cells if cell.key == wanted and cell.evidence)
        return next((Side(run, record, cell) for cell in found), None)


def _tell_apart(names: Sequence[str], more: Sequence[str]) -> list[str]:
    """Return names, those that are there twice with more.

    >>> _tell_apart(["a", "b", "a"], [", 1", ", 1", ", 2"])
    ['a, 1', 'b', 'a, 2']
    """
    counts = Counter(names)
    return [name + (end if counts[name] > 1 else "") for name, end in zip(names, more, strict=True)]
