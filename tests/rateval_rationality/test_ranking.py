from __future__ import annotations

import itertools
from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given, settings, strategies as st

from rateval_rationality.ranking import top_count, top_inside, value_at_rank

SIXTEENTHS = st.integers(0, 16).map(lambda n: n / 16)
UNIT = st.floats(0, 1, width=32, allow_subnormal=True)


@settings(max_examples=200, deadline=None)
@given(values=st.lists(UNIT | SIXTEENTHS, min_size=1, max_size=30), data=st.data())
def test_the_value_at_a_rank_is_that_of_sorting(values: list[float], data: st.DataObject) -> None:
    rank = data.draw(st.integers(1, len(values)))
    heat = torch.tensor(values).reshape(1, 1, -1)
    found = value_at_rank(heat, torch.tensor([rank]))
    assert found.dtype == torch.float32
    assert found.item() == sorted(heat.flatten().tolist(), reverse=True)[rank - 1]


def test_each_map_has_a_rank_of_its_own() -> None:
    heat = torch.tensor(np.random.default_rng(0).random((5, 20, 30)), dtype=torch.float32)
    ranks = torch.tensor([1, 600, 17, 300, 2])
    ordered = heat.flatten(1).sort(1, descending=True).values
    assert value_at_rank(heat, ranks).equal(ordered.gather(1, ranks[:, None] - 1).squeeze(1))


@settings(max_examples=100, deadline=None)
@given(
    pixels=st.lists(
        st.tuples(st.sampled_from([0.0, 0.5, 1.0]), st.booleans()), min_size=1, max_size=6
    ),
    data=st.data(),
)
def test_ties_count_as_their_mean_over_all_orders(
    pixels: list[tuple[float, bool]], data: st.DataObject
) -> None:
    count = data.draw(st.integers(1, len(pixels)))
    # Every permutation, sorted stably: all orders of tied pixels, each equally often.
    orders = [
        sorted(order, key=lambda pixel: -pixel[0]) for order in itertools.permutations(pixels)
    ]
    inside = [sum(marked for _, marked in order[:count]) for order in orders]
    heat = torch.tensor([[[value for value, _ in pixels]]])
    mask = torch.tensor([[[marked for _, marked in pixels]]])
    got = top_inside(heat, mask, torch.tensor([count])).item()
    assert got == pytest.approx(float(Fraction(sum(inside), len(orders))), abs=1e-6)


@pytest.mark.parametrize(
    ("share", "pixels"), [(0.5, 50), (0.29, 29), (0.004, 1), (1.0, 100), (0.016, 2)]
)
def test_a_share_becomes_whole_pixels(share: float, pixels: int) -> None:
    assert top_count(share, torch.zeros(3, 5, 20, dtype=torch.bool)).tolist() == [pixels] * 3
