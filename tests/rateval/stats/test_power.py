"""Power against simulated studies."""

from __future__ import annotations

import numpy as np
import pytest

from rateval.stats.difference import paired_difference
from rateval.stats.power import Supposed, chance_to_show, least_difference, units_needed
from rateval.stats.ratio import Ratio


def test_as_many_units_as_named_show_the_difference_as_often_as_named() -> None:
    # PT 30 and 22 %, of two methods that are right on the same 80 % of the units.
    supposed = Supposed(0.30, 0.22, 0.8, 0.8)
    units = units_needed(supposed, power=0.8)
    assert units is not None
    rng = np.random.default_rng(1)
    shown, trials = 0, 600
    for _ in range(trials):
        right = (rng.random(units) < 0.8).astype(float)
        one, other = (Ratio(right * (rng.random(units) < p), right) for p in (0.30, 0.22))
        found = paired_difference(one, other)
        assert found is not None
        shown += found.low > 0
    assert 0.76 <= shown / trials <= 0.84
    assert chance_to_show(supposed, units) == pytest.approx(0.8, abs=0.002)


def test_the_least_difference_is_the_inverse() -> None:
    supposed = Supposed(0.6, 0.5, 0.9, 0.7, 0.3)
    units = units_needed(supposed)
    assert units is not None
    assert least_difference(supposed, units) == pytest.approx(0.1, abs=3e-4)


def test_what_cannot_be_shown() -> None:
    assert units_needed(Supposed(0.4, 0.4)) is None
    assert least_difference(Supposed(0.05, 0.0), 10) is None
    assert chance_to_show(Supposed(1.0, 1.0), 10) == 0


def test_correlation_saves_units() -> None:
    apart, paired = (units_needed(Supposed(0.3, 0.25, correlation=rho)) for rho in (0.0, 0.5))
    assert apart is not None
    assert paired is not None
    assert 0.45 < paired / apart < 0.55
