"""Relevance mass against the figures and the edge cases of the published code."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from rateval.api import Context, Validator
from rateval_rationality.heat import heat_map
from rateval_rationality.params import RelevanceMassParams
from rateval_rationality.relevance_mass import make_relevance_mass, relevance_mass

Array = NDArray[Any]


def at_least(threshold: float) -> Validator:
    return make_relevance_mass(RelevanceMassParams(threshold=threshold), Context())


def published(threshold: float = 0.5) -> Validator:
    params = RelevanceMassParams(threshold=threshold, degenerate="published")
    return make_relevance_mass(params, Context())


HALF = at_least(0.5)


@pytest.mark.parametrize("kind", ["zs_heat_last", "zs_heat_all", "lp_heat_all"])
def test_masses_and_verdicts_equal_the_published_ones(golden: dict[str, Array], kind: str) -> None:
    tokens = torch.from_numpy(golden[kind.replace("heat", "token")]).reshape(-1, 4, 4)
    heat = heat_map(tokens, (64, 64))
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
    verdict = at_least(0.0).judge(tokens, masks)
    assert not verdict.defined.any()
    assert not verdict.valid.any()
    assert set(verdict.reasons) == {"empty mask"}


def test_exactly_the_threshold_is_valid(published_edges: dict[str, Any]) -> None:
    assert published_edges["exactly_half"] == {"rma_cont": 0.5, "rma_bin": 1}
    relevance = torch.tensor([[[0.0, 1.0], [0.0, 1.0]]])
    mask = torch.zeros(1, 4, 4, dtype=torch.bool)
    mask[:, :2] = True
    verdict = HALF.judge(relevance, mask)
    assert verdict.score.item() == 0.5
    assert verdict.valid.item()
    assert not at_least(0.5001).judge(relevance, mask).valid.item()


def test_the_threshold_is_the_published_one_unless_said() -> None:
    params = RelevanceMassParams()
    assert (params.threshold, params.degenerate) == (0.5, "undefined")
    relevance = torch.tensor([[[0.0, 1.0], [0.0, 1.0]]])
    mask = torch.zeros(1, 4, 4, dtype=torch.bool)
    mask[:, :1] = True
    assert not make_relevance_mass(params, Context()).judge(relevance, mask).valid.item()
    assert at_least(0.25).judge(relevance, mask).valid.item()


@pytest.mark.parametrize("value", [0.0, 1.0, 0.1])
@pytest.mark.parametrize("threshold", [0.0, 0.5, 1.0])
def test_as_published_a_constant_map_is_valid_even_for_an_empty_mask(
    published_edges: dict[str, Any], value: float, threshold: float
) -> None:
    edge = published_edges["constant_zero_tokens"]
    assert (edge["rma_bin_box"], edge["rma_bin_EMPTY_mask"]) == (1, 1)
    relevance, masks = torch.full((2, 3, 7), value), torch.ones(2, 31, 50, dtype=torch.bool)
    masks[1] = False
    verdict = published(threshold).judge(relevance, masks)
    assert verdict.valid.tolist() == verdict.defined.tolist() == [True, True]
    assert verdict.score.tolist() == [1.0, 1.0]
    assert verdict.reasons == ("", "")


@pytest.mark.parametrize("kind", ["zs_heat_last", "zs_heat_all", "lp_heat_all"])
def test_as_published_every_verdict_of_the_golden_model_is_reached(
    golden: dict[str, Array], kind: str
) -> None:
    """Among its masks is an empty one, which scores 0 and is not valid."""
    tokens = torch.from_numpy(golden[kind.replace("heat", "token")]).reshape(-1, 4, 4)
    for index in range(golden["masks"].shape[1]):
        verdict = published().judge(tokens, torch.from_numpy(golden["masks"][:, index]).bool())
        assert verdict.defined.all()
        np.testing.assert_allclose(
            verdict.score.numpy(), golden[f"rma_{kind}"][:, index], rtol=0, atol=1e-5
        )
        np.testing.assert_array_equal(
            verdict.valid.numpy(), golden[f"rmabin_{kind}"][:, index].astype(bool)
        )


def test_as_published_a_map_that_is_not_finite_stays_undefined() -> None:
    """No attribution may return one, so that there is nothing to repeat."""
    relevance = torch.tensor([[[0.0, float("nan")]], [[0.0, 1.0]]])
    verdict = published().judge(relevance, torch.ones(2, 2, 2, dtype=torch.bool))
    assert verdict.defined.tolist() == verdict.valid.tolist() == [False, True]
    assert verdict.reasons == ("relevance not finite", "")
    assert verdict.score.isfinite().all()
