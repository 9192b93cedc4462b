"""One metric counted from outcomes, checked, over the images that it can speak of."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from rateval.api.protocols import Metric
from rateval.api.task import Task
from rateval.api.values import Outcomes, Score
from rateval.errors import PluginError

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Counting:
    """The counting of a metric, which needn't ask what is known of an image's evidence.

    One that looks at evidence is given the images whose evidence is known, any other one all.
    """

    task: Task
    label: str
    """The metric's in the study, for messages."""
    metric: Metric

    def count(self, outcomes: Outcomes) -> Score:
        """Compute the metric; nothing of nothing where it needs masks and no image has one.

        Raises PluginError when the metric contradicts its own counts.
        """
        if not outcomes.known.all():
            if not self._looks_at_evidence:
                outcomes = Outcomes(outcomes.correct, outcomes.valid)
            elif outcomes.known.any():
                outcomes = outcomes.among(outcomes.known)
            else:
                return Score.share(0, 0)
        got = self.metric.compute(outcomes)
        if not isinstance(got, Score) or not _is_share(got):
            raise PluginError(
                f'the metric "{self.label}" returned {got}, whose value is not numerator / '
                "denominator (None when the denominator is 0), of whole numbers from 0 up and at "
                "most 1",
                kind="metric",
            )
        return got

    def count_states(self, outcomes: Outcomes) -> NDArray[np.float64] | None:
        """Return (8, 2) what an image of each state adds to numerator and denominator.

        States are numbered as by ``number_states``; those that no image has add nothing. None for a
        metric that is no sum over images: what it makes of one image at a time is not what it makes
        of all of them.
        """
        states = number_states(outcomes)
        table = np.zeros((STATES, 2))
        for state, first in zip(*np.unique(states, return_index=True), strict=True):
            one = np.zeros(len(states), dtype=np.bool_)
            one[first] = True
            score = self._try(outcomes.among(one))
            if score is None:
                return None
            table[state] = score.numerator, score.denominator
        whole, sums = self._try(outcomes), np.bincount(states, minlength=STATES) @ table
        if whole is None:
            return None
        return table if sums.tolist() == [whole.numerator, whole.denominator] else None

    def _try(self, outcomes: Outcomes) -> Score | None:
        try:
            return self.count(outcomes)
        except (Exception, SystemExit):
            # A metric needn't know what to make of one image; what fails on all failed as a step.
            return None

    def try_unknown(self, outcomes: Outcomes) -> list[Score] | None:
        """Return the scores if unknown evidence was known; None where that makes no difference.

        First if none of it was valid, then if that of the correct predictions alone was, of the
        wrong ones alone, and all of it. Whatever it really is, a share of counts of states lies
        between the least and the greatest of these.
        """
        unknown = ~outcomes.known
        if not unknown.any() or not self._looks_at_evidence:
            return None
        right = outcomes.correct
        sound = outcomes.valid & outcomes.known
        supposed = (unknown & False, unknown & right, unknown & ~right, unknown)
        return [self.count(Outcomes(right, sound | valid)) for valid in supposed]

    @cached_property
    def _looks_at_evidence(self) -> bool:
        return self.task.needs_masks(self.metric)


STATES = 8
"""Different states that an image can be in, some of which are the same to every metric."""


def number_states(outcomes: Outcomes) -> NDArray[np.uint8]:
    """Return the number of each image's state, (N,): 1 correct, 2 valid, 4 known, summed.

    >>> true, false = np.array([True]), np.array([False])
    >>> number_states(Outcomes(true, false, true)).tolist()
    [5]
    """
    right, valid, known = (
        values.astype(np.uint8) for values in (outcomes.correct, outcomes.valid, outcomes.known)
    )
    numbers: NDArray[np.uint8] = right + 2 * valid + 4 * known
    return numbers


def _is_share(score: Score) -> bool:
    counts = (score.numerator, score.denominator)
    whole = all(isinstance(count, int | np.integer) for count in counts)
    return (
        whole
        and 0 <= score.numerator <= score.denominator
        and score == Score.share(score.numerator, score.denominator)
    )
