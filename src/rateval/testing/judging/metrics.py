"""What every metric promises."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import numpy as np

from rateval.api.protocols import Metric
from rateval.api.values import Outcomes, Score
from rateval.testing.failure import part, require, require_members


def check_metric(metric: Metric, needs: str = "") -> None:
    """Check label, counts and value on outcomes that fill or leave out each quadrant.

    Some of them are of images whose evidence is unknown. ``needs`` is what its component says: of
    predictions under edits, every second image has one that hangs on the object, of some none is
    known.

    Raises ConformanceError at the first broken promise.
    """
    require_members(metric, Metric)
    label = metric.label
    require(
        isinstance(label, str) and 0 < len(label) <= 12 and label.strip() == label,
        "Metric.label",
        "be a heading of 1 to 12 characters",
        repr(label),
    )
    for counts in product((0, 1, 3), repeat=4):
        with part("Metric.compute"):
            outcomes = _outcomes(counts, needs)
            _check_score(metric.compute(outcomes), counts)
            _check_order(metric, outcomes)
            _check_score(metric.compute(_hide(outcomes)), counts)
    with part("Metric.compute, with no outcome,"):
        _check_nothing(metric, needs)


def _check_nothing(metric: Metric, needs: str) -> None:
    nothing = metric.compute(_outcomes((0, 0, 0, 0), needs))
    require(
        nothing.value is None and nothing.denominator == 0,
        "Metric.compute",
        "give value None and denominator 0 when there is no outcome",
        nothing,
    )


def _outcomes(counts: tuple[int, ...], needs: str) -> Outcomes:
    correct = np.repeat([True, True, False, False], counts)
    valid = np.repeat([True, False, True, False], counts)
    if not needs:
        return Outcomes(correct, valid)
    number = np.arange(len(correct))
    known = number % 5 != 4
    return Outcomes(correct, valid, causal=(number % 2 == 0) & known, causal_known=known)


def _hide(outcomes: Outcomes) -> Outcomes:
    """Return them with the evidence of every second image unknown."""
    known = np.arange(len(outcomes.correct)) % 2 == 0
    return replace(outcomes, valid=outcomes.valid & known, known=known)


def _check_score(score: Score, counts: tuple[int, ...]) -> None:
    where = f"Metric.compute, with RR, RW, WR, WW = {counts},"
    require(isinstance(score, Score), where, "return a Score", repr(score))
    whole = type(score.numerator) is int and type(score.denominator) is int
    require(
        whole and 0 <= score.numerator <= score.denominator,
        where,
        "give counts as int with 0 <= numerator <= denominator",
        score,
    )
    if score.denominator == 0:
        require(score.value is None, where, "give None for an empty denominator", score)
    else:
        expected = score.numerator / score.denominator
        close = score.value is not None and abs(score.value - expected) <= 1e-12
        require(close, where, f"give numerator / denominator = {expected}", score)


def _check_order(metric: Metric, outcomes: Outcomes) -> None:
    causes = (outcomes.causal, outcomes.causal_known)
    causal, known = (None if values is None else values[::-1] for values in causes)
    reverse = Outcomes(
        outcomes.correct[::-1], outcomes.valid[::-1], causal=causal, causal_known=known
    )
    one, other = metric.compute(outcomes), metric.compute(reverse)
    require(
        one == other, "Metric.compute", "not depend on the order of images", f"{one} and {other}"
    )
