"""Find methods whose order depends on the explainer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations

from rateval.explainer_records import RankingChangeRecord
from rateval.run_record import CellRecord, ScoreRecord

Scores = Mapping[str, ScoreRecord]
"""Label of an attribution to the score of one method by one metric."""


def find_ranking_changes(cells: Sequence[CellRecord]) -> Iterator[RankingChangeRecord]:
    """Yield each pair of methods that one attribution puts in one order and another in the other.

    Ties and undefined values are no order.
    """
    tables: dict[tuple[str, str, str | None, str, str], dict[str, dict[str, ScoreRecord]]] = {}
    for cell in cells:
        for evidence in cell.evidence:
            for score in evidence.scores:
                key = (cell.dataset, cell.model, cell.shift, evidence.validator, score.metric)
                scores = tables.setdefault(key, {}).setdefault(cell.finetuner, {})
                scores[cell.attribution] = score
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
