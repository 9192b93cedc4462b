from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings, strategies as st
from numpy.typing import NDArray

from rateval_rationality.heat import float64_device, heat_map

Array = NDArray[Any]
NaiveHeat = Callable[[Array, tuple[int, int]], Array]
RandomCase = Callable[..., tuple[torch.Tensor, torch.Tensor]]
SEEDS = st.integers(0, 2**32 - 1)


@pytest.mark.parametrize("kind", ["zs_heat_last", "zs_heat_all", "lp_heat_all"])
def test_equals_the_published_maps(golden: dict[str, Array], kind: str) -> None:
    tokens = torch.from_numpy(golden[kind.replace("heat", "token")]).reshape(-1, 4, 4)
    np.testing.assert_allclose(heat_map(tokens, (64, 64)).numpy(), golden[kind], rtol=0, atol=5e-5)


@pytest.mark.parametrize("seed", range(5))
def test_equals_a_naive_loop_to_the_last_bit(
    seed: int, random_case: RandomCase, naive_heat: NaiveHeat
) -> None:
    relevance, masks = random_case(seed)
    heat = heat_map(relevance, (masks.shape[1], masks.shape[2]))
    for got, tokens in zip(heat, relevance, strict=True):
        expected = naive_heat(tokens.numpy(), (masks.shape[1], masks.shape[2]))
        np.testing.assert_array_equal(got.numpy(), expected)


def test_borders_are_plateaus_of_exact_ties() -> None:
    # 1/3 and 0.1 have no short binary form, so that weights that add up to 1 leave rounding.
    for size in (224, 225):
        relevance = torch.full((1, 7, 7), 0.1)
        relevance[0, -1, -1] = 1 / 3
        heat = heat_map(relevance, (size, size))
        corner = size // 14
        assert (heat[0, -corner:, -corner:] == 1).all()
        assert (heat[0, : size // 2, : size // 2] == 0).all()


@settings(max_examples=50, deadline=None)
@given(seed=SEEDS)
def test_mirrored_maps_give_mirrored_heat_exactly(random_case: RandomCase, seed: int) -> None:
    relevance, masks = random_case(seed, levels=9)
    size = (masks.shape[1], masks.shape[2])
    assert heat_map(relevance.flip(1, 2), size).equal(heat_map(relevance, size).flip(1, 2))
    turned = heat_map(relevance.transpose(1, 2), size[::-1])
    assert turned.equal(heat_map(relevance, size).transpose(1, 2))


@pytest.mark.parametrize("value", [0.0, 1.0, 0.1, -3.0, 1e-30, 3e38, float("nan"), float("inf")])
def test_a_map_with_nothing_to_stretch_is_all_zeros(value: float) -> None:
    assert heat_map(torch.full((1, 3, 7), value), (31, 50)).equal(torch.zeros(1, 31, 50))


def test_ripples_of_rounding_are_no_evidence() -> None:
    ripples = torch.tensor([[[1.0, 1 + 2**-22], [1.0, 1.0]]])
    assert not heat_map(ripples, (8, 8)).any()
    assert heat_map(ripples - 1, (8, 8)).max() == 1


def test_a_float64_map_of_the_image_size_is_left_as_it_is() -> None:
    relevance = torch.arange(12.0, dtype=torch.float64).reshape(1, 3, 4)
    kept = relevance.clone()
    assert heat_map(relevance, (3, 4)).max() == 1
    assert relevance.equal(kept)


def test_only_mps_computes_elsewhere() -> None:
    assert float64_device(torch.device("mps")) == torch.device("cpu")
    assert float64_device(torch.device("cuda:1")) == torch.device("cuda:1")
    assert float64_device(torch.device("cpu")) == torch.device("cpu")


def test_equal_maps_beside_each_other_are_each_what_they_are_alone() -> None:
    one, other = torch.rand(2, 3, 4)
    nan = torch.full((3, 4), float("nan"))
    maps = [one, one, other, other.clone(), one, nan, nan, other * 2]
    heat = heat_map(torch.stack(maps), (31, 50))
    for got, relevance in zip(heat, maps, strict=True):
        assert got.equal(heat_map(relevance[None], (31, 50))[0])
    assert heat_map(torch.empty(0, 3, 4), (31, 50)).shape == (0, 31, 50)
