"""Relevance of models without a class token equals a float64 loop over whole matrices."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, get_args

import pytest
import torch

from rateval.api import Classifier, Context, RatevalError, Readout
from rateval.testing import tiny_classifier
from rateval_attention.attention.generic import make_generic_attention
from rateval_attention.params import GenericAttentionParams
from rateval_clip.model import make_clip
from rateval_clip.params import ClipParams

READOUTS: tuple[Readout, ...] = get_args(Readout)


def _naive(
    classifier: Classifier, images: torch.Tensor, labels: torch.Tensor, layers: list[int]
) -> torch.Tensor:
    model = classifier.model
    rows, cols = model.grid
    tokens = model.prefix_tokens + rows * cols
    maps = []
    for image, label in zip(images.double(), labels.tolist(), strict=True):
        with model.record_attention(layers) as recorded:
            logit = classifier.logits(image[None])[0, label]
        relevance = torch.eye(tokens, dtype=torch.float64)
        for layer in layers:
            attention = recorded[layer]
            (gradient,) = torch.autograd.grad(logit, attention, retain_graph=True)
            matrix = torch.zeros(attention.shape[2:], dtype=torch.float64)
            for head in range(attention.shape[1]):
                positive = torch.clamp(gradient[0, head] * attention[0, head], min=0)
                matrix += positive.detach() / attention.shape[1]
            # The pool's query is no token: its row has no identity of its own.
            is_pool = model.readout == "attention pool" and layer == model.depth - 1
            relevance = matrix @ relevance if is_pool else relevance + matrix @ relevance
        patches = relevance[:, model.prefix_tokens :]
        row = patches[model.prefix_tokens :].mean(0) if model.readout == "mean" else patches[0]
        maps.append(row.reshape(rows, cols))
    return torch.stack(maps)


def _explain(
    classifier: Classifier, images: torch.Tensor, labels: torch.Tensor, layers: Any
) -> torch.Tensor:
    attribution = make_generic_attention(GenericAttentionParams(layers=layers), Context())
    return attribution.explain(classifier, images, labels).relevance


def _double(model: Any) -> Any:
    model.module.double()
    return model


@pytest.mark.parametrize("readout", READOUTS)
@pytest.mark.parametrize("layers", ["all", "last", 2])
def test_the_tiny_model(readout: Readout, layers: Any) -> None:
    images = torch.randn(3, 3, 24, 32, generator=torch.Generator().manual_seed(1))
    labels = torch.tensor([2, 0, 1])
    found = _explain(tiny_classifier(readout=readout), images, labels, layers)
    reference = tiny_classifier(readout=readout)
    _double(reference.model)
    reference.head.double()
    depth = reference.model.depth
    chosen = list(range(depth))[{"all": 0, "last": -1}.get(layers, -2) :]
    expected = _naive(reference, images, labels, chosen)
    peak = expected.amax(dim=(1, 2), keepdim=True)
    assert bool((peak > 0).all())
    assert float(((found - expected).abs() / peak).max()) < 1e-4


@pytest.mark.parametrize(
    ("name", "pool", "readout"),
    [("test_vit2", "avg", "mean"), ("test_vit3", "map", "attention pool")],
)
def test_timms_towers(
    linear: Callable[..., Classifier], name: str, pool: str, readout: Readout
) -> None:
    config = {
        "embed_dim": 24,
        "custom_text": True,
        "vision_cfg": {"timm_model_name": name, "timm_pool": pool, "image_size": 160},
        "text_cfg": {"context_length": 8, "vocab_size": 20, "width": 16, "heads": 2, "layers": 1},
    }
    model = make_clip(ClipParams(architecture=config, pretrained="random"), Context(seed=1))
    assert model.readout == readout
    generator = torch.Generator().manual_seed(1)
    images = torch.randn(2, 3, 160, 160, generator=generator)
    weight, bias = torch.randn(4, 24, generator=generator), torch.zeros(4)
    labels = torch.tensor([3, 1])
    found = _explain(linear(model, weight, bias), images, labels, "all")
    # Clip casts images to the dtype of its weights.
    reference = linear(_double(model), weight.double(), bias.double())
    expected = _naive(reference, images, labels, list(range(model.depth)))
    peak = expected.amax(dim=(1, 2), keepdim=True)
    assert float(((found - expected).abs() / peak).max()) < 1e-3


def test_layers_without_the_pool_are_refused() -> None:
    classifier = tiny_classifier(readout="attention pool")
    images = torch.zeros(1, 3, 24, 32)
    with pytest.raises(
        RatevalError, match=r"layers = \[0, 2\]: .* an attention pool, layer 3, .*add"
    ):
        _explain(classifier, images, torch.tensor([0]), [0, 2])
