from __future__ import annotations

import pytest

from rateval_finetune.probing.strength import SEARCHED, best_of, search, try_all, value_of


def test_eight_steps_to_each_power_of_ten() -> None:
    values = [value_of(step) for step in range(97)]
    assert values[::8] == pytest.approx([10.0**power for power in range(-6, 7)])
    assert values[1] / values[0] == pytest.approx(10 ** (1 / 8))


@pytest.mark.parametrize("peak", range(97))
def test_a_search_finds_any_single_peak(peak: int) -> None:
    def score(step: int) -> float:
        return -abs(step - peak)

    tried = search(score)
    assert best_of(tried) == best_of(try_all(score)) == peak
    assert len(tried) <= SEARCHED
    # CLIP's first values; both neighbours of the best one are tried at last.
    assert {0, 16, 32, 48, 64, 80, 96} <= tried.keys()
    assert {max(peak - 1, 0), min(peak + 1, 96)} <= tried.keys()


def test_of_equal_scores_the_strongest_penalty_is_taken() -> None:
    assert best_of(search(lambda step: 1.0)) == 96
    assert best_of(try_all(lambda step: float(step < 50))) == 49
