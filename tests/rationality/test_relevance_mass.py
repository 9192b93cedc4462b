from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from rateval.api import Context
from rateval_rationality.params import RelevanceMassParams
from rateval_rationality.relevance_mass import (
    RelevanceMass,
    heat_map,
    make_relevance_mass,
    relevance_mass,
)

Array = NDArray[Any]
HALF = RelevanceMass(0.5)
SEEDS = st.integers(0, 2**32 - 1)


def naive_upsample(tokens: Array, height: int, width: int) -> Array:
    """Bilinear interpolation, one pixel at a time, from the definition of align_corners False."""
    rows, cols = tokens.shape
    out = np.empty((height, width))
    for i in range(height):
        y = min(max((i + 0.5) * rows / height - 0.5, 0.0), rows - 1.0)
        top, bottom = int(y), min(int(y) + 1, rows - 1)
        for j in range(width):
            x = min(max((j + 0.5) * cols / width - 0.5, 0.0), cols - 1.0)
            left, right = int(x), min(int(x) + 1, cols - 1)
            upper = tokens[top, left] * (1 - x + left) + tokens[top, right] * (x - left)
            lower = tokens[bottom, left] * (1 - x + left) + tokens[bottom, right] * (x - left)
            out[i, j] = upper * (1 - y + top) + lower * (y - top)
    return out


def naive_mass(tokens: Array, mask: Array) -> tuple[Array, float]:
    heat = naive_upsample(tokens.astype(np.float64), *mask.shape)
    heat = (heat - heat.min()) / (heat.max() - heat.min())
    inside = total = 0.0
    for value, marked in zip(heat.ravel(), mask.ravel(), strict=True):
        total += value
        inside += value if marked else 0.0
    return heat, inside / total


def random_case(seed: int, count: int = 4) -> tuple[torch.Tensor, torch.Tensor]:
    draw = np.random.default_rng(seed)
    rows, cols, height, width = draw.integers(2, 8, 4) * (1, 1, 4, 5)
    relevance = draw.random((count, rows, cols)) ** 3
    masks = draw.random((count, height, width)) < draw.uniform(0.2, 0.8)
    return torch.tensor(relevance, dtype=torch.float32), torch.tensor(masks)


@pytest.mark.parametrize("kind", ["zs_heat_last", "zs_heat_all", "lp_heat_all"])
def test_heat_and_mass_equal_the_published_ones(golden: dict[str, Array], kind: str) -> None:
    tokens = torch.from_numpy(golden[kind.replace("heat", "token")]).reshape(-1, 4, 4)
    heat = heat_map(tokens, (64, 64))
    np.testing.assert_allclose(heat.numpy(), golden[kind], rtol=0, atol=5e-5)
    for index in range(golden["masks"].shape[1]):
        masks = torch.from_numpy(golden["masks"][:, index]).bool()
        score = relevance_mass(heat, masks)
        np.testing.assert_allclose(
            score.numpy(), golden[f"rma_{kind}"][:, index], rtol=0, atol=1e-5
        )
        verdict = HALF.judge(tokens, masks)
        np.testing.assert_array_equal(
            verdict.valid.numpy(), golden[f"rmabin_{kind}"][:, index].astype(bool)
        )
        assert verdict.defined.tolist() == masks.any(2).any(1).tolist()


@pytest.mark.parametrize("seed", range(5))
def test_equals_a_naive_float64_loop(seed: int) -> None:
    relevance, masks = random_case(seed)
    heat = heat_map(relevance, (masks.shape[1], masks.shape[2]))
    score = relevance_mass(heat, masks)
    for index in range(len(relevance)):
        expected_heat, expected = naive_mass(relevance[index].numpy(), masks[index].numpy())
        np.testing.assert_allclose(heat[index].numpy(), expected_heat, rtol=0, atol=2e-6)
        assert score[index].item() == pytest.approx(expected, abs=1e-6)


def test_large_maps_keep_the_tolerance() -> None:
    draw = np.random.default_rng(3)
    relevance, mask = draw.random((1, 7, 7)), draw.random((1, 224, 224)) < 0.3
    _, expected = naive_mass(relevance[0], mask[0])
    heat = heat_map(torch.tensor(relevance, dtype=torch.float32), (224, 224))
    assert relevance_mass(heat, torch.tensor(mask)).item() == pytest.approx(expected, abs=1e-6)


@settings(max_examples=50, deadline=None)
@given(seed=SEEDS)
def test_permuted_images_have_permuted_verdicts(seed: int) -> None:
    relevance, masks = random_case(seed, count=6)
    relevance[1], masks[2] = 0.5, False
    order = torch.tensor(np.random.default_rng(seed).permutation(6))
    before, after = HALF.judge(relevance, masks), HALF.judge(relevance[order], masks[order])
    torch.testing.assert_close(after.score, before.score[order])
    assert after.valid.equal(before.valid[order])
    assert after.defined.equal(before.defined[order])
    assert after.reasons == tuple(before.reasons[i] for i in order.tolist())


@settings(max_examples=50, deadline=None)
@given(seed=SEEDS)
def test_a_mask_and_its_complement_share_all_mass(seed: int) -> None:
    relevance, masks = random_case(seed)
    heat = heat_map(relevance, (masks.shape[1], masks.shape[2]))
    together = relevance_mass(heat, masks) + relevance_mass(heat, ~masks)
    torch.testing.assert_close(together, torch.ones(4), rtol=0, atol=1e-6)


@settings(max_examples=50, deadline=None)
@given(seed=SEEDS, exponent=st.integers(-100, 100))
def test_scale_of_relevance_does_not_matter(seed: int, exponent: int) -> None:
    relevance, masks = random_case(seed)
    before, after = HALF.judge(relevance, masks), HALF.judge(relevance * 2.0**exponent, masks)
    torch.testing.assert_close(after.score, before.score, rtol=0, atol=1e-6)
    assert after.defined.all()


@settings(max_examples=50, deadline=None)
@given(seed=SEEDS)
def test_more_evidence_never_lowers_the_score(seed: int) -> None:
    relevance, masks = random_case(seed)
    wider = masks | masks.roll(1, 2)
    assert (HALF.judge(relevance, wider).score >= HALF.judge(relevance, masks).score - 1e-6).all()


@pytest.mark.parametrize("value", [0.0, 1.0, 0.1, 1e-30, 3e30])
def test_a_constant_map_is_undefined(published_edges: dict[str, Any], value: float) -> None:
    for tokens in ("constant_zero_tokens", "constant_one_tokens"):
        assert published_edges[tokens]["rma_bin_box"] == 1  # the defect: NaN counts as valid
        assert published_edges[tokens]["rma_bin_EMPTY_mask"] == 1
    relevance, masks = torch.full((2, 3, 7), value), torch.ones(2, 31, 50, dtype=torch.bool)
    masks[1] = False
    verdict = HALF.judge(relevance, masks)
    assert verdict.defined.tolist() == verdict.valid.tolist() == [False, False]
    assert verdict.reasons == ("constant relevance", "empty mask")
    assert verdict.score.isfinite().all()


def test_an_empty_mask_is_undefined_even_for_threshold_zero(
    published_edges: dict[str, Any], golden: dict[str, Array]
) -> None:
    assert published_edges["empty_mask_normal_heat"] == {"rma_cont": 0.0, "rma_bin": 0}
    assert published_edges["cls_thres_0"]["rma_bin"] == 1
    tokens = torch.from_numpy(golden["zs_token_all"]).reshape(-1, 4, 4)
    masks = torch.zeros(16, 64, 64, dtype=torch.bool)
    verdict = RelevanceMass(0.0).judge(tokens, masks)
    assert not verdict.defined.any()
    assert not verdict.valid.any()
    assert set(verdict.reasons) == {"empty mask"}


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_a_map_that_is_not_finite_is_undefined(value: float) -> None:
    relevance, masks = random_case(1)
    relevance[2, 0, 1] = value
    verdict = HALF.judge(relevance, masks)
    assert verdict.defined.tolist() == [True, True, False, True]
    assert verdict.reasons == ("", "", "relevance not finite", "")
    assert not verdict.valid[2]
    assert verdict.score.isfinite().all()


def test_exactly_the_threshold_is_valid(published_edges: dict[str, Any]) -> None:
    assert published_edges["exactly_half"] == {"rma_cont": 0.5, "rma_bin": 1}
    relevance = torch.tensor([[[0.0, 1.0], [0.0, 1.0]]])
    mask = torch.zeros(1, 4, 4, dtype=torch.bool)
    mask[:, :2] = True
    verdict = HALF.judge(relevance, mask)
    assert verdict.score.item() == 0.5
    assert verdict.valid.item()
    assert not RelevanceMass(0.5001).judge(relevance, mask).valid.item()


def test_float16_maps_are_summed_in_float32(published_edges: dict[str, Any]) -> None:
    assert published_edges["fp16_heat"]["dtype"] == "float16"
    relevance, masks = random_case(2)
    verdict = HALF.judge(relevance.half(), masks)
    assert verdict.score.dtype == torch.float32
    expected = HALF.judge(relevance.half().float(), masks).score
    assert verdict.score.equal(expected)


def test_a_full_mask_holds_everything() -> None:
    relevance, masks = random_case(5)
    assert HALF.judge(relevance, torch.ones_like(masks)).score.tolist() == [1.0] * 4


def test_an_empty_batch_has_an_empty_verdict() -> None:
    verdict = HALF.judge(torch.empty(0, 4, 4), torch.empty(0, 8, 8, dtype=torch.bool))
    assert verdict.reasons == ()
    assert verdict.score.shape == verdict.valid.shape == verdict.defined.shape == (0,)


def test_batches_of_different_length_are_refused() -> None:
    with pytest.raises(ValueError, match=r"heat \(2, 8, 8\) and masks \(1, 8, 8\)"):
        HALF.judge(torch.rand(2, 4, 4), torch.ones(1, 8, 8, dtype=torch.bool))


def test_the_factory_passes_the_threshold_on() -> None:
    validator = make_relevance_mass(RelevanceMassParams(threshold=0.25), Context())
    assert validator.threshold == 0.25
    assert RelevanceMassParams().threshold == 0.5
