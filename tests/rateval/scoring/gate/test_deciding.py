"""From what is known to passed, failed or undecided, beside computations of its own."""

from __future__ import annotations

from math import isclose

import pytest
from scipy import stats

from rateval.records.gate import Outcome
from rateval.scoring.gate.deciding import Check, conclude, decide
from rateval.scoring.gate.finding import Asked, Found, find_share

LEVEL = 0.95


def at_least(k: int, n: int, bound: float) -> Check:
    return Check("at_least", bound, find_share(k, n, n, Asked(bound, LEVEL)))


def at_most(k: int, n: int, bound: float) -> Check:
    return Check("at_most", bound, find_share(k, n, n, Asked(bound, LEVEL)))


def outcomes(*checks: Check) -> list[Outcome]:
    return [one.outcome for one in decide(checks, LEVEL, "interval")]


@pytest.mark.parametrize(("k", "outcome"), [(88, "passed"), (80, "undecided"), (70, "failed")])
def test_the_side_that_the_interval_lies_on_decides(k: int, outcome: Outcome) -> None:
    check = at_least(k, 100, 0.8)
    assert outcomes(check) == [outcome]
    exact = stats.binomtest(k, 100, 0.8, "greater"), stats.binomtest(k, 100, 0.8, "less")
    assert isclose(check.met or 0, exact[0].pvalue, rel_tol=1e-9)
    assert isclose(check.broken or 0, exact[1].pvalue, rel_tol=1e-9)
    beside = check.found.beside
    assert beside is not None
    ends = stats.binomtest(k, 100).proportion_ci(0.9, "exact")
    assert (beside.low, beside.high) == pytest.approx((ends.low, ends.high))
    assert (outcome == "passed") == (beside.low > 0.8)
    assert (outcome == "failed") == (beside.high < 0.8)


@pytest.mark.parametrize(("k", "outcome"), [(3, "passed"), (10, "undecided"), (20, "failed")])
def test_at_most_is_the_mirror_image(k: int, outcome: Outcome) -> None:
    check = at_most(k, 100, 0.1)
    mirrored = at_least(100 - k, 100, 0.9)
    assert outcomes(check) == outcomes(mirrored) == [outcome]
    assert isclose(check.met or 0, mirrored.met or 0)


def test_no_image_or_all_of_them() -> None:
    assert outcomes(at_least(0, 40, 0.5), at_least(40, 40, 0.5)) == ["failed", "passed"]
    none, every = (at_least(k, 40, 0.5).found.beside for k in (0, 40))
    assert none is not None and every is not None
    assert (none.low, every.high) == (0.0, 1.0)


def test_met_needs_no_correction_and_broken_does() -> None:
    # p of at most 0.03 on either side: alone each decides, among many only the good one does.
    good = next(at_least(k, 1000, 0.8) for k in range(800, 1000) if _p(k, "greater") <= 0.03)
    bad = next(at_least(k, 1000, 0.8) for k in range(800, 0, -1) if _p(k, "less") <= 0.03)
    assert outcomes(good) == ["passed"]
    assert outcomes(bad) == ["failed"]
    decided = decide([bad, *[at_least(800, 1000, 0.8)] * 4, good], LEVEL, "interval")
    assert [one.outcome for one in decided] == ["undecided"] * 5 + ["passed"]
    assert isclose(decided[0].corrected or 0, 6 * (bad.broken or 0))
    assert "corrected" in decided[0].why


def _p(k: int, side: str) -> float:
    return float(stats.binomtest(k, 1000, 0.8, side).pvalue)


def test_what_is_not_known_is_undecided_and_counts_among_the_tests() -> None:
    unknown = Check("at_least", 0.5, Found(why="it is undefined"))
    (one,) = decide([unknown], LEVEL, "interval")
    assert (one.outcome, one.why, one.corrected) == ("undecided", "it is undefined", None)
    bad = at_least(70, 100, 0.8)
    corrected = decide([bad, unknown], LEVEL, "interval")[0].corrected
    assert isclose(corrected or 0, 2 * (bad.broken or 0))


@pytest.mark.parametrize(
    ("ended", "outcome"),
    [
        (["passed", "passed"], "passed"),
        (["passed", "undecided"], "undecided"),
        (["undecided", "failed", "passed"], "failed"),
        ([], "undecided"),
    ],
)
def test_one_failure_is_enough_and_all_have_to_pass(ended: list[Outcome], outcome: Outcome) -> None:
    assert conclude(ended) == outcome


@pytest.mark.parametrize(("k", "outcome"), [(80, "passed"), (79, "failed")])
def test_by_value_alone(k: int, outcome: Outcome) -> None:
    (one,) = decide([at_least(k, 100, 0.8)], LEVEL, "value")
    assert one.outcome == outcome
    undefined = Check("at_most", 0.8, find_share(0, 0, 7, Asked(0.8, LEVEL)))
    assert decide([undefined], LEVEL, "value")[0].outcome == "undecided"
    assert undefined.found.why == "it is undefined: none of 7 images counts"


def test_images_needed_have_the_power_that_is_told() -> None:
    found = find_share(82, 100, 100, Asked(0.8, LEVEL))
    assert found.images is not None
    limit = next(
        k for k in range(found.images + 1) if stats.binom.sf(k - 1, found.images, 0.8) <= 1 - LEVEL
    )
    assert 0.77 < stats.binom.sf(limit - 1, found.images, 0.82) < 0.83
