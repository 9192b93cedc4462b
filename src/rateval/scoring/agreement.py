"""Agreement of explainers by pairs, each on the same classifier and the same test."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from itertools import combinations, product
from math import fsum
from typing import TYPE_CHECKING

import numpy as np

from rateval.api.values import Score
from rateval.plan.cells import Cell
from rateval.plan.plan import Plan
from rateval.records.facts import AgreeFacts, ShareFacts
from rateval.records.scores.estimate import Estimate
from rateval.records.scores.explainers import AgreementRecord, VerdictAgreementRecord
from rateval.records.scores.grouping import group_by
from rateval.scoring.judged import Judged
from rateval.stats.kappa import cohen_kappa
from rateval.store.ids import match_ids
from rateval.store.rows import read_rows
from rateval.store.store import Stored

if TYPE_CHECKING:
    from numpy.typing import NDArray

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
    groups: Iterable[Sequence[tuple[Pair, Stored]]], plan: Plan, judged: Iterable[Judged] = ()
) -> Iterator[AgreementRecord]:
    """Yield the agreement of each group of ``pair_explainers``, from the pairs that have a result.

    With several seeds the images of all of them count, each pair of maps by one seed. Kappa is that
    of the verdicts of ``judged``; there is none of cells that are not among them.
    """
    verdicts = {done.cell.key: done.verdicts for done in judged}
    for group in groups:
        if group:
            pairs = [pair for pair, _ in group]
            facts = [AgreeFacts.model_validate(stored.facts) for _, stored in group]
            rated = [[verdicts.get(cell.key) for cell in pair] for pair in pairs]
            yield _record(pairs[0], plan, facts, rated)


_Rated = Sequence[Sequence[Sequence[Stored | None] | None]]
"""For each pair, for each of its two cells, the verdicts of each validator."""


def _record(pair: Pair, plan: Plan, facts: Sequence[AgreeFacts], rated: _Rated) -> AgreementRecord:
    first, second = (cell.key.seedless for cell in pair)
    level = plan.spec.statistics.level
    return AgreementRecord(
        first=first,
        second=second,
        correlation=_correlation(facts),
        count=sum(found.count for found in facts),
        verdicts=tuple(
            _verdicts(
                plan.validators[at].label,
                [found.verdicts[index] for found in facts],
                _kappa([[_nth(cell, at) for cell in cells] for cells in rated], level),
            )
            for index, at in enumerate(plan.map_validators)  # answers to edits ask no explainer
        ),
    )


def _correlation(facts: Sequence[AgreeFacts]) -> float | None:
    means = [(f.count, f.correlation) for f in facts if f.correlation is not None]
    if len(means) < 2:
        return means[0][1] if means else None
    return fsum(count * mean for count, mean in means) / sum(count for count, _ in means)


def _verdicts(
    validator: str, shares: Sequence[ShareFacts], kappa: Estimate | None
) -> VerdictAgreementRecord:
    score = Score.share(
        sum(share.numerator for share in shares), sum(share.denominator for share in shares)
    )
    return VerdictAgreementRecord(validator=validator, **asdict(score), kappa=kappa)


def _nth(verdicts: Sequence[Stored | None] | None, index: int) -> Stored | None:
    return None if verdicts is None else verdicts[index]


def _kappa(pairs: Sequence[Sequence[Stored | None]], level: float) -> Estimate | None:
    """Return Cohen's kappa of the verdicts of all pairs together."""
    counts = np.zeros(4, np.int64)
    for first, second in pairs:
        if first is None or second is None:
            return None
        counts += _count_answers(first, second)
    both, first_only, second_only, neither = counts.tolist()
    found = cohen_kappa(both, first_only, second_only, neither, level)
    if found is None:
        return None
    value, low, high = found
    return Estimate(value=value, low=low, high=high, over="images", count=int(counts.sum()))


def _count_answers(first: Stored, second: Stored) -> NDArray[np.int64]:
    """Return the images that both call valid, the first alone, the second alone, and neither.

    Those count that have a score by both.
    """
    read = [read_rows(found.path, ["id", "valid", "undefined"]) for found in (first, second)]
    places = match_ids(*(rows.column("id") for rows in read))
    rows = [table.take(place) for table, place in zip(read, places, strict=True)]
    valid, other = (table.column("valid").to_numpy() for table in rows)
    scored, other_scored = (table.column("undefined").is_null().to_numpy() for table in rows)
    answers = (2 * ~valid + ~other)[scored & other_scored]
    return np.bincount(answers.astype(np.int64), minlength=4)
