"""What holds for every validator, and each against a loop in float64 over single pixels."""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from hypothesis import given, settings, strategies as st
from numpy.typing import NDArray

from rateval.api import Component, Context
from rateval.testing import check_component
from rateval_rationality.heat import heat_map
from rateval_rationality.iou import iou
from rateval_rationality.judging import ThresholdValidator
from rateval_rationality.mass_over_chance import mass_over_chance
from rateval_rationality.params import IouParams, MassOverChanceParams, PointingGameParams
from rateval_rationality.plugin import rateval_register_validators
from rateval_rationality.pointing_game import pointing_game
from rateval_rationality.relevance_mass import relevance_mass
from rateval_rationality.relevance_rank import relevance_rank
from rateval_rationality.top_k import top_k

Array = NDArray[Any]
NaiveHeat = Callable[[Array, tuple[int, int]], Array]
RandomCase = Callable[..., tuple[torch.Tensor, torch.Tensor]]
SEEDS = st.integers(0, 2**32 - 1)
# Sums in float32 are off by a few 1e-7, which mass-over-chance divides by the share left outside.
ROUNDING = 1e-5


def naive_mass(heat: Array, mask: Array) -> float:
    inside = total = 0.0
    for value, marked in zip(heat.ravel(), mask.ravel(), strict=True):
        total += value
        inside += value if marked else 0.0
    return inside / total


def naive_over_chance(heat: Array, mask: Array) -> float:
    area = sum(1 for marked in mask.ravel() if marked) / mask.size
    return (naive_mass(heat, mask) - area) / (1 - area)


def naive_top(heat: Array, mask: Array, count: int) -> float:
    """Add up each mask pixel's chance of being among the first ``count``."""
    values = heat.ravel()
    chances = 0.0
    for value, marked in zip(values, mask.ravel(), strict=True):
        better, equal = int((values > value).sum()), int((values == value).sum())
        chances += min(max((count - better) / equal, 0.0), 1.0) if marked else 0.0
    return chances


def naive_rank(heat: Array, mask: Array) -> float:
    return naive_top(heat, mask, int(mask.sum())) / int(mask.sum())


def naive_top_k(heat: Array, mask: Array, percent: float = 5.0) -> float:
    count = max(1, round(percent * mask.size / 100))
    return naive_top(heat, mask, count) / count


def naive_pointing(heat: Array, mask: Array, tolerance: int = 0) -> float:
    marked = np.argwhere(mask)
    peaks = np.argwhere(heat == heat.max())
    hits = [any(math.hypot(*(peak - pixel)) <= tolerance for pixel in marked) for peak in peaks]
    return sum(hits) / len(peaks)


def naive_iou(heat: Array, mask: Array, cut: str = "level", at: float = 0.5) -> float:
    both = either = 0.0
    if cut == "level":
        for value, marked in zip(heat.ravel(), mask.ravel(), strict=True):
            both += bool(value >= at and marked)
            either += bool(value >= at or marked)
        return both / either
    count = max(1, round((1 - at) * mask.size))
    both = naive_top(heat, mask, count)
    return both / (count + int(mask.sum()) - both)


class Case(NamedTuple):
    name: str
    params: dict[str, Any]
    naive: Callable[..., float]


CASES = [
    Case("relevance-mass", {}, naive_mass),
    Case("mass-over-chance", {}, naive_over_chance),
    Case("relevance-rank", {}, naive_rank),
    Case("pointing-game", {}, naive_pointing),
    Case("pointing-game", {"tolerance": 3}, naive_pointing),
    Case("top-k", {}, naive_top_k),
    Case("top-k", {"percent": 40.0}, naive_top_k),
    Case("iou", {}, naive_iou),
    Case("iou", {"at": 0.2}, naive_iou),
    Case("iou", {"cut": "quantile", "at": 0.7}, naive_iou),
]
COMPONENTS = {one.name: one for one in rateval_register_validators() if not one.needs}
every = pytest.mark.parametrize(
    "case", CASES, ids=["-".join([c.name, *map(str, c.params.values())]) for c in CASES]
)


def resolve(reference: str) -> Any:
    module, _, attribute = reference.partition(":")
    return getattr(importlib.import_module(module), attribute)


def make(case: Case, **more: Any) -> ThresholdValidator:
    component: Component = COMPONENTS[case.name]
    params = resolve(component.params)(**case.params, **more)
    validator: ThresholdValidator = resolve(component.factory)(params, Context())
    return validator


def test_every_validator_is_among_the_cases() -> None:
    assert {case.name for case in CASES} == set(COMPONENTS)


@every
def test_keeps_the_promises_of_a_validator(case: Case) -> None:
    check_component(COMPONENTS[case.name], "validator", **case.params)


@every
def test_computes_on_the_device_of_its_inputs(case: Case) -> None:
    # Meta tensors hold no data, and refuse to be mixed with tensors of another device.
    relevance = torch.empty(2, 3, 4, device="meta")
    masks = torch.empty(2, 24, 32, dtype=torch.bool, device="meta")
    score = make(case).measure(heat_map(relevance, (24, 32)), masks)
    assert (score.shape, score.dtype, score.device.type) == ((2,), torch.float32, "meta")


@every
@pytest.mark.parametrize("levels", [None, 3])
def test_equals_a_naive_float64_loop(
    case: Case, levels: int | None, random_case: RandomCase, naive_heat: NaiveHeat
) -> None:
    for seed in range(4):
        relevance, masks = random_case(seed, count=2, levels=levels)
        verdict = make(case).judge(relevance, masks)
        assert verdict.defined.all()
        for got, tokens, mask in zip(verdict.score, relevance.numpy(), masks.numpy(), strict=True):
            expected = case.naive(naive_heat(tokens, mask.shape), mask, **case.params)
            assert got.item() == pytest.approx(expected, abs=ROUNDING)


@every
def test_equals_the_naive_loop_at_full_size(case: Case, naive_heat: NaiveHeat) -> None:
    draw = np.random.default_rng(3)
    relevance, mask = draw.random((1, 7, 7)).astype(np.float32), np.zeros((1, 96, 112), dtype=bool)
    mask[0, 20:70, 30:80] = True
    expected = case.naive(naive_heat(relevance[0], (96, 112)), mask[0], **case.params)
    score = make(case).judge(torch.tensor(relevance), torch.tensor(mask)).score.item()
    assert score == pytest.approx(expected, abs=ROUNDING)


@every
@settings(max_examples=20, deadline=None)
@given(seed=SEEDS)
def test_permuted_images_have_permuted_verdicts(
    case: Case, random_case: RandomCase, seed: int
) -> None:
    relevance, masks = random_case(seed, count=7, levels=4)
    relevance[1], masks[2], masks[3], relevance[4, 0, 0] = 0.5, False, True, float("nan")
    order = torch.tensor(np.random.default_rng(seed).permutation(7))
    validator = make(case)
    before, after = (
        validator.judge(relevance, masks),
        validator.judge(relevance[order], masks[order]),
    )
    torch.testing.assert_close(after.score, before.score[order], rtol=0, atol=ROUNDING)
    assert after.defined.equal(before.defined[order])
    assert after.reasons == tuple(before.reasons[i] for i in order.tolist())


@every
@settings(max_examples=20, deadline=None)
@given(seed=SEEDS, exponent=st.integers(-100, 100), factor=st.integers(1, 1000))
def test_scale_of_relevance_does_not_matter(
    case: Case, random_case: RandomCase, seed: int, exponent: int, factor: int
) -> None:
    relevance, masks = random_case(seed, levels=50)  # whole numbers: the product is exact
    validator = make(case)
    before = validator.judge(relevance, masks)
    after = validator.judge(relevance * factor * 2.0**exponent, masks)
    torch.testing.assert_close(after.score, before.score, rtol=0, atol=ROUNDING)
    assert after.defined.all()


@every
@settings(max_examples=20, deadline=None)
@given(seed=SEEDS)
def test_no_corner_is_preferred_where_pixels_tie(
    case: Case, random_case: RandomCase, seed: int
) -> None:
    relevance, masks = random_case(seed, levels=2)
    validator = make(case)
    before = validator.judge(relevance, masks).score
    for axes in ((1,), (2,), (1, 2)):
        after = validator.judge(relevance.flip(axes), masks.flip(axes)).score
        torch.testing.assert_close(after, before, rtol=0, atol=ROUNDING)


@every
@pytest.mark.parametrize("batch", [1, 5, 33])
def test_ties_fall_the_same_in_every_batch(case: Case, random_case: RandomCase, batch: int) -> None:
    relevance, masks = random_case(11, count=1, levels=2)
    validator = make(case)
    alone = validator.judge(relevance, masks).score
    together = validator.judge(relevance.expand(batch, -1, -1), masks.expand(batch, -1, -1)).score
    torch.testing.assert_close(together, alone.expand(batch), rtol=0, atol=ROUNDING)


@every
@settings(max_examples=20, deadline=None)
@given(seed=SEEDS)
def test_a_map_that_is_the_mask_scores_one_and_its_negative_least(case: Case, seed: int) -> None:
    draw = np.random.default_rng(seed)
    masks = torch.zeros(3, 10, 20, dtype=torch.bool)
    for mask in masks:
        mask.view(-1)[torch.tensor(draw.permutation(200)[:60])] = True  # 30 %: the quantile 0.7
    params = {"percent": 30.0} if case.name == "top-k" else {}
    validator = make(case._replace(params={**case.params, **params}))
    perfect = validator.judge(masks.float(), masks)
    assert perfect.valid.all()
    torch.testing.assert_close(perfect.score, torch.ones(3), rtol=0, atol=ROUNDING)
    worst = validator.judge((~masks).float(), masks)
    if "tolerance" not in case.params:
        least = -0.3 / 0.7 if case.name == "mass-over-chance" else 0.0
        torch.testing.assert_close(worst.score, torch.full((3,), least), rtol=0, atol=ROUNDING)
        assert not worst.valid.any()


@every
def test_undefined_cases_are_named(case: Case, random_case: RandomCase) -> None:
    relevance, masks = random_case(1, count=9)
    masks[1], relevance[2], relevance[3], masks[4] = False, 0.0, 0.7, True
    relevance[5, 0, 1], relevance[6, 1, 0] = float("nan"), float("inf")
    masks[7], relevance[7] = False, float("nan")
    verdict = make(case, threshold=0.0).judge(relevance, masks)
    flat, broken = "constant relevance", "relevance not finite"
    full = "full mask" if case.name == "mass-over-chance" else ""
    assert verdict.reasons == (
        "",
        "empty mask",
        flat,
        flat,
        full,
        broken,
        broken,
        "empty mask",
        "",
    )
    assert verdict.defined.tolist() == [reason == "" for reason in verdict.reasons]
    assert verdict.score.isfinite().all()
    assert not verdict.valid[~verdict.defined].any()


@every
def test_an_empty_batch_has_an_empty_verdict(case: Case) -> None:
    verdict = make(case).judge(torch.empty(0, 4, 4), torch.empty(0, 8, 8, dtype=torch.bool))
    assert verdict.reasons == ()
    assert verdict.score.shape == verdict.valid.shape == verdict.defined.shape == (0,)


@every
def test_batches_of_different_length_are_refused(case: Case) -> None:
    with pytest.raises(ValueError, match=r"heat \(2, 8, 8\) and masks \(1, 8, 8\)"):
        make(case).judge(torch.rand(2, 4, 4), torch.ones(1, 8, 8, dtype=torch.bool))


@every
def test_float16_maps_are_judged_as_their_float32(case: Case, random_case: RandomCase) -> None:
    relevance, masks = random_case(2)
    verdict = make(case).judge(relevance.half(), masks)
    assert verdict.score.dtype == torch.float32
    assert verdict.score.equal(make(case).judge(relevance.half().float(), masks).score)


@every
def test_evidence_is_valid_from_the_threshold_on(case: Case, random_case: RandomCase) -> None:
    relevance, masks = random_case(4, count=40)
    score = make(case).judge(relevance, masks).score
    for threshold in (0.0, *score.clamp(min=0).tolist(), 1.0):
        verdict = make(case, threshold=threshold).judge(relevance, masks)
        assert verdict.valid.equal(score >= threshold)


def test_a_share_that_is_the_threshold_in_decimals_is_valid() -> None:
    relevance = torch.arange(10.0).reshape(1, 1, 10)
    mask = (torch.arange(10) < 7).reshape(1, 1, 10)  # RRA: of the 7 highest, 4 inside
    assert (
        make(Case("relevance-rank", {"threshold": 4 / 7}, naive_rank)).judge(relevance, mask).valid
    )
    tenths = Case("top-k", {"percent": 100.0, "threshold": 0.7}, naive_top_k)
    assert make(tenths).judge(relevance, mask).valid


@settings(max_examples=30, deadline=None)
@given(seed=SEEDS)
def test_a_mask_and_its_complement(random_case: RandomCase, seed: int) -> None:
    _, masks = random_case(seed)
    heat = torch.tensor(np.random.default_rng(seed).integers(0, 17, masks.shape) / 16).float()
    size = masks[0].numel()
    inside = masks.sum((1, 2))
    for measure in (relevance_mass, pointing_game, lambda h, m: top_k(h, m, percent=10)):
        together = measure(heat, masks) + measure(heat, ~masks)
        torch.testing.assert_close(together, torch.ones(4), rtol=0, atol=ROUNDING)
    area = inside / size
    weighed = (1 - area) * mass_over_chance(heat, masks) + area * mass_over_chance(heat, ~masks)
    torch.testing.assert_close(weighed, torch.zeros(4), rtol=0, atol=ROUNDING)
    # The complement's top places under the reversed order are those the mask's K left over.
    missed = inside * (1 - relevance_rank(heat, masks))
    missed_there = (size - inside) * (1 - relevance_rank(1 - heat, ~masks))
    torch.testing.assert_close(missed_there, missed, rtol=0, atol=1e-3)


@settings(max_examples=30, deadline=None)
@given(seed=SEEDS)
def test_a_mask_of_the_whole_image(random_case: RandomCase, seed: int) -> None:
    relevance, masks = random_case(seed)
    full = torch.ones_like(masks)
    for name in ("relevance-mass", "relevance-rank", "pointing-game", "top-k"):
        score = make(Case(name, {}, naive_mass)).judge(relevance, full).score
        assert score.tolist() == [1.0] * 4
    heat = torch.tensor(np.random.default_rng(seed).random(masks.shape)).float()
    hot = (heat >= 0.5).float().mean((1, 2))
    torch.testing.assert_close(iou(heat, full, cut="level", at=0.5), hot, rtol=0, atol=ROUNDING)


@settings(max_examples=30, deadline=None)
@given(seed=SEEDS)
def test_more_evidence_never_lowers_the_score(random_case: RandomCase, seed: int) -> None:
    relevance, masks = random_case(seed, levels=6)
    wider = masks | masks.roll(1, 2)
    for name in ("relevance-mass", "pointing-game", "top-k"):
        validator = make(Case(name, {}, naive_mass))
        gain = validator.judge(relevance, wider).score - validator.judge(relevance, masks).score
        assert (gain >= -1e-6).all()


def test_a_uniform_map_scores_chance() -> None:
    heat, masks = torch.ones(3, 20, 30), torch.zeros(3, 20, 30, dtype=torch.bool)
    masks[0, :5], masks[1, :, :3], masks[2, 4:9, 7:17] = True, True, True
    area = masks.float().mean((1, 2))
    for measure in (relevance_mass, relevance_rank, pointing_game):
        torch.testing.assert_close(measure(heat, masks), area)
    torch.testing.assert_close(top_k(heat, masks, percent=5), area)
    torch.testing.assert_close(mass_over_chance(heat, masks), torch.zeros(3), rtol=0, atol=ROUNDING)
    by_quantile = iou(heat, masks, cut="quantile", at=0.8)
    torch.testing.assert_close(by_quantile, 0.2 * area / (0.2 + area - 0.2 * area))


def test_a_region_by_quantile_keeps_its_size_among_ties() -> None:
    heat = torch.tensor([[[1.0, 0.0, 0.0, 0.0, 0.0]]])
    mask = torch.tensor([[[True, True, False, False, False]]])
    # Three of five pixels: the first, and half of each of the four others: 1.5 of 2 inside.
    assert iou(heat, mask, cut="quantile", at=0.4).item() == pytest.approx(1.5 / (3 + 2 - 1.5))


def test_golden_mass_over_chance(golden: dict[str, Array]) -> None:
    tokens = torch.from_numpy(golden["zs_token_all"]).reshape(-1, 4, 4)
    masks = torch.from_numpy(golden["masks"][:, 0]).bool()
    area = golden["masks"][:, 0].mean((1, 2), dtype=np.float64)
    expected = (golden["rma_zs_heat_all"][:, 0] - area) / (1 - area)
    verdict = make(Case("mass-over-chance", {}, naive_over_chance)).judge(tokens, masks)
    np.testing.assert_allclose(verdict.score.numpy(), expected, rtol=0, atol=2e-5)


@pytest.mark.parametrize(
    ("params", "wrong"),
    [
        (MassOverChanceParams, {"threshold": -0.1}),
        (PointingGameParams, {"tolerance": -1}),
        (PointingGameParams, {"tolerance": 1.5}),
        (IouParams, {"at": 0.0}),
        (IouParams, {"at": 1.0}),
        (IouParams, {"cut": "otsu"}),
    ],
)
def test_params_out_of_bounds_are_refused(params: Any, wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        params(**wrong)
