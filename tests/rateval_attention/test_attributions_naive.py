"""Each attribution equals a plain float64 loop: image by image, head by head, whole matrices."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, get_args

import numpy as np
import pytest
import torch

import rateval
from rateval.api import Readout
from rateval.testing import TinyModel, tiny_classifier

READOUTS: tuple[Readout, ...] = get_args(Readout)
COUNT, CLASSES = 7, 5
Matrices = list[torch.Tensor]


class Reference:
    """The tiny classifier in float64, one image at a time."""

    def __init__(self, readout: Readout) -> None:
        self.classifier = tiny_classifier(CLASSES, seed=4, readout=readout)
        self.classifier.model.module.double()
        self.classifier.head.double()
        self.model: TinyModel = self.classifier.model

    def score(self, image: torch.Tensor, label: int, target: Any, score: str) -> torch.Tensor:
        logits = self.classifier.logits(image[None])[0]
        values = logits.tolist()
        ranked = sorted(range(CLASSES), key=lambda index: -values[index])
        names = {"label": label, "prediction": ranked[0], "runner-up": ranked[1]}
        chosen = logits[names.get(target, target)]
        return chosen - sum(logits) / CLASSES if score == "margin" else chosen

    def matrices(
        self, image: torch.Tensor, label: int, target: Any = "label", score: str = "raw"
    ) -> tuple[Matrices, Matrices]:
        """Return attention and gradient of every layer, (heads, M, N) each."""
        with self.model.record_attention(range(self.model.depth)) as recorded:
            value = self.score(image, label, target, score)
        layers = [recorded[index] for index in range(self.model.depth)]
        slopes = [torch.autograd.grad(value, layer, retain_graph=True)[0][0] for layer in layers]
        return [layer.detach()[0] for layer in layers], slopes

    def tokens(self, image: torch.Tensor) -> list[tuple[torch.Tensor, torch.Tensor]]:
        """Return attention (heads, N, N) and tokens (N, D) after every block."""
        tower: Any = self.model.tower
        patches = tower.patches(image[None]).flatten(2)[0].T
        x = torch.cat([tower.prefix, patches]) + tower.positions
        found = []
        for block in tower.blocks:
            attention, mixed = self.attend(block.attention, block.before_attention(x))
            x = x + mixed
            x = x + block.perceptron(x)
            found.append((attention, x))
        return found

    def attend(
        self, layer: Any, tokens: torch.Tensor, asking: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the attention, (heads, M, N) that requires a gradient, and what it makes."""
        weight, bias = layer.qkv.weight.chunk(3), layer.qkv.bias.chunk(3)
        given = [tokens if asking is None else asking, tokens, tokens]
        query, key, value = (
            torch.stack((x @ w.T + b).chunk(2, dim=-1))
            for x, w, b in zip(given, weight, bias, strict=True)
        )
        attention = (query @ key.mT / key.shape[-1] ** 0.5).softmax(-1)
        if not attention.requires_grad:
            attention.requires_grad_()
        mixed = torch.cat([*(attention @ value)], dim=-1)
        return attention, mixed @ layer.out.weight.T + layer.out.bias

    def read(
        self, attention: torch.Tensor, tokens: torch.Tensor, label: int
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return LeGrad's score of a block's tokens, and the attention that it is explained by."""
        tower: Any = self.model.tower
        if self.model.readout == "attention pool":
            normed = tower.norm(tokens.detach())
            attention, read = self.attend(tower.pool, normed, tower.query[None])
            feature = read[0]
        else:
            feature = tower.norm(sum(tokens) / len(tokens))
        return self.classifier.head(feature)[label], attention

    def queries(self, matrix: torch.Tensor) -> list[int]:
        """Name the rows that the embedding reads."""
        first = self.model.prefix_tokens
        return list(range(first, matrix.shape[-1])) if self.model.readout == "mean" else [0]

    def grid(self, row: torch.Tensor) -> torch.Tensor:
        return row[self.model.prefix_tokens :].reshape(self.model.grid)

    def pool(self, pixels: torch.Tensor) -> torch.Tensor:
        pooled = torch.zeros(self.model.grid, dtype=torch.float64)
        for row in range(3):
            for col in range(4):
                patch = pixels[row * 8 : row * 8 + 8, col * 8 : col * 8 + 8]
                pooled[row, col] = sum(patch.flatten().tolist())
        return pooled


@pytest.fixture
def images() -> torch.Tensor:
    return torch.randn(COUNT, 3, 24, 32, generator=torch.Generator().manual_seed(7))


@pytest.fixture
def labels() -> torch.Tensor:
    return torch.tensor([4, 0, 2, 1, 3, 0, 2])


@pytest.fixture
def assert_equal(images: torch.Tensor, labels: torch.Tensor) -> Callable[..., None]:
    def check(
        name: str,
        readout: Readout,
        naive: Callable[[Reference, torch.Tensor, int], torch.Tensor],
        **params: Any,
    ) -> None:
        reference = Reference(readout)
        pairs = zip(images.double(), labels.tolist(), strict=True)
        expected = torch.stack([naive(reference, image, label) for image, label in pairs])
        attribution = rateval.create("attribution", name, **params)
        classifier = tiny_classifier(CLASSES, seed=4, readout=readout)
        found = attribution.explain(classifier, images, labels).relevance
        # Where every head speaks against the target, Grad-CAM's map is zero.
        peak = expected.amax(dim=(1, 2), keepdim=True)
        assert int((peak > 0).sum()) >= 2
        assert bool(((found - expected).abs() <= 1e-4 * peak).all())

    return check


@pytest.mark.parametrize("readout", READOUTS)
def test_raw_attention(assert_equal: Callable[..., None], readout: Readout) -> None:
    def naive(reference: Reference, image: torch.Tensor, label: int) -> torch.Tensor:
        last = reference.matrices(image, label)[0][-1]
        rows = [head[query] for head in last for query in reference.queries(last)]
        return reference.grid(sum(rows, torch.zeros(())) / len(rows))

    assert_equal("raw-attention", readout, naive)


@pytest.mark.parametrize("readout", READOUTS)
@pytest.mark.parametrize("layers", ["all", "last", 2])
def test_attention_rollout(
    assert_equal: Callable[..., None], readout: Readout, layers: str | int
) -> None:
    def naive(reference: Reference, image: torch.Tensor, label: int) -> torch.Tensor:
        attention = reference.matrices(image, label)[0]
        first = {"all": 0, "last": len(attention) - 1}.get(str(layers), len(attention) - 2)
        tokens = attention[0].shape[-1]
        product = torch.eye(tokens, dtype=torch.float64)
        for matrix in attention[first:]:
            mixed = sum(matrix, torch.zeros(())) / len(matrix)
            if len(mixed) == tokens:
                mixed = (mixed + torch.eye(tokens, dtype=torch.float64)) / 2
            product = mixed @ product
        rows = [product[query] for query in reference.queries(attention[-1])]
        return reference.grid(sum(rows, torch.zeros(())) / len(rows))

    assert_equal("attention-rollout", readout, naive, layers=layers)


@pytest.mark.parametrize("readout", READOUTS)
@pytest.mark.parametrize(("target", "score"), [("label", "margin"), ("runner-up", "raw")])
def test_grad_cam(
    assert_equal: Callable[..., None], readout: Readout, target: str, score: str
) -> None:
    def naive(reference: Reference, image: torch.Tensor, label: int) -> torch.Tensor:
        layers, slopes = reference.matrices(image, label, target, score)
        queries, first = reference.queries(layers[-1]), reference.model.prefix_tokens
        total = torch.zeros(layers[-1].shape[-1], dtype=torch.float64)
        for head, slope in zip(layers[-1], slopes[-1], strict=True):
            read = [float(slope[q, token]) for q in queries for token in range(first, len(total))]
            row = sum((head[q] for q in queries), torch.zeros(())) / len(queries)
            total += math.fsum(read) / len(read) * row / len(layers[-1])
        return reference.grid(total.clamp(min=0))

    assert_equal("grad-cam", readout, naive, target=target, score=score)


@pytest.mark.parametrize("readout", READOUTS)
@pytest.mark.parametrize(("layers", "chosen"), [("all", slice(None)), ([0, 2], slice(0, 3, 2))])
@pytest.mark.parametrize("target", ["prediction", 3])
def test_legrad(
    assert_equal: Callable[..., None], readout: Readout, layers: Any, chosen: slice, target: Any
) -> None:
    def naive(reference: Reference, image: torch.Tensor, label: int) -> torch.Tensor:
        logits = reference.classifier.logits(image[None])[0]
        chosen_class = int(logits.argmax()) if target == "prediction" else target
        tokens = reference.tokens(image)
        total = torch.zeros(len(tokens[0][1]), dtype=torch.float64)
        for attention, after in tokens[chosen]:
            score, by = reference.read(attention, after, chosen_class)
            (slope,) = torch.autograd.grad(score, by)
            for row in slope.flatten(0, 1):
                total += row.clamp(min=0) / (slope.shape[0] * slope.shape[1])
        return reference.grid(total)

    assert_equal("legrad", readout, naive, layers=layers, target=target)


@pytest.mark.parametrize("readout", READOUTS)
@pytest.mark.parametrize(
    ("measure", "target", "score"),
    [("product", "label", "raw"), ("norm", "runner-up", "margin"), ("norm", 1, "raw")],
)
def test_input_gradient(
    assert_equal: Callable[..., None], readout: Readout, measure: str, target: Any, score: str
) -> None:
    def naive(reference: Reference, image: torch.Tensor, label: int) -> torch.Tensor:
        point = image.clone().requires_grad_()
        (slope,) = torch.autograd.grad(reference.score(point, label, target, score), point)
        if measure == "norm":
            return reference.pool((slope[0] ** 2 + slope[1] ** 2 + slope[2] ** 2) ** 0.5)
        return reference.pool(sum(slope * image, torch.zeros(())).abs())

    assert_equal("input-gradient", readout, naive, measure=measure, target=target, score=score)


@pytest.mark.parametrize("readout", READOUTS)
@pytest.mark.parametrize(
    ("baseline", "target", "steps", "nodes"),
    [("black", "label", 6, "legendre"), ("mean", "runner-up", 5, "uniform")],
)
def test_integrated_gradients(
    assert_equal: Callable[..., None],
    readout: Readout,
    baseline: str,
    target: Any,
    steps: int,
    nodes: str,
) -> None:
    points, weights = np.polynomial.legendre.leggauss(steps)
    if nodes == "uniform":
        points, weights = (
            np.linspace(1 / steps - 1, 1 - 1 / steps, steps),
            np.full(steps, 2 / steps),
        )

    def naive(reference: Reference, image: torch.Tensor, label: int) -> torch.Tensor:
        # The tiny model normalises by mean 0.5 and deviation 0.5: black is -1.
        start = torch.full_like(image, -1.0 if baseline == "black" else 0.0)
        logits = reference.classifier.logits(image[None])[0]
        chosen = label if target == "label" else int(logits.argsort()[-2])
        total = torch.zeros_like(image)
        for node, weight in zip((points + 1) / 2, weights / 2, strict=True):
            point = (start + node * (image - start)).requires_grad_()
            (slope,) = torch.autograd.grad(reference.score(point, label, chosen, "raw"), point)
            total += weight * slope * (image - start)
        return reference.pool(sum(total, torch.zeros(())).abs())

    params = {"baseline": baseline, "target": target, "steps": steps, "nodes": nodes}
    assert_equal("integrated-gradients", readout, naive, **params)
