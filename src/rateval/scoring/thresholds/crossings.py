"""The thresholds at which two methods of one test change places by PT or IR."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import sqrt
from typing import TYPE_CHECKING, Literal

import numpy as np

from rateval.records.facts import ThresholdsFacts
from rateval.records.scores.chance import CrossingRecord, CrossingsRecord
from rateval.records.scores.grouping import group_by
from rateval.scoring.comparing import Comparer, Pair, is_trained
from rateval.scoring.comparisons import Match, match_pair, match_seeds
from rateval.scoring.judged import Judged
from rateval.scoring.units.sharing import share_images
from rateval.stats.curves import Crossing, SharePair, find_crossings, paired_limits
from rateval.stats.student import t_quantile
from rateval.store import rows as tables
from rateval.store.tables.curves import read_curves

if TYPE_CHECKING:
    from numpy.typing import NDArray

MOST_SHOWN = 10
"""Crossings of two methods that are recorded; all are counted."""

Name = Literal["PT", "IR"]


@dataclass(frozen=True, slots=True, eq=False)
class _Curves:
    """Counts of one cell by each of T thresholds, and how many thresholds each image reaches."""

    thresholds: NDArray[np.float64]
    correct: NDArray[np.float64]
    wrong: NDArray[np.float64]
    correct_total: float
    above: bool
    """Whether a score has to lie above a threshold, rather than at it or above."""

    def shares(self, metric: Name) -> NDArray[np.float64]:
        """Return PT or IR by each threshold, NaN where it is undefined."""
        below = self.correct + self.wrong
        if metric == "PT":
            below = np.full_like(self.correct, self.correct_total)
        return np.divide(self.correct, below, out=np.full_like(below, np.nan), where=below > 0)


class Crossings:
    """Finds where methods of one test change places, by one comparer."""

    def __init__(self, comparer: Comparer) -> None:
        self._comparer = comparer
        self._read: dict[str, _Curves] = {}
        self._reached: dict[str, NDArray[np.int16]] = {}

    def record(self, judged: Sequence[Judged]) -> Iterator[CrossingsRecord]:
        """Yield the crossings of each pair that has any: over the seeds where there are several."""
        plan = self._comparer.plan
        for cells in group_by(judged, lambda done: done.cell.key.test):
            ordered = sorted(cells, key=is_trained)  # what is compared against comes first
            if len(plan.seeds) > 1:
                matches = list(match_seeds(ordered))
            else:
                pairs = combinations(ordered, 2)
                matches = [match_pair(method, against) for against, method in pairs]
            for validator in plan.map_validators:
                for match in matches:
                    yield from self._cross(match, validator)

    def _cross(self, match: Match, validator: int) -> Iterator[CrossingsRecord]:
        curves = [[self._curves(done, validator) for done in pair] for pair in match.pairs]
        known = [(a, b) for a, b in curves if a is not None and b is not None]
        if not known or len(known) < len(curves) or not _alike(known):
            return
        found: list[tuple[Name, Crossing]] = []
        asked = False
        for metric in ("PT", "IR"):
            by_seed = np.stack([a.shares(metric) - b.shares(metric) for a, b in known])
            limits = self._limits(match.pairs, known, validator, metric, by_seed)
            asked = limits is not None
            none = np.full(by_seed.shape[1], np.nan)
            turns = find_crossings(by_seed.mean(axis=0), *(limits or (none, none)))
            found += [(metric, turn) for turn in turns]
        if found:
            yield CrossingsRecord(
                method=match.method,
                against=match.against,
                validator=self._comparer.plan.validators[validator].label,
                asked=asked,
                count=len(found),
                shown=_choose(found, known[0][0].thresholds),
            )

    def _limits(
        self,
        pairs: Sequence[Pair],
        curves: Sequence[tuple[_Curves, _Curves]],
        validator: int,
        metric: Name,
        by_seed: NDArray[np.float64],
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
        """Return the ends of the difference's interval by each threshold; None over clusters."""
        if self._comparer.clusters:
            return None
        if len(pairs) > 1:
            half = t_quantile(len(pairs) - 1, self._comparer.level) * by_seed.std(axis=0, ddof=1)
            mean, half = by_seed.mean(axis=0), half / sqrt(len(pairs))
            return mean - half, mean + half
        pair, (own, _) = pairs[0], curves[0]
        read = [self._comparer.images.read(done, validator) for done in pair]
        there = [images for images in read if images is not None]
        if len(there) < len(read) or not self._comparer.share_test(*pair):
            return None
        if there[0].sums is not None:
            return None
        reached = [self._reach(done, validator, own) for done in pair]
        states = [images.maps for images in there]
        if there[0].positions is not there[1].positions:
            chosen = share_images(there)
            reached = [one[which] for one, which in zip(reached, chosen, strict=True)]
            states = [one[which] for one, which in zip(states, chosen, strict=True)]
        return paired_limits(_count(metric, reached, states, len(by_seed[0])), self._comparer.level)

    def _reach(self, done: Judged, validator: int, curves: _Curves) -> NDArray[np.int16]:
        """Return how many thresholds each image's score makes valid, (N,); 0 without a score."""
        verdict = done.verdicts[validator]
        assert verdict is not None  # it has counts
        if verdict.identity not in self._reached:
            score = tables.read_rows(verdict.path, ["score"]).column(0)
            side: Literal["left", "right"] = "left" if curves.above else "right"
            values = score.fill_null(0.0).to_numpy()
            count = np.searchsorted(curves.thresholds.astype(np.float32), values, side=side)
            known = score.is_valid().to_numpy()
            self._reached[verdict.identity] = np.where(known, count, 0).astype(np.int16)
        return self._reached[verdict.identity]

    def _curves(self, done: Judged, validator: int) -> _Curves | None:
        stored = done.thresholds[validator]
        facts = None if stored is None else ThresholdsFacts.model_validate(stored.facts)
        if stored is None or facts is None or facts.rule is None:
            return None
        if stored.identity not in self._read:
            table = read_curves(stored.path)
            threshold, correct, wrong, total = (
                table.column(name).to_numpy().astype(np.float64)
                for name in ("threshold", "correct", "wrong", "correct_total")
            )
            above = facts.rule == "above"
            self._read[stored.identity] = _Curves(threshold, correct, wrong, float(total[0]), above)
        return self._read[stored.identity]


def _alike(curves: Sequence[tuple[_Curves, _Curves]]) -> bool:
    """Return whether all curves are by the same thresholds."""
    first = curves[0][0].thresholds
    return all(np.array_equal(one.thresholds, first) for pair in curves for one in pair)


def _count(
    metric: Name,
    reached: Sequence[NDArray[np.int16]],
    states: Sequence[NDArray[np.uint8]],
    count: int,
) -> SharePair:
    """Return what two cells' shares have in common by each of ``count`` thresholds."""
    ours, theirs = reached
    both = np.minimum(ours, theirs)
    known = [state & 4 > 0 for state in states]
    right, others = ((state & 5) == 5 for state in states)

    def over(values: NDArray[np.int16], among: NDArray[np.bool_]) -> NDArray[np.float64]:
        sums = np.cumsum(np.bincount(values[among], minlength=count + 1))
        left: NDArray[np.float64] = (sums[-1] - sums[:count]).astype(np.float64)
        return left

    if metric == "PT":
        shared = right & others
        every = [np.full(count, float(among.sum())) for among in (right, others, shared)]
        return SharePair(
            over(ours, right),
            every[0],
            over(theirs, others),
            every[1],
            over(both, shared),
            over(ours, shared),
            over(theirs, shared),
            every[2],
        )
    return SharePair(
        over(ours, right),
        over(ours, known[0]),
        over(theirs, others),
        over(theirs, known[1]),
        over(both, right & others),
        over(both, right),
        over(both, others),
        over(both, known[0] & known[1]),
    )


def _choose(
    found: Sequence[tuple[Name, Crossing]], thresholds: NDArray[np.float64]
) -> tuple[CrossingRecord, ...]:
    """Return the crossings that are recorded: clear ones first."""
    by = thresholds.tolist()
    ordered = sorted(found, key=lambda one: one[1].clear_above is None)
    return tuple(
        CrossingRecord(
            metric=metric,
            threshold=by[turn.at],
            rises=turn.rises,
            clear_below=None if turn.clear_below is None else by[turn.clear_below],
            clear_above=None if turn.clear_above is None else by[turn.clear_above],
        )
        for metric, turn in ordered[:MOST_SHOWN]
    )
