"""Find methods whose order depends on the explainer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from rateval.records.cell import CellRecord
from rateval.records.explainers import RankingChangeRecord
from rateval.records.seeds import SeedsRecord


@dataclass(frozen=True, slots=True)
class _Estimate:
    heading: str
    value: float | None
    low: float | None
    high: float | None


Scores = Mapping[str, _Estimate]
"""Label of an attribution to the score of one method by one metric."""

_Key = tuple[str, str, str | None, str, str]
_Labelled = tuple[_Key, str, str, _Estimate]


def find_ranking_changes(
    cells: Sequence[CellRecord], over_seeds: Sequence[SeedsRecord] = ()
) -> Iterator[RankingChangeRecord]:
    """Yield each pair of methods that one attribution puts in one order and another in the other.

    Ties and undefined values are no order. ``over_seeds`` goes first where there is any.
    """
    tables: dict[_Key, dict[str, dict[str, _Estimate]]] = {}
    estimates = _over_seeds(over_seeds) if over_seeds else _over_images(cells)
    for key, finetuner, attribution, estimate in estimates:
        tables.setdefault(key, {}).setdefault(finetuner, {})[attribution] = estimate
    for (dataset, model, shift, validator, metric), methods in tables.items():
        for first, second in combinations(methods, 2):
            above = _above(methods[first], methods[second])
            below = _above(methods[second], methods[first])
            if above and below:
                yield RankingChangeRecord(
                    dataset=dataset,
                    model=model,
                    shift=shift,
                    validator=validator,
                    metric=metric,
                    heading=methods[first][above[0]].heading,
                    first=first,
                    second=second,
                    first_above=above,
                    second_above=below,
                    clear=_apart(methods[first], methods[second], above)
                    and _apart(methods[second], methods[first], below),
                )


def _over_images(cells: Sequence[CellRecord]) -> Iterator[_Labelled]:
    for cell in cells:
        for evidence in cell.evidence:
            for score in evidence.scores:
                key = (cell.dataset, cell.model, cell.shift, evidence.validator, score.metric)
                estimate = _Estimate(score.heading, score.value, score.low, score.high)
                yield key, cell.finetuner, cell.attribution, estimate


def _over_seeds(records: Sequence[SeedsRecord]) -> Iterator[_Labelled]:
    for record in records:
        for evidence in record.evidence:
            for score in evidence.scores:
                key = (record.dataset, record.model, record.shift, evidence.validator, score.metric)
                low, high = score.value.low, score.value.high
                if not record.seeds:  # any seed gives this very value
                    low = high = score.value.mean
                estimate = _Estimate(score.heading, score.value.mean, low, high)
                yield key, record.finetuner, record.attribution, estimate


def _above(one: Scores, other: Scores) -> tuple[str, ...]:
    return tuple(
        attribution
        for attribution, score in one.items()
        if attribution in other and _exceeds(score.value, other[attribution].value)
    )


def _apart(one: Scores, other: Scores, attributions: Sequence[str]) -> bool:
    return any(_exceeds(one[name].low, other[name].high) for name in attributions)


def _exceeds(one: float | None, other: float | None) -> bool:
    return one is not None and other is not None and one > other
