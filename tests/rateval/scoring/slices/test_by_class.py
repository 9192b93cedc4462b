"""Scores by class against loops, and how often intervals hold for all classes at once."""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt

import numpy as np
import pyarrow as pa
import pytest
from numpy.typing import NDArray
from scipy import stats

from rateval.scoring.slices.by_class import slice_by_class, slice_seeds_by_class, worst_of
from rateval.stats.ratio import Ratio


def wilson(k: float, n: float, level: float = 0.95) -> tuple[float, float]:
    z = float(stats.norm.ppf(0.5 + level / 2))
    return limits(k / n, n, z)


def limits(p: float, n: float, z: float) -> tuple[float, float]:
    centre, half = p * n + z * z / 2, z * sqrt(n * p * (1 - p) + z * z / 4)
    return (centre - half) / (n + z * z), (centre + half) / (n + z * z)


def ratio(above: NDArray[np.bool_], below: NDArray[np.bool_]) -> Ratio:
    return Ratio((above & below).astype(np.float64), below.astype(np.float64))


@pytest.fixture
def draw() -> np.random.Generator:
    return np.random.default_rng(0)


def test_classes_equal_a_loop(draw: np.random.Generator) -> None:
    labels = draw.integers(0, 8, 400)
    labels[:3] = 8  # a class of three images, too few to be among the worst
    below = draw.random(400) < 0.7
    above = below & (draw.random(400) < labels / 10)
    names = [f"c{number}" for number in range(10)]
    found = slice_by_class(ratio(above, below), labels, names, 0.95)
    assert found is not None
    shares = {}
    for label in range(10):
        n = sum(below[labels == label])
        if n:
            shares[label] = (sum(above[labels == label]), n)
    assert found.defined == len(shares)
    assert found.macro == pytest.approx(np.mean([k / n for k, n in shares.values()]))
    compared = {label: (k, n) for label, (k, n) in shares.items() if n >= 10}
    assert found.compared == len(compared) == 8
    order = sorted(compared, key=lambda label: compared[label][0] / compared[label][1])[:5]
    assert [worst.name for worst in found.worst] == [names[label] for label in order]
    for worst, label in zip(found.worst, order, strict=True):
        k, n = compared[label]
        assert (worst.numerator, worst.denominator, worst.over) == (k, n, "images")
        assert worst.value == pytest.approx(k / n)
        assert (worst.low, worst.high) == pytest.approx(wilson(k, n, 0.95 ** (1 / 8)))
    # The variance by classes over that of images one by one, written out.
    total, share = below.sum(), above.sum() / below.sum()
    sums = [((above - share * below)[labels == label]).sum() / total for label in shares]
    variance = len(sums) / (len(sums) - 1) * sum(g * g for g in sums)
    assert found.design_effect == pytest.approx(variance / (share * (1 - share) / total))


def test_no_class_has_a_value_where_nothing_counts() -> None:
    nothing = Ratio(np.zeros(2), np.zeros(2))
    labels = np.zeros(2, int)
    assert slice_by_class(nothing, labels, ["a"], 0.95) is None
    both = [nothing, nothing], [labels, labels]
    assert slice_seeds_by_class(*both, ["a"], 0.95, shared=True) is None


def table(rows: Sequence[tuple[str, int, int | None, int | None]]) -> pa.Table:
    names = ("name", "count", "numerator", "denominator")
    return pa.table(dict(zip(names, map(list, zip(*rows, strict=True)), strict=True)))


def test_the_worst_of_a_table_is_that_of_the_images(draw: np.random.Generator) -> None:
    labels, below = draw.integers(0, 12, 900), draw.random(900) < 0.6
    above = below & (draw.random(900) < 0.1 + labels / 20)
    names = [f"c{number}" for number in range(12)]
    whole = slice_by_class(ratio(above, below), labels, names, 0.9)
    assert whole is not None
    rows = [
        (names[at], int((labels == at).sum()), int(above[labels == at].sum()), int(n))
        for at in range(12)
        for n in [below[labels == at].sum()]
    ]
    assert worst_of(table(rows), level=0.9) == whole.worst[0]


def test_a_class_of_too_few_images_is_not_the_worst() -> None:
    rows = [("few", 9, 0, 9), ("many", 40, 20, 40), ("more", 50, 30, 50), ("none", 0, 0, 0)]
    found = worst_of(table(rows))
    assert found is not None
    assert (found.name, found.low, found.high) == (
        "many",
        *(pytest.approx(end) for end in wilson(20, 40, 0.95**0.5)),
    )
    fewer = worst_of(table(rows), fewest=9)
    assert fewer is not None
    assert fewer.name == "few"
    assert worst_of(table(rows), fewest=51) is None
    assert worst_of(table([("unknown", 40, None, None)])) is None
    # More is counted than there are images: such a score is no share of them.
    assert worst_of(table([("a", 40, 50, 80)])) is None


def test_over_seeds_the_same_images_are_no_new_ones(draw: np.random.Generator) -> None:
    labels = np.repeat([0, 1, 2], 30)
    ratios = [ratio(draw.random(90) < 0.2 + labels / 5, draw.random(90) < 0.8) for _ in range(4)]
    found = slice_seeds_by_class(ratios, [labels] * 4, ["a", "b", "c"], 0.95, shared=True)
    assert found is not None
    assert (found.defined, found.compared) == (3, 3)
    for worst in found.worst:
        chosen = labels == "abc".index(worst.name)
        y, d = (
            np.stack([part[chosen] for part in parts])
            for parts in ([r.numerator for r in ratios], [r.denominator for r in ratios])
        )
        p = y.sum(axis=1) / d.sum(axis=1)
        psi = (y - p[:, None] * d) / d.mean(axis=1, keepdims=True)
        n, seeds = 30, 4
        images = (psi.mean(axis=0) ** 2).sum() / n**2
        both = ((psi - psi.mean(axis=0)) ** 2).sum() / ((seeds - 1) * n**2)
        of_seeds, beyond = p.var(ddof=1) / seeds, max(images - both / seeds, 0)
        variance = of_seeds + beyond
        freedom = variance**2 / (of_seeds**2 / (seeds - 1) + beyond**2 / (n - 1))
        share = p.mean()
        worth = min(share * (1 - share) / variance, seeds * d.sum(axis=1).mean())
        t = float(stats.t.ppf(0.5 + 0.95 ** (1 / 3) / 2, freedom))
        assert worst.value == pytest.approx(share)
        assert (worst.low, worst.high) == pytest.approx(limits(share, worth, t))
        assert worst.denominator == pytest.approx(d.sum(axis=1).mean())
        assert (worst.numerator, worst.over) == (None, "seeds and images")
    by_seed = [slice_by_class(r, labels, ["a", "b", "c"], 0.95) for r in ratios]
    macros = [one.macro for one in by_seed if one is not None]
    effects = [one.design_effect for one in by_seed if one is not None]
    assert found.macro == pytest.approx(np.mean(macros))
    assert found.design_effect == pytest.approx(np.mean([e for e in effects if e is not None]))


def test_seeds_with_images_of_their_own_have_students_t(draw: np.random.Generator) -> None:
    labels = [np.sort(draw.integers(0, 2, 60)) for _ in range(3)]
    ratios = [ratio(draw.random(60) < 0.3 + own / 3, np.ones(60, bool)) for own in labels]
    found = slice_seeds_by_class(ratios, labels, ["a", "b"], 0.95, shared=False)
    assert found is not None
    for worst in found.worst:
        at = "ab".index(worst.name)
        p = [r.numerator[own == at].mean() for r, own in zip(ratios, labels, strict=True)]
        share, n = np.mean(p), np.mean([(own == at).sum() for own in labels])
        worth = min(share * (1 - share) / (np.var(p, ddof=1) / 3), 3 * n)
        t = float(stats.t.ppf(0.5 + 0.95**0.5 / 2, 2))
        assert (worst.low, worst.high) == pytest.approx(limits(float(share), float(worth), t))
        assert worst.over == "seeds"


def test_a_class_that_one_seed_alone_has_is_not_compared() -> None:
    labels = np.repeat([0, 1], 20)
    all_of_them, first = np.ones(40, bool), labels == 0
    ratios = [ratio(first, all_of_them), ratio(first, first)]
    found = slice_seeds_by_class(ratios, [labels] * 2, ["a", "b"], 0.95, shared=True)
    assert found is not None
    assert (found.defined, found.compared) == (2, 1)
    (worst,) = found.worst
    # By both seeds all are right: nothing tells of other seeds, and the interval is Wilson's.
    assert (worst.name, worst.value) == ("a", 1.0)
    assert (worst.low, worst.high) == pytest.approx(wilson(20, 20))


def test_intervals_hold_for_all_classes_at_once(draw: np.random.Generator) -> None:
    """Also that of the worst, which each class's own interval misses far more often."""
    truth, labels = np.linspace(0.2, 0.4, 12), np.repeat(np.arange(12), 40)
    names = [f"c{at}" for at in range(12)]
    ones, held, own = np.ones(480, bool), 0, 0
    for _ in range(600):
        found = slice_by_class(ratio(draw.random(480) < truth[labels], ones), labels, names, 0.95)
        assert found is not None
        held += all(w.low <= truth[names.index(w.name)] <= w.high for w in found.worst)
        worst = found.worst[0]
        low, high = wilson(worst.value * 40, 40)
        own += low <= truth[names.index(worst.name)] <= high
    assert held / 600 >= 0.93
    assert own / 600 < held / 600


def test_intervals_over_seeds_hold_for_all_classes_at_once(draw: np.random.Generator) -> None:
    labels = np.repeat(np.arange(6), 20)
    names = [f"c{at}" for at in range(6)]
    base = np.linspace(-2, 0.5, 6)

    def logistic(x: NDArray[np.float64]) -> NDArray[np.float64]:
        return 1 / (1 + np.exp(-x))

    # By other images and other seeds: the mean over both of what a class has.
    far = draw.normal(0, sqrt(1.5**2 + 0.2**2), 100_000)
    truth = [float(logistic(b + far).mean()) for b in base]
    held = 0
    for _ in range(200):
        images = base[labels] + draw.normal(0, 1.5, 120)
        ratios = [
            ratio(
                draw.random(120) < logistic(images + draw.normal(0, 0.2, 6)[labels]),
                draw.random(120) < 0.8,
            )
            for _ in range(3)
        ]
        found = slice_seeds_by_class(ratios, [labels] * 3, names, 0.95, shared=True)
        assert found is not None
        held += all(w.low <= truth[names.index(w.name)] <= w.high for w in found.worst)
    assert held / 200 >= 0.92
