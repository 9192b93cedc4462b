"""Methods whose order depends on the explainer."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import combinations

from rateval.records.key import ClassifierKey, Key
from rateval.records.scores.cell import ResultRecord, ScoreRecord
from rateval.records.scores.comparisons import ComparisonRecord
from rateval.records.scores.explainers import RankingChangeRecord
from rateval.records.scores.grouping import group_by

_Results = Mapping[str, tuple[Key, float | None]]
"""Label of an attribution to the name of one method's result and its value by one metric."""

_Row = tuple[ResultRecord, str, ScoreRecord]
"""A result, the label of a validator, and a score by it."""


def find_ranking_changes(
    results: Sequence[ResultRecord], comparisons: Iterable[ComparisonRecord] = ()
) -> Iterator[RankingChangeRecord]:
    """Yield each pair of methods that one attribution puts in one order and another in the other.

    Ties and undefined values are no order. Of a study with several seeds, give results over them. A
    change is clear where paired intervals among ``comparisons`` leave out 0 on both sides.
    """
    if len({result.key.attribution for result in results}) < 2:
        return  # pairs of methods are many, and one explainer can't change its mind
    shown = _Shown(comparisons)
    rows = [
        (result, evidence.validator, score)
        for result in results
        for evidence in result.evidence
        for score in evidence.scores
    ]
    for compared in group_by(rows, _compared_on):
        result, validator, score = compared[0]
        methods: dict[ClassifierKey, dict[str, tuple[Key, float | None]]] = {}
        for other, _, found in compared:
            by = methods.setdefault(other.key.seedless.classifier, {})
            by[other.key.attribution] = other.key, found.value.value
        for first, second in combinations(methods, 2):
            above = _above(methods[first], methods[second])
            below = _above(methods[second], methods[first])
            if above and below:
                pair = methods[first], methods[second]
                yield RankingChangeRecord(
                    first=first,
                    second=second,
                    shift=result.key.shift,
                    validator=validator,
                    metric=score.metric,
                    heading=score.heading,
                    first_above=above,
                    second_above=below,
                    clear=all(
                        any(shown.differ(pair, by, validator, score.metric) for by in side)
                        for side in (above, below)
                    ),
                )


class _Shown:
    """Which pairs of results differ by more than their images and seeds leave open."""

    def __init__(self, comparisons: Iterable[ComparisonRecord]) -> None:
        self._differing = {
            (frozenset((found.method, found.against)), found.validator, difference.metric)
            for found in comparisons
            for difference in found.differences
            if difference.excludes_0
        }

    def differ(self, pair: tuple[_Results, _Results], by: str, validator: str, metric: str) -> bool:
        """Return whether the interval of two methods' difference by one attribution leaves out 0.

        It is on the side of their values, which are those of the same images.
        """
        keys = frozenset(results[by][0] for results in pair)
        return (keys, validator, metric) in self._differing


def _compared_on(row: _Row) -> tuple[object, ...]:
    result, validator, score = row
    return (*result.key.without("finetuner", "attribution", "seed"), validator, score.metric)


def _above(one: _Results, other: _Results) -> tuple[str, ...]:
    return tuple(
        attribution
        for attribution, (_, value) in one.items()
        if attribution in other and _exceeds(value, other[attribution][1])
    )


def _exceeds(one: float | None, other: float | None) -> bool:
    return one is not None and other is not None and one > other
