"""What integrated gradients say of their own sum."""

from __future__ import annotations

import pytest
import torch

import rateval
from rateval.testing import tiny_classifier

LABELS = torch.tensor([0, 1, 2, 1])


@pytest.fixture
def images() -> torch.Tensor:
    return torch.randn(4, 3, 24, 32, generator=torch.Generator().manual_seed(7))


@pytest.mark.parametrize("nodes", ["legendre", "uniform"])
@pytest.mark.parametrize("score", ["raw", "margin"])
def test_the_gap_is_that_of_the_definition(images: torch.Tensor, nodes: str, score: str) -> None:
    steps = 3
    found = rateval.create(
        "attribution", "integrated-gradients", steps=steps, nodes=nodes, score=score
    ).explain(tiny_classifier(), images, LABELS)
    classifier = tiny_classifier()
    classifier.model.module.double()
    classifier.head.double()

    def value(image: torch.Tensor, label: int) -> torch.Tensor:
        logits = classifier.logits(image[None])[0]
        return logits[label] - logits.mean() if score == "margin" else logits[label]

    # Of three nodes, by hand.
    at = {"legendre": [0.5 - 0.15**0.5, 0.5, 0.5 + 0.15**0.5], "uniform": [1 / 6, 1 / 2, 5 / 6]}
    weights = {"legendre": [5 / 18, 8 / 18, 5 / 18], "uniform": [1 / 3] * 3}
    for index, (image, label) in enumerate(zip(images.double(), LABELS.tolist(), strict=True)):
        black = torch.full_like(image, -1.0)
        total = 0.0
        for node, weight in zip(at[nodes], weights[nodes], strict=True):
            point = (black + node * (image - black)).requires_grad_()
            (slope,) = torch.autograd.grad(value(point, label), point)
            total += weight * float((slope * (image - black)).sum())
        expected = float((value(image, label) - value(black, label)).detach())
        assert found.differences is not None and found.gaps is not None
        assert float(found.differences[index]) == pytest.approx(expected, abs=1e-4)
        assert float(found.gaps[index]) == pytest.approx(abs(total - expected), abs=1e-4)


def test_more_steps_close_the_gap(images: torch.Tensor) -> None:
    gaps = []
    for steps in (2, 8, 64):
        attribution = rateval.create("attribution", "integrated-gradients", steps=steps)
        found = attribution.explain(tiny_classifier(), images, LABELS).gaps
        assert found is not None
        gaps.append(float(found.mean()))
    assert gaps[0] > 10 * gaps[1] > 10 * gaps[2]
