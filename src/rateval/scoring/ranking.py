"""Methods whose order depends on the explainer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations

from rateval.records.cell import ResultRecord, ScoreRecord
from rateval.records.estimate import Estimate
from rateval.records.explainers import RankingChangeRecord
from rateval.records.grouping import group_by
from rateval.records.key import ClassifierKey
from rateval.records.seeds import SeedsRecord

Estimates = Mapping[str, Estimate]
"""Label of an attribution to the value of one method by one metric."""

_Row = tuple[ResultRecord, str, ScoreRecord]
"""A result, the label of a validator, and a score by it."""


def find_ranking_changes(results: Sequence[ResultRecord]) -> Iterator[RankingChangeRecord]:
    """Yield each pair of methods that one attribution puts in one order and another in the other.

    Ties and undefined values are no order. Of a study with several seeds, give results over them.
    """
    if len({result.key.attribution for result in results}) < 2:
        return  # pairs of methods are many, and one explainer can't change its mind
    rows = [
        (result, evidence.validator, score)
        for result in results
        for evidence in result.evidence
        for score in evidence.scores
    ]
    for compared in group_by(rows, _compared_on):
        result, validator, score = compared[0]
        methods: dict[ClassifierKey, dict[str, Estimate]] = {}
        for other, _, estimated in compared:
            method = other.key.seedless.classifier
            methods.setdefault(method, {})[other.key.attribution] = _estimate(other, estimated)
        for first, second in combinations(methods, 2):
            above = _above(methods[first], methods[second])
            below = _above(methods[second], methods[first])
            if above and below:
                yield RankingChangeRecord(
                    first=first,
                    second=second,
                    shift=result.key.shift,
                    validator=validator,
                    metric=score.metric,
                    heading=score.heading,
                    first_above=above,
                    second_above=below,
                    clear=_apart(methods[first], methods[second], above)
                    and _apart(methods[second], methods[first], below),
                )


def _compared_on(row: _Row) -> tuple[object, ...]:
    result, validator, score = row
    return (*result.key.without("finetuner", "attribution", "seed"), validator, score.metric)


def _estimate(result: ResultRecord, score: ScoreRecord) -> Estimate:
    value = score.value
    if isinstance(result, SeedsRecord) and not result.seeds:  # any seed gives this very value
        return value.model_copy(update={"low": value.value, "high": value.value})
    if isinstance(result, SeedsRecord) and value.over == "images":  # of one seed, others may differ
        return value.model_copy(update={"low": None, "high": None})
    return value


def _above(one: Estimates, other: Estimates) -> tuple[str, ...]:
    return tuple(
        attribution
        for attribution, estimate in one.items()
        if attribution in other and _exceeds(estimate.value, other[attribution].value)
    )


def _apart(one: Estimates, other: Estimates, attributions: Sequence[str]) -> bool:
    return any(_exceeds(one[name].low, other[name].high) for name in attributions)


def _exceeds(one: float | None, other: float | None) -> bool:
    return one is not None and other is not None and one > other
