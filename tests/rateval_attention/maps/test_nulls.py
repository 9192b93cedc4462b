"""The null explainers: valid maps that owe nothing to the model."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from pydantic import ValidationError

import rateval
from rateval.api import Context
from rateval.testing import check_attribution, tiny_classifier
from rateval_attention.maps.random_map import draw_uniform, make_random
from rateval_attention.params import CenterPriorParams, RandomParams

WRITTEN = [0.2769818136067165, 0.6600025873309135, 0.830187801305784]
"""The first numbers ever drawn for one image: later versions must reproduce stored results."""


@pytest.fixture
def images() -> torch.Tensor:
    return torch.randn(600, 3, 24, 32, generator=torch.Generator().manual_seed(5))


def _draw(images: torch.Tensor, seed: int = 0, **params: object) -> torch.Tensor:
    attribution = make_random(RandomParams.model_validate(params), Context(seed=seed))
    labels = torch.zeros(len(images), dtype=torch.int64)
    return attribution.explain(tiny_classifier(), images, labels).relevance


def test_random_maps_have_the_moments_of_their_distribution(images: torch.Tensor) -> None:
    for name, mean, deviation in (("exponential", 1, 1), ("uniform", 0.5, 12**-0.5)):
        drawn = _draw(images, distribution=name).double()
        error = deviation / math.sqrt(drawn.numel())
        assert float(drawn.mean()) == pytest.approx(mean, abs=4 * error)
        assert float(drawn.std()) == pytest.approx(deviation, rel=0.05)
        patches = drawn.flatten(1).T
        between = torch.corrcoef(patches) - torch.eye(12)
        assert float(between.abs().max()) < 0.2


def test_random_maps_depend_on_pixels_and_seed_alone(images: torch.Tensor) -> None:
    images = images[:6]
    whole = _draw(images)
    order = torch.tensor([5, 0, 3, 1, 4, 2])
    assert torch.equal(_draw(images[order]), whole[order])
    assert torch.equal(_draw(images[2:3]), whole[2:3])
    assert torch.equal(_draw(images.bfloat16().float()[:1]), _draw(images[:1].bfloat16()))
    changed = images.clone()
    changed[0, 1, 2, 3] += 1e-3
    moved = (_draw(changed) != whole).flatten(1).any(1)
    assert moved.tolist() == [True] + [False] * 5
    assert not torch.equal(_draw(images, seed=1), whole)


def test_a_seed_of_its_own_goes_first(images: torch.Tensor) -> None:
    attribution = make_random(RandomParams(seed=3), Context(seed=8))
    found = attribution.explain(tiny_classifier(), images[:2], torch.zeros(2, dtype=torch.int64))
    assert torch.equal(found.relevance, _draw(images[:2], seed=3))


def test_random_numbers_stay_what_they_are() -> None:
    image = torch.arange(12.0).reshape(3, 2, 2)
    assert draw_uniform(image, 1, 3).tolist() == pytest.approx(WRITTEN, abs=1e-15)


def test_the_center_prior_is_a_centred_gaussian(images: torch.Tensor) -> None:
    attribution = rateval.create("attribution", "center-prior", width=0.4)
    labels = torch.zeros(3, dtype=torch.int64)
    found = attribution.explain(tiny_classifier(), images[:3], labels).relevance
    for row in range(3):
        for col in range(4):
            y, x = (row + 0.5) / 3 - 0.5, (col + 0.5) / 4 - 0.5
            expected = math.exp(-(x * x + y * y) / (2 * 0.4**2))
            assert found[:, row, col].tolist() == pytest.approx([expected] * 3, rel=1e-6)


@pytest.mark.parametrize(
    ("name", "params"),
    [
        ("random", {}),
        ("random", {"distribution": "uniform", "seed": 4}),
        ("center-prior", {"width": 0.01}),
        ("center-prior", {"width": 10}),
    ],
)
def test_their_bounds_keep_the_promises(name: str, params: dict[str, Any]) -> None:
    check_attribution(rateval.create("attribution", name, **params))


def test_params_out_of_bounds() -> None:
    for width in (0, -1, 11):
        with pytest.raises(ValidationError):
            CenterPriorParams(width=width)
    for seed in (-1, 2**63):
        with pytest.raises(ValidationError):
            RandomParams(seed=seed)
