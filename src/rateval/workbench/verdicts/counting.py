"""One metric counted from outcomes, checked, over the images that it can speak of."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from itertools import product
from typing import TYPE_CHECKING

import numpy as np

from rateval.api.protocols import Metric
from rateval.api.values import Outcomes, Score
from rateval.errors import PluginError
from rateval.workbench.verdicts.needing import needs_masks

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Counting:
    """The counting of a metric, which needn't ask what is known of an image's evidence.

    One that looks at evidence is given the images whose evidence is known, any other one all. What
    is known of predictions under edits is given to those alone that need it.
    """

    label: str
    """The metric's in the study, for messages."""
    metric: Metric
    edits: bool = False
    """Whether it needs predictions under edits."""

    def count(self, outcomes: Outcomes) -> Score:
        """Compute the metric; nothing of nothing where it needs masks and no image has one.

        Raises PluginError when the metric contradicts its own counts.
        """
        if not self.edits and outcomes.causal is not None:
            outcomes = replace(outcomes, causal=None, causal_known=None)
        if not outcomes.known.all():
            if not self._looks_at_evidence:
                outcomes = replace(outcomes, known=np.ones_like(outcomes.known))
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
        """Return (STATES, 2) what an image of each state adds to numerator and denominator.

        States are numbered as by ``number_states``; those that no image has add nothing. None for a
        metric that is no sum over images: what it makes of one image at a time is not what it makes
        of all of them. None also where predictions under edits are needed, and not there.
        """
        if self.edits and outcomes.causal is None:
            return None
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

    def count_parts(
        self, outcomes: Outcomes, part: NDArray[np.int64], parts: int
    ) -> list[tuple[int, int] | None]:
        """Return numerator and denominator of the images of each part, which ``part`` (N,) numbers.

        None for a part of which the metric can't tell by itself, 0 of 0 for one without an image.
        """
        table = self.count_states(outcomes)
        if table is not None:
            adds = table[number_states(outcomes)]
            sums = [np.bincount(part, column, parts) for column in adds.T]
            return [(int(above), int(below)) for above, below in zip(*sums, strict=True)]
        sizes = np.bincount(part, minlength=parts)
        return [
            self._count_part(outcomes, part == number) if size else (0, 0)
            for number, size in enumerate(sizes)
        ]

    def _count_part(self, outcomes: Outcomes, chosen: NDArray[np.bool_]) -> tuple[int, int] | None:
        score = self._try(outcomes.among(chosen))
        return None if score is None else (int(score.numerator), int(score.denominator))

    def _try(self, outcomes: Outcomes) -> Score | None:
        try:
            return self.count(outcomes)
        except (Exception, SystemExit):
            # A metric needn't know what to make of one image; what fails on all failed as a step.
            return None

    def try_unknown(self, outcomes: Outcomes) -> list[Score] | None:
        """Return the scores if unknown evidence was known; None where that makes no difference.

        First if none of it was valid, last if all of it was, and between them each way in which
        that of the correct predictions differs from that of the wrong ones; of predictions under
        edits likewise. Whatever it really is, a share of counts of states lies between the least
        and the greatest of these.
        """
        if outcomes.known.all() or not self._looks_at_evidence:
            return None
        causes = (False, True) if self.edits else (None,)
        states = tuple(product((False, True), causes))
        return [
            self.count(_suppose(outcomes, of_right, of_wrong))
            for of_wrong, of_right in product(states, repeat=2)
        ]

    @cached_property
    def _looks_at_evidence(self) -> bool:
        return needs_masks(self.metric, edits=self.edits)


def _suppose(
    outcomes: Outcomes, of_right: tuple[bool, bool | None], of_wrong: tuple[bool, bool | None]
) -> Outcomes:
    """Return outcomes as if (valid, causal) of the images with unknown evidence were as given."""
    right, unknown = outcomes.correct, ~outcomes.known
    valid, causal = (
        np.where(right, one, other) & unknown
        for one, other in zip(map(bool, of_right), map(bool, of_wrong), strict=True)
    )
    supposed = Outcomes(right, (outcomes.valid & outcomes.known) | valid)
    if outcomes.causal is None or outcomes.causal_known is None:
        return supposed
    known = outcomes.causal_known
    return replace(
        supposed,
        causal=(outcomes.causal & known & ~unknown) | causal,
        causal_known=known | unknown,
    )


STATES = 32
"""Different states that an image can be in, some of which are the same to every metric."""

BY_MAP = 7
"""The part of a state's number that says what is predicted, and what is known of its evidence."""


def number_states(outcomes: Outcomes) -> NDArray[np.uint8]:
    """Return the number of each image's state, (N,).

    That is the sum of 1 where it is correct, 2 valid, 4 known, 8 causal, 16 where that is known.

    >>> true, false = np.array([True]), np.array([False])
    >>> number_states(Outcomes(true, false, true)).tolist()
    [5]
    >>> number_states(Outcomes(true, false, true, causal=true)).tolist()
    [29]
    """
    numbers = np.zeros(len(outcomes.correct), dtype=np.uint8)
    causes = (outcomes.causal, outcomes.causal_known)
    for bit, values in enumerate((outcomes.correct, outcomes.valid, outcomes.known, *causes)):
        if values is not None:
            numbers |= values.astype(np.uint8) << bit
    return numbers


def _is_share(score: Score) -> bool:
    counts = (score.numerator, score.denominator)
    whole = all(isinstance(count, int | np.integer) for count in counts)
    return (
        whole
        and 0 <= score.numerator <= score.denominator
        and score == Score.share(score.numerator, score.denominator)
    )
