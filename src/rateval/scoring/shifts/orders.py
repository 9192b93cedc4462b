"""Types of shifts by which methods change places."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

from rateval.records.facts import ScoreFacts
from rateval.records.scores.comparisons import DifferenceRecord
from rateval.records.scores.shifts import ORDERED, OrderChangeRecord, OrderRecord
from rateval.scoring.compared import Compared
from rateval.scoring.comparing import Comparer
from rateval.scoring.shifts.combining import share, weigh_ratios
from rateval.scoring.shifts.grid import Kind, Test
from rateval.stats.multiple import all_of, correct


@dataclass(frozen=True, slots=True)
class _Pair:
    """Two methods by one metric and one type, the difference on clean images and that beyond."""

    kind: Kind
    metric: int
    methods: tuple[str, str]
    clean: Compared
    shifted: Compared

    @property
    def turns(self) -> bool:
        """Whether the order changes in value; ties are no order."""
        return self.clean.value * self.shifted.value < 0

    @property
    def p(self) -> float | None:
        """Of an order that changes; None where either has none."""
        if self.clean.p is None or self.shifted.p is None:
            return None
        return all_of([self.clean.p, self.shifted.p]) if self.turns else 1.0


class Orders:
    """Looks for types by which methods change places, by one comparer."""

    def __init__(self, comparer: Comparer) -> None:
        self._comparer = comparer
        self._plan, self._level = comparer.plan, comparer.level

    def record(self, test: Test, kinds: Sequence[Kind], validator: int) -> Iterator[OrderRecord]:
        """Yield what each type of a family does to the order by each metric that is looked at."""
        headings = self._headings(test, validator)
        found = [
            pair for kind in kinds for pair in self._pairs(test, kind, validator, list(headings))
        ]
        known = [p for pair in found if (p := pair.p) is not None]
        corrected = correct(known, self._plan.spec.statistics.correction)
        judged = [(pair, None if pair.p is None else next(corrected)) for pair in found]
        for kind in kinds:
            for metric, heading in headings.items():
                alike = [
                    (pair, p) for pair, p in judged if pair.kind is kind and pair.metric == metric
                ]
                if not alike:
                    continue
                clear = [(pair, p) for pair, p in alike if p is not None and self._clear(pair, p)]
                yield OrderRecord(
                    test=test.keys[test.methods[0]],
                    kind=kind.kind,
                    validator=self._plan.validators[validator].label,
                    metric=self._plan.metrics[metric].label,
                    heading=heading,
                    pairs=len(alike),
                    in_value=sum(pair.turns for pair, _ in alike) - len(clear),
                    clear=tuple(self._record(pair, p) for pair, p in clear),
                )

    def _headings(self, test: Test, validator: int) -> dict[int, str]:
        found: dict[int, str] = {}
        for method in test.methods:
            for row in test.rows([(method, None)]):
                for metric, score in enumerate(row[0].scores[validator]):
                    if score is not None:
                        found[metric] = ScoreFacts.model_validate(score.facts).heading
        return {metric: found[metric] for metric in sorted(found) if found[metric] in ORDERED}

    def _pairs(
        self, test: Test, kind: Kind, validator: int, metrics: Sequence[int]
    ) -> Iterator[_Pair]:
        count = len(kind.shifts)
        every = (None, *kind.shifts)
        on_clean = [1.0, *[0.0] * count, -1.0, *[0.0] * count]
        under = [0.0, *[1 / count] * count, 0.0, *[-1 / count] * count]
        for one, other in combinations(test.methods, 2):
            cells = [(method, shift) for method in (one, other) for shift in every]
            shared = share(self._comparer, test.rows(cells), validator)
            if shared is None:
                continue
            for metric in metrics:
                rows = shared.ratios(metric)
                if rows is None:
                    continue  # it is no sum over images
                clean, shifted = (
                    weigh_ratios(rows, weights, shared, self._level)
                    for weights in (on_clean, under)
                )
                if clean is not None and shifted is not None:
                    yield _Pair(kind, metric, (one, other), clean, shifted)

    def _clear(self, pair: _Pair, p: float) -> bool:
        sides = (_side(pair.clean), _side(pair.shifted))
        return sides[0] * sides[1] < 0 and p <= 1 - self._level

    def _record(self, pair: _Pair, p: float) -> OrderChangeRecord:
        """Return a change of order, the method first that is ahead on clean images."""
        turned = pair.clean.value < 0
        first, second = reversed(pair.methods) if turned else pair.methods
        label = self._plan.metrics[pair.metric].label
        return OrderChangeRecord(
            first=first,
            second=second,
            clean=_difference(label, pair.clean, turned=turned),
            shifted=_difference(label, pair.shifted, turned=turned),
            p=pair.p or 0.0,
            p_corrected=p,
        )


def _side(found: Compared) -> int:
    """Return on which side of 0 an interval lies; 0 where it holds it or isn't there."""
    if found.low is None or found.high is None:
        return 0
    return int(found.low > 0) - int(found.high < 0)


def _difference(metric: str, one: Compared, *, turned: bool) -> DifferenceRecord:
    low, high = one.low, one.high
    if turned:
        low, high = (None if end is None else -end for end in (one.high, one.low))
    return DifferenceRecord(
        metric=metric,
        value=-one.value if turned else one.value,
        low=low,
        high=high,
        p=one.p,
        p_corrected=None,
        few=one.few,
        over=one.over,
    )
