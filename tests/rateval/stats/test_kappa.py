"""Cohen's kappa against its definition and against slopes."""

from __future__ import annotations

import numpy as np
import pytest

from rateval.stats.kappa import cohen_kappa


def kappa_of(table: np.ndarray) -> float:
    p = table / table.sum()
    chance = float(p.sum(axis=1) @ p.sum(axis=0))
    return (float(np.trace(p)) - chance) / (1 - chance)


@pytest.mark.parametrize("counts", [(45, 15, 25, 15), (30, 3, 2, 65), (5, 40, 50, 5)])
def test_value_and_error_are_those_of_the_delta_method(counts: tuple[int, int, int, int]) -> None:
    found = cohen_kappa(*counts)
    assert found is not None
    n = sum(counts)
    p = np.array(counts, dtype=float).reshape(2, 2) / n
    slopes = np.zeros(4)
    for at in range(4):
        step = np.zeros(4)
        step[at] = 1e-6
        slopes[at] = (kappa_of(p + step.reshape(2, 2)) - kappa_of(p - step.reshape(2, 2))) / 2e-6
    flat = p.ravel()
    error = np.sqrt(slopes @ (np.diag(flat) - np.outer(flat, flat)) @ slopes / n)
    value = kappa_of(p)
    assert found == pytest.approx(
        (value, value - 1.959964 * error, value + 1.959964 * error), abs=1e-6
    )


def test_full_agreement_and_none() -> None:
    assert cohen_kappa(50, 0, 0, 50) == pytest.approx((1, 1, 1))
    assert cohen_kappa(0, 0, 0, 0) is None
    assert cohen_kappa(0, 0, 0, 9) is None
