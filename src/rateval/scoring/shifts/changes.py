"""A method under the shifts of one family, beside itself on clean images."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from rateval.records.facts import ScoreFacts
from rateval.records.scores.comparisons import DifferenceRecord
from rateval.records.scores.shifts import (
    ShiftedRecord,
    ShiftsRecord,
    ShiftTypeRecord,
    TypeScoreRecord,
)
from rateval.records.shift import ShiftKey
from rateval.scoring.compared import Compared
from rateval.scoring.comparing import Comparer
from rateval.scoring.comparisons import record_difference
from rateval.scoring.shifts.combining import Shared, share, weigh
from rateval.scoring.shifts.errors import Relative, record_error, record_mean, relate
from rateval.scoring.shifts.grid import Kind, Test
from rateval.stats.multiple import correct

NO_VERDICTS = "no result at {}"
NOTHING = "undefined at {}: nothing is in its denominator"


@dataclass(frozen=True, slots=True)
class _Score:
    """One metric by one type, before what is corrected for all types is known."""

    metric: int
    heading: str
    clean: float | None
    mean: float | None
    change: Compared | None
    trend: Compared | None
    lacking: str | None
    trend_lacking: str | None


@dataclass(frozen=True, slots=True)
class _Type:
    kind: Kind
    shifted: list[tuple[ShiftKey, list[Compared | None]]]
    scores: list[_Score]
    error: Relative | str
    relative: Relative | str


class ShiftChanges:
    """What shifts change, by one comparer."""

    def __init__(self, comparer: Comparer) -> None:
        self._comparer = comparer
        self._plan, self._level = comparer.plan, comparer.level
        self._labels = [metric.label for metric in comparer.plan.metrics]

    def record(
        self, test: Test, method: str, kinds: Sequence[Kind], validator: int
    ) -> ShiftsRecord | None:
        """Return a method under the shifts of a family; None where nothing of it was judged."""
        found = [self._type(test, method, kind, validator) for kind in kinds]
        if not any(one.shifted for one in found):
            return None
        of_shifts = self._corrected(one for of in found for _, row in of.shifted for one in row)
        of_means = self._corrected(one for of in found for one in self._row(of, "change"))
        of_trends = self._corrected(one for of in found for one in self._row(of, "trend"))
        types = [self._record_type(one, of_shifts, of_means, of_trends) for one in found]
        return ShiftsRecord(
            method=test.keys[method],
            family=kinds[0].kind.family,
            validator=self._plan.validators[validator].label,
            reference=None if test.reference is None else test.keys[test.reference],
            types=tuple(types),
            mean_error=record_mean([one.error for one in found], self._level),
            mean_relative_error=record_mean([one.relative for one in found], self._level),
        )

    def _type(self, test: Test, method: str, kind: Kind, validator: int) -> _Type:
        shifted = []
        for shift in kind.shifts:
            pairs = [(row[0], row[1]) for row in test.rows([(method, shift), (method, None)])]
            if pairs:
                row = self._comparer.compare_seeds(pairs, validator)
                if any(row):
                    shifted.append((shift, row))
        cells = [(method, None), *((method, shift) for shift in kind.shifts)]
        shared = share(self._comparer, test.rows(cells), validator)
        return _Type(
            kind,
            shifted,
            list(self._scores(test, method, kind, validator, shared)) if shifted else [],
            self._relate(test, method, kind, validator, beyond_clean=False),
            self._relate(test, method, kind, validator, beyond_clean=True),
        )

    def _scores(
        self, test: Test, method: str, kind: Kind, validator: int, shared: Shared | None
    ) -> Iterator[_Score]:
        count = len(kind.shifts)
        ends = [(method, kind.shifts[-1]), (method, kind.shifts[0])]
        pairs = [(row[0], row[1]) for row in test.rows(ends)] if count > 1 else []
        trends = self._comparer.compare_seeds(pairs, validator)
        headings = self._headings(test, method, validator)
        for metric, trend in enumerate(trends):
            if headings[metric] is None:
                continue
            ratios = None if shared is None else shared.ratios(metric)
            if shared is not None and ratios is None:
                continue  # it is no sum over images
            weights = [-1.0, *[1 / count] * count]
            change = None if shared is None else weigh(shared, metric, weights, self._level)
            clean = mean = None
            if shared is not None and change is not None:
                clean = _mean(shared, metric, lambda values: values[0])
                mean = _mean(shared, metric, lambda values: sum(values[1:]) / count)
            lacking = (
                None if change else self._explain(test, method, kind.shifts, validator, metric)
            )
            ended = [kind.shifts[0], kind.shifts[-1]]
            why = "has one severity only" if count < 2 else None
            if why is None and trend is None:
                why = self._explain(test, method, ended, validator, metric)
            yield _Score(metric, headings[metric] or "", clean, mean, change, trend, lacking, why)

    def _headings(self, test: Test, method: str, validator: int) -> list[str | None]:
        (row, *_) = test.rows([(method, None)])
        return [
            None if score is None else ScoreFacts.model_validate(score.facts).heading
            for score in row[0].scores[validator]
        ]

    def _explain(
        self,
        test: Test,
        method: str,
        shifts: Sequence[ShiftKey],
        validator: int,
        metric: int,
    ) -> str:
        """Return why a score over these shifts is undefined."""
        for shift in (None, *shifts):
            where = "clean images" if shift is None else _name_severity(shift)
            shared = share(self._comparer, test.rows([(method, shift)]), validator)
            if shared is None:
                return NO_VERDICTS.format(where)
            rows = shared.ratios(metric) or []
            if all(ratio.value is None for row in rows for ratio in row):
                return NOTHING.format(where)
        return "undefined on the images that are there by all severities"

    def _relate(
        self, test: Test, method: str, kind: Kind, validator: int, *, beyond_clean: bool
    ) -> Relative | str:
        if test.reference is None:
            return "there is no zero-shot method to be relative to"
        cells = [
            (name, shift) for name in (method, test.reference) for shift in (None, *kind.shifts)
        ]
        shared = share(self._comparer, test.rows(cells), validator)
        where = kind.kind.type or kind.kind.family
        if shared is None:
            return f"{where} lacks results at some severity"
        return relate(shared, beyond_clean=beyond_clean, where=where, name=test.reference)

    def _row(self, of: _Type, name: str) -> list[Compared | None]:
        found: dict[int, Compared | None] = {one.metric: getattr(one, name) for one in of.scores}
        return [found.get(metric) for metric in range(len(self._labels))]

    def _corrected(self, found: Iterator[Compared | None]) -> list[Iterator[float]]:
        """Return the p of each metric, corrected for all that are found by it, in their order."""
        every: list[list[float]] = [[] for _ in self._labels]
        for at, one in enumerate(found):
            if one is not None and one.p is not None:
                every[at % len(self._labels)].append(one.p)
        how = self._plan.spec.statistics.correction
        return [correct(values, how) for values in every]

    def _record_type(
        self,
        found: _Type,
        of_shifts: Sequence[Iterator[float]],
        of_means: Sequence[Iterator[float]],
        of_trends: Sequence[Iterator[float]],
    ) -> ShiftTypeRecord:
        shifted = tuple(
            ShiftedRecord(
                shift=shift,
                changes=tuple(
                    record_difference(label, one, of_shifts[at])
                    for at, (label, one) in enumerate(zip(self._labels, row, strict=True))
                    if one is not None
                ),
            )
            for shift, row in found.shifted
        )
        return ShiftTypeRecord(
            kind=found.kind.kind,
            group=found.kind.group,
            severities=tuple(shift.severity for shift in found.kind.shifts),
            shifted=shifted,
            scores=tuple(self._record_score(one, of_means, of_trends) for one in found.scores),
            error=record_error(found.error, self._level),
            relative_error=record_error(found.relative, self._level),
        )

    def _record_score(
        self,
        found: _Score,
        of_means: Sequence[Iterator[float]],
        of_trends: Sequence[Iterator[float]],
    ) -> TypeScoreRecord:
        label = self._labels[found.metric]

        def record(one: Compared | None, by: Sequence[Iterator[float]]) -> DifferenceRecord | None:
            return None if one is None else record_difference(label, one, by[found.metric])

        return TypeScoreRecord(
            metric=label,
            heading=found.heading,
            clean=found.clean,
            mean=found.mean,
            change=record(found.change, of_means),
            trend=record(found.trend, of_trends),
            lacking=found.lacking,
            trend_lacking=found.trend_lacking,
        )


def _mean(shared: Shared, metric: int, of: Callable[[list[float]], float]) -> float:
    """Return the mean over seeds by which all is defined."""
    rows = [[ratio.value for ratio in row] for row in shared.ratios(metric) or ()]
    known = [[value for value in row if value is not None] for row in rows]
    whole = [of(values) for values, row in zip(known, rows, strict=True) if len(values) == len(row)]
    return sum(whole) / len(whole)


def _name_severity(shift: ShiftKey) -> str:
    return "the shift" if shift.severity is None else f"severity {shift.severity}"
