"""Compare explainers by pairs, each on the same classifier and the same test."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from itertools import combinations, product
from math import fsum
from pathlib import Path
from typing import Any

from rateval.api.values import Score
from rateval.plan.plan import Plan
from rateval.records.explainers import AgreementRecord, VerdictAgreementRecord
from rateval.scoring.judged import Judged
from rateval.scoring.seeds import group_by
from rateval.stages.agree import Explained, agree
from rateval.store.store import Store

_Pair = tuple[Judged, Judged]


def compare_explainers(
    judged: Sequence[Judged], plan: Plan, store: Store
) -> Iterator[AgreementRecord]:
    """Yield the agreement of each pair of attributions, in the order of the spec.

    With several seeds the images of all of them count, each pair of maps by one seed.
    """
    labels = dict.fromkeys(choice.label for choice in plan.choices["attribution"])
    pairs = list(combinations(labels, 2))
    for group in group_by(judged, lambda done: done.cell.key.without("attribution", "seed")):
        cells = group_by(group, lambda done: done.cell.key.attribution)
        explained = {same[0].cell.key.attribution: same for same in cells}
        for first, second in pairs:
            both = product(explained.get(first, ()), explained.get(second, ()))
            matched = [pair for pair in both if _of_one_seed(*pair)]
            if matched:
                yield _record(matched[0], plan, [_compare(pair, store) for pair in matched])


def _of_one_seed(first: Judged, second: Judged) -> bool:
    return len({first.cell.key.seed, second.cell.key.seed} - {None}) < 2


def _compare(pair: _Pair, store: Store) -> Mapping[str, Any]:
    inputs = {
        "inferred": [done.inferred.identity for done in pair],
        "verdicts": [[verdict.identity for verdict in done.verdicts] for done in pair],
    }

    def compute(folder: Path) -> Mapping[str, Any]:
        explained = [
            Explained(done.inferred.path, [verdict.path for verdict in done.verdicts])
            for done in pair
        ]
        return agree(*explained)

    return store.reuse_or_make("agree", inputs, compute).facts


def _record(pair: _Pair, plan: Plan, facts: Sequence[Mapping[str, Any]]) -> AgreementRecord:
    first, second = (done.cell.key.seedless for done in pair)
    return AgreementRecord(
        first=first,
        second=second,
        correlation=_correlation(facts),
        count=sum(found["count"] for found in facts),
        verdicts=tuple(
            _verdicts(choice.label, [found["verdicts"][index] for found in facts])
            for index, choice in enumerate(plan.validators)
        ),
    )


def _correlation(facts: Sequence[Mapping[str, Any]]) -> float | None:
    means: list[tuple[int, float]] = [
        (found["count"], found["correlation"]) for found in facts if found["count"]
    ]
    if len(means) < 2:
        return means[0][1] if means else None
    return fsum(count * mean for count, mean in means) / sum(count for count, _ in means)


def _verdicts(validator: str, shares: Sequence[Mapping[str, Any]]) -> VerdictAgreementRecord:
    score = Score.share(
        sum(share["numerator"] for share in shares), sum(share["denominator"] for share in shares)
    )
    return VerdictAgreementRecord(validator=validator, **asdict(score))
