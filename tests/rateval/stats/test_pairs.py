from __future__ import annotations

import numpy as np
import pytest

from rateval.stats.pairs import worth_of_pairs


def test_the_worth_equals_a_loop_over_pairs_that_share_a_unit() -> None:
    draw = np.random.default_rng(0)
    first = np.tile(np.arange(12), 5)
    second = (first + 1 + np.repeat(np.arange(5), 12)) % 12
    large = draw.random(12) < 0.5
    above = np.where(draw.random(60) < 0.2, draw.random(60) < 0.5, large[first])
    away = above - above.mean()
    variance = 0.0
    for i in range(60):
        for j in range(60):
            if {first[i], second[i]} & {first[j], second[j]}:
                variance += away[i] * away[j]
    alone = (away**2).sum()
    assert variance > alone  # pairs of one mask go together
    assert worth_of_pairs(above, first, second) == pytest.approx(60 * alone / variance)


def test_the_worth_tells_how_far_such_shares_really_lie() -> None:
    # 40 units in 7 pairs each; a pair is valid as its mask is large, and by chance.
    draw, first = np.random.default_rng(1), np.tile(np.arange(40), 7)
    second = (first + 1 + np.repeat(np.arange(7), 40)) % 40
    shares, worths = [], []
    for _ in range(400):
        ease = np.where(draw.random(40) < 0.4, 0.9, 0.1)
        above = draw.random(280) < ease[first]
        shares.append(above.mean())
        worths.append(worth_of_pairs(above, first, second))
    share = np.mean(shares)
    assert share * (1 - share) / np.var(shares) == pytest.approx(np.median(worths), rel=0.25)


@pytest.mark.parametrize("above", [True, False])
def test_where_all_are_alike_each_unit_is_worth_one(above: bool) -> None:
    first = np.array([0, 1, 2, 0, 1, 2])
    assert worth_of_pairs(np.full(6, above), first, (first + 1) % 3) == 3


def test_no_pairs_are_worth_nothing() -> None:
    none = np.zeros(0, dtype=np.int64)
    assert worth_of_pairs(none.astype(np.bool_), none, none) == 0
