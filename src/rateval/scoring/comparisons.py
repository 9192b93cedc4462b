"""Every pair of methods of one test, and what their differences show."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from rateval.records.facts import ScoreFacts
from rateval.records.key import Key
from rateval.records.scores.comparisons import ComparisonRecord, DifferenceRecord, FindingRecord
from rateval.records.scores.grouping import group_by
from rateval.scoring.compared import Compared
from rateval.scoring.comparing import Comparer, Pair, is_trained
from rateval.scoring.judged import Judged
from rateval.stats.multiple import all_of, correct
from rateval.workbench.verdicts.counting import BY_MAP

if TYPE_CHECKING:
    from numpy.typing import NDArray

_ROUNDING = 1e-6
"""Of a mean over seeds; far below one part in as many as there may be."""
_STATES = ("WU", "RU", "WU", "RU", "WW", "RW", "WR", "RR")
"""State by prediction and map, by its number, as ``number_states`` has them."""


@dataclass(frozen=True, slots=True)
class Match:
    """Two methods of one test."""

    method: Key
    against: Key
    pairs: tuple[Pair, ...]
    """One for each seed."""


class Comparisons:
    """Compares each pair of methods of one test by one comparer."""

    def __init__(self, comparer: Comparer) -> None:
        self._comparer = comparer
        self._asked = comparer.plan.spec.statistics

    def record(self, judged: Sequence[Judged]) -> Iterator[ComparisonRecord]:
        """Yield a comparison of each pair by each validator, by seed and then over the seeds."""
        for cells in group_by(judged, lambda done: done.cell.key.test):
            ordered = sorted(cells, key=is_trained)  # what is compared against comes first
            if len(self._comparer.plan.seeds) > 1:
                tests = [list(_match_one_seed(ordered, seed)) for seed in _seeds(ordered)]
                tests.append(list(match_seeds(ordered)))
            else:
                pairs = combinations(ordered, 2)
                tests = [[match_pair(method, against) for against, method in pairs]]
            for matches in tests:
                for validator in range(len(self._comparer.plan.validators)):
                    yield from self._test(matches, validator)

    def _test(self, matches: Sequence[Match], validator: int) -> Iterator[ComparisonRecord]:
        """Yield the comparisons of one test by one validator, p corrected for all of them."""
        found = [
            (match, compared)
            for match in matches
            if any(compared := self._comparer.compare_seeds(match.pairs, validator))
        ]
        every = [one.p for _, row in found for one in row if one is not None and one.p is not None]
        corrected = correct(every, self._asked.correction)
        for match, row in found:
            counts = self._comparer.transitions(match.pairs, validator)
            yield ComparisonRecord(
                method=match.method,
                against=match.against,
                validator=self._comparer.plan.validators[validator].label,
                count=whole_count(counts.sum()),
                transitions=name_states(counts),
                differences=tuple(
                    record_difference(metric.label, one, corrected)
                    for metric, one in zip(self._comparer.plan.metrics, row, strict=True)
                    if one is not None
                ),
                findings=tuple(self._find(match, validator, row)),
            )

    def _find(
        self, match: Match, validator: int, row: Sequence[Compared | None]
    ) -> Iterator[FindingRecord]:
        labels = [metric.label for metric in self._comparer.plan.metrics]
        headings = _headings(match.pairs, validator)
        yield from find_shown(labels, headings, row, self._asked.level, self._asked.margin)


def find_shown(
    labels: Sequence[str],
    headings: Sequence[str | None],
    row: Sequence[Compared | None],
    level: float,
    margin: float | None,
) -> Iterator[FindingRecord]:
    """Yield what the differences of two methods show, of metrics by their labels and headings."""
    by_heading = {
        heading: (label, one)
        for heading, label, one in zip(headings, labels, row, strict=True)
        if heading is not None and one is not None
    }
    if "PT" in by_heading and "IR" in by_heading:
        (pt, falling), (ir, rising) = by_heading["PT"], by_heading["IR"]
        both = falling.p is not None and rising.p is not None
        p = all_of([falling.p or 0.0, rising.p or 0.0])
        if both and falling.value < 0 < rising.value and p <= 1 - level:
            yield FindingRecord(claim="PT falls and IR rises", metrics=(pt, ir), p=p)
    if margin is None:
        return
    for label, one in zip(labels, row, strict=True):
        if one is None or one.beyond is None or one.opposite is None:
            continue
        fall, rise = one.beyond(margin), one.opposite(margin)
        if fall <= 1 - level:
            yield FindingRecord(claim="no fall", metrics=(label,), margin=margin, p=fall)
        if (p := all_of([fall, rise])) <= 1 - level:
            yield FindingRecord(claim="no change", metrics=(label,), margin=margin, p=p)


def record_difference(metric: str, one: Compared, corrected: Iterator[float]) -> DifferenceRecord:
    """Return a difference as a record; ``corrected`` has the next p of those that have one."""
    return DifferenceRecord(
        metric=metric,
        value=one.value,
        low=one.low,
        high=one.high,
        p=one.p,
        p_corrected=None if one.p is None else next(corrected),
        few=one.few,
        over=one.over,
    )


def _headings(pairs: Sequence[Pair], validator: int) -> list[str | None]:
    return [
        None if score is None else ScoreFacts.model_validate(score.facts).heading
        for score in pairs[0][0].scores[validator]
    ]


def _seeds(cells: Iterable[Judged]) -> list[int]:
    found = dict.fromkeys(done.cell.key.seed for done in cells)
    return [seed for seed in found if seed is not None]


def _match_one_seed(cells: Sequence[Judged], seed: int) -> Iterator[Match]:
    """Yield the pairs by one seed; those that depend on none are among the pairs over seeds."""
    of_seed = [done for done in cells if done.cell.key.seed in (seed, None)]
    for against, method in combinations(of_seed, 2):
        if {method.cell.key.seed, against.cell.key.seed} != {None}:
            yield match_pair(method, against)


def match_pair(method: Judged, against: Judged) -> Match:
    """Return two cells of one seed as methods."""
    return Match(method.cell.key, against.cell.key, ((method, against),))


def match_seeds(cells: Sequence[Judged]) -> Iterator[Match]:
    """Yield the pairs over the seeds."""
    for against, method in combinations(group_by(cells, lambda d: d.cell.key.seedless), 2):
        pairs = tuple(_pair(method, against))
        if pairs:
            yield Match(method[0].cell.key.seedless, against[0].cell.key.seedless, pairs)


def _pair(ours: Sequence[Judged], theirs: Sequence[Judged]) -> Iterator[Pair]:
    """Yield the cells of one seed together; one that depends on none goes with each."""
    for one in ours:
        for other in theirs:
            if len({one.cell.key.seed, other.cell.key.seed} - {None}) < 2:
                yield one, other


def name_states(counts: NDArray[np.float64]) -> dict[str, dict[str, int | float]]:
    """Return counts by our state and theirs, as their state to ours."""
    named: dict[str, dict[str, int | float]] = {}
    for ours, theirs in np.argwhere(counts).tolist():
        row = named.setdefault(name_state(theirs), {})
        name = name_state(ours)
        row[name] = whole_count(row.get(name, 0) + counts[ours, theirs])
    return named


def name_state(number: int) -> str:
    """Return the name of a state by prediction and map, such as ``RW``; ``RU`` if unknown."""
    return _STATES[number & BY_MAP]


def whole_count(count: float) -> int | float:
    """Return a count as a whole number where it is one, rounding of a mean aside.

    >>> whole_count(2.0), whole_count(2.5), whole_count(1 / 3 + 1 / 3 + 1 / 3 - 1)
    (2, 2.5, 0)
    >>> whole_count(119.99999999999999)
    120
    """
    nearest = round(count)
    return nearest if abs(count - nearest) < _ROUNDING else float(count)
