"""Grad-ECLIP against its formula, written out in float64 from queries, keys and values."""

from __future__ import annotations

import torch
from rateval_example.grad_eclip import GradEclip
from rateval_example.model import Tiny
from rateval_example.towers import DEPTH, HEADS, WIDTH
from torch import nn


class Head:
    """A classifier with a random head on the features."""

    def __init__(self) -> None:
        self.model = Tiny(3)
        self.head = nn.Linear(WIDTH, 4).requires_grad_(False)
        self.decision = None

    def logits(self, images: torch.Tensor) -> torch.Tensor:
        scores: torch.Tensor = self.head(self.model.features(images))
        return scores

    def state(self) -> dict[str, torch.Tensor]:
        return {}


def expected(classifier: Head, image: torch.Tensor) -> list[float]:
    """Compute the map of one image by the formula, head by head and patch by patch."""
    tower = classifier.model.image_tower
    patches = tower.patches(image[None]).flatten(2).transpose(1, 2)
    tokens = torch.cat([tower.token, patches], 1) + tower.positions
    for block in list(tower.blocks)[: DEPTH - 1]:
        tokens = block(tokens)
    last = tower.blocks[DEPTH - 1]
    parts = last.attention.before(last.norm(tokens))[0]
    query, key, value = parts.unflatten(-1, (3, HEADS, WIDTH // HEADS)).unbind(1)  # (N, heads, d)
    scores = torch.einsum("nhd,mhd->hnm", query, key) / (WIDTH // HEADS) ** 0.5
    given = torch.einsum("hnm,mhd->nhd", scores.softmax(-1), value).detach().requires_grad_()
    after = tokens[0] + last.attention.after(given.flatten(1))
    final = tower.norm(after + last.perceptron(after))[0]
    score = classifier.head(final).max()
    (gradient,) = torch.autograd.grad(score, given)
    rows = range(1, len(parts))
    weighted = [float((gradient[0] * value[row]).sum()) for row in rows]
    products = [float((query[0] * key[row]).sum()) for row in rows]
    low, high = min(products), max(products)
    near = [(product - low) / (high - low) for product in products]
    return [max(0.0, one * other) for one, other in zip(weighted, near, strict=True)]


def test_it_is_its_formula() -> None:
    torch.manual_seed(0)
    classifier = Head()
    classifier.model.module.double()
    classifier.head.double()
    images = torch.randn(3, 3, 32, 32, dtype=torch.float64)
    found = GradEclip("predicted").explain(classifier, images, torch.zeros(3, dtype=torch.int64))
    for image, relevance in zip(images, found.relevance, strict=True):
        wanted = torch.tensor(expected(classifier, image))
        assert wanted.max() > 0
        assert torch.allclose(relevance.flatten().double(), wanted.double(), rtol=1e-5, atol=1e-9)
