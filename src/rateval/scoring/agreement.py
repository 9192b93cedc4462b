"""Agreement of explainers by pairs, each on the same classifier and the same test."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from itertools import combinations, product
from math import fsum

from rateval.api.values import Score
from rateval.plan.cells import Cell
from rateval.plan.plan import Plan
from rateval.records.explainers import AgreementRecord, VerdictAgreementRecord
from rateval.records.facts import AgreeFacts, ShareFacts
from rateval.records.grouping import group_by
from rateval.store.store import Stored

Pair = tuple[Cell, Cell]
"""Two cells that differ in their attribution only, or in a seed that one doesn't depend on."""


def pair_explainers(cells: Sequence[Cell], plan: Plan) -> list[list[Pair]]:
    """Return the pairs of cells for each classifier, test and pair of attributions.

    They follow the order of the spec. With several seeds a group holds a pair for each.
    """
    labels = dict.fromkeys(choice.label for choice in plan.choices["attribution"])
    groups = []
    for group in group_by(cells, lambda cell: cell.key.without("attribution", "seed")):
        explained = {
            same[0].attribution.label: same
            for same in group_by(group, lambda cell: cell.attribution.label)
        }
        for first, second in combinations(labels, 2):
            both = product(explained.get(first, ()), explained.get(second, ()))
            matched = [pair for pair in both if _of_one_seed(*pair)]
            if matched:
                groups.append(matched)
    return groups


def _of_one_seed(first: Cell, second: Cell) -> bool:
    return len({first.seed, second.seed} - {None}) < 2


def record_agreements(
    groups: Iterable[Sequence[tuple[Pair, Stored]]], plan: Plan
) -> Iterator[AgreementRecord]:
    """Yield the agreement of each group of ``pair_explainers``, from the pairs that have a result.

    With several seeds the images of all of them count, each pair of maps by one seed.
    """
    for group in groups:
        if group:
            facts = [AgreeFacts.model_validate(stored.facts) for _, stored in group]
            yield _record(group[0][0], plan, facts)


def _record(pair: Pair, plan: Plan, facts: Sequence[AgreeFacts]) -> AgreementRecord:
    first, second = (cell.key.seedless for cell in pair)
    return AgreementRecord(
        first=first,
        second=second,
        correlation=_correlation(facts),
        count=sum(found.count for found in facts),
        verdicts=tuple(
            _verdicts(plan.validators[at].label, [found.verdicts[index] for found in facts])
            for index, at in enumerate(plan.map_validators)  # answers to edits ask no explainer
        ),
    )


def _correlation(facts: Sequence[AgreeFacts]) -> float | None:
    means = [(f.count, f.correlation) for f in facts if f.correlation is not None]
    if len(means) < 2:
        return means[0][1] if means else None
    return fsum(count * mean for count, mean in means) / sum(count for count, _ in means)


def _verdicts(validator: str, shares: Sequence[ShareFacts]) -> VerdictAgreementRecord:
    score = Score.share(
        sum(share.numerator for share in shares), sum(share.denominator for share in shares)
    )
    return VerdictAgreementRecord(validator=validator, **asdict(score))
