"""Scores and paired differences of the authors' answers, by the same statistics as a study's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np

from rateval.api.protocols import Metric
from rateval.api.values import Outcomes
from rateval.records.key import Key
from rateval.records.scores.comparisons import ComparisonRecord
from rateval.records.scores.estimate import Estimate, estimate_share
from rateval.scoring.compared import Compared, over_images
from rateval.scoring.comparisons import find_shown, record_difference
from rateval.stats.difference import Share, paired_difference
from rateval.stats.multiple import holm
from rateval.stats.ratio import Ratio
from rateval.workbench.verdicts.counting import Counting, number_states

if TYPE_CHECKING:
    from numpy.typing import NDArray

LEVEL = 0.95
STATES = ("RR", "RW", "WR", "WW")


@dataclass(frozen=True)
class Counted:
    """One method's outcomes, counted by each metric."""

    key: Key
    outcomes: Outcomes
    countings: Mapping[str, Counting]
    """By the metric's label."""

    @cached_property
    def values(self) -> dict[str, Estimate]:
        """Each score with its interval."""
        scores = {name: one.count(self.outcomes) for name, one in self.countings.items()}
        return {
            name: estimate_share(int(score.numerator), int(score.denominator), LEVEL)
            for name, score in scores.items()
        }

    @cached_property
    def ratios(self) -> dict[str, Ratio | None]:
        """What each image adds to each score; None for a metric that is no sum over images."""
        found: dict[str, Ratio | None] = {}
        for name, counting in self.countings.items():
            table = counting.count_states(self.outcomes)
            adds = None if table is None else table[number_states(self.outcomes)]
            found[name] = None if adds is None else Ratio(adds[:, 0], adds[:, 1])
        return found

    @property
    def quadrants(self) -> NDArray[np.str_]:
        """The quadrant of each image."""
        numbers = 2 * ~self.outcomes.correct + ~self.outcomes.valid
        names: NDArray[np.str_] = np.array(STATES)[numbers]
        return names


def count(
    key: Key, correct: NDArray[np.bool_], valid: NDArray[np.bool_], metrics: Mapping[str, Metric]
) -> Counted:
    """Return the outcomes of one method, to be counted by metrics."""
    countings = {name: Counting(name, metric) for name, metric in metrics.items()}
    return Counted(key, Outcomes(correct, valid), countings)


def compare_values(ours: Counted, theirs: Counted) -> dict[str, Compared | None]:
    """Return our scores minus theirs, image by image; None where that is not defined."""
    found: dict[str, Compared | None] = {}
    for name, mine in ours.ratios.items():
        others, found[name] = theirs.ratios[name], None
        if mine is not None and others is not None:
            paired = paired_difference(mine, others, LEVEL)
            if paired is not None:
                shares = Share(mine.above, mine.below), Share(others.above, others.below)
                found[name] = over_images(paired, *shares)
    return found


def compare_all(
    counted: Sequence[Counted], validator: str, headings: Mapping[str, str]
) -> Iterator[ComparisonRecord]:
    """Yield each pair of methods, p corrected for all of them together."""
    pairs = [(method, against) for against, method in combinations(counted, 2)]
    rows = [compare_values(*pair) for pair in pairs]
    every = [one.p for row in rows for one in row.values() if one is not None and one.p is not None]
    corrected = iter(holm(every))
    for (method, against), row in zip(pairs, rows, strict=True):
        named = [headings[name] for name in row]
        yield ComparisonRecord(
            method=method.key,
            against=against.key,
            validator=validator,
            count=len(method.outcomes.correct),
            transitions=_transitions(against.quadrants, method.quadrants),
            differences=tuple(
                record_difference(name, one, corrected)
                for name, one in row.items()
                if one is not None
            ),
            findings=tuple(find_shown(list(row), named, list(row.values()), LEVEL, None)),
        )


def _transitions(
    before: NDArray[np.str_], after: NDArray[np.str_]
) -> dict[str, dict[str, int | float]]:
    found: dict[str, dict[str, int | float]] = {}
    for one in reversed(STATES):
        row = {other: int(((before == one) & (after == other)).sum()) for other in STATES}
        there: dict[str, int | float] = {name: n for name, n in row.items() if n}
        if there:
            found[one] = there
    return found
