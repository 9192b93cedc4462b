"""Relevance equals a plain float64 loop: image by image, layer by layer, whole matrices."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch.nn import functional as F

from rateval.api import Classifier, Context, Model
from rateval_attention.attention.generic import make_generic_attention
from rateval_attention.params import GenericAttentionParams
from rateval_clip.model import Clip

Cosine = Callable[[Model, torch.Tensor], Classifier]


def _forward(
    state: dict[str, torch.Tensor], image: torch.Tensor, classes: torch.Tensor
) -> tuple[torch.Tensor, list[torch.Tensor]]:
    """Run one image (3, H, W) through CLIP's vision tower, written out from its equations."""

    def norm(x: torch.Tensor, name: str) -> torch.Tensor:
        centred = x - x.mean(-1, keepdim=True)
        scaled = centred / (centred.pow(2).mean(-1, keepdim=True) + 1e-5).sqrt()
        return scaled * state[f"{name}.weight"] + state[f"{name}.bias"]

    kernel = state["visual.conv1.weight"]
    patch = kernel.shape[-1]
    patches = [
        torch.einsum("kchw,chw->k", kernel, image[:, top : top + patch, left : left + patch])
        for top in range(0, image.shape[1], patch)
        for left in range(0, image.shape[2], patch)
    ]
    x = torch.stack([state["visual.class_embedding"], *patches])
    x = norm(x + state["visual.positional_embedding"], "visual.ln_pre")
    attention = []
    for layer in range(3):
        block = f"visual.transformer.resblocks.{layer}"
        weight, bias = state[f"{block}.attn.in_proj_weight"], state[f"{block}.attn.in_proj_bias"]
        q, k, v = torch.chunk(norm(x, f"{block}.ln_1") @ weight.T + bias, 3, dim=-1)
        heads = [slice(0, 16), slice(16, 32)]
        probabilities = torch.stack(
            [torch.softmax(q[:, head] @ k[:, head].T / 4, dim=-1) for head in heads]
        )
        attention.append(probabilities)
        mixed = torch.cat([p @ v[:, head] for p, head in zip(probabilities, heads, strict=True)], 1)
        weight, bias = state[f"{block}.attn.out_proj.weight"], state[f"{block}.attn.out_proj.bias"]
        x = x + mixed @ weight.T + bias
        hidden = norm(x, f"{block}.ln_2") @ state[f"{block}.mlp.c_fc.weight"].T
        hidden = hidden + state[f"{block}.mlp.c_fc.bias"]
        hidden = hidden * torch.sigmoid(1.702 * hidden)
        x = x + hidden @ state[f"{block}.mlp.c_proj.weight"].T + state[f"{block}.mlp.c_proj.bias"]
    embedding = norm(x[0], "visual.ln_post") @ state["visual.proj"]
    unit = classes / classes.norm(dim=-1, keepdim=True)
    return state["logit_scale"].exp() * (unit @ (embedding / embedding.norm())), attention


def _naive(
    model: Clip,
    images: torch.Tensor,
    labels: torch.Tensor,
    classes: torch.Tensor,
    layers: list[int],
    target: str,
    score: str,
) -> torch.Tensor:
    state = {k: v.double().requires_grad_() for k, v in model.module.state_dict().items()}
    maps = []
    for image, label in zip(images.double(), labels.tolist(), strict=True):
        logits, attention = _forward(state, image, classes.double())
        chosen = label if target == "label" else int(logits.argmax())
        value = logits[chosen] - (logits.mean() if score == "margin" else 0)
        relevance = torch.eye(13, dtype=torch.float64)
        for layer in layers:
            (gradient,) = torch.autograd.grad(value, attention[layer], retain_graph=True)
            positive = torch.clamp(gradient * attention[layer], min=0)
            relevance = relevance + positive.mean(0) @ relevance
        maps.append(relevance[0, 1:].reshape(3, 4))
    return torch.stack(maps).detach()


@pytest.mark.parametrize("score", ["raw", "margin"])
@pytest.mark.parametrize("target", ["label", "prediction"])
@pytest.mark.parametrize(
    ("layers", "chosen"),
    [
        ("all", [0, 1, 2]),
        ("last", [2]),
        (1, [2]),
        (2, [1, 2]),
        (3, [0, 1, 2]),
        ([0], [0]),
        ([2, 0], [0, 2]),
    ],
)
def test_every_option(
    make_model: Callable[[str], Clip],
    cosine: Cosine,
    images: torch.Tensor,
    labels: torch.Tensor,
    classes: torch.Tensor,
    layers: Any,
    chosen: list[int],
    target: Any,
    score: Any,
) -> None:
    params = GenericAttentionParams(layers=layers, target=target, score=score)
    model = make_model("float64")
    expected = _naive(model, images, labels, classes, chosen, target, score)
    peak = expected.amax(dim=(1, 2), keepdim=True)
    assert bool((peak > 0).all())
    # Relevance and logit scale are float32 in any case; single precision throughout costs more.
    for dtype, tolerance in (("float64", 1e-6), ("float32", 1e-3)):
        model = make_model(dtype)
        classifier = cosine(model, classes.to(getattr(torch, dtype)))
        explanation = make_generic_attention(params, Context()).explain(classifier, images, labels)
        assert float(((explanation.relevance.double() - expected).abs() / peak).max()) < tolerance


def test_the_options_make_a_difference(
    model: Clip, cosine: Cosine, images: torch.Tensor, labels: torch.Tensor, classes: torch.Tensor
) -> None:
    def explain(**values: Any) -> torch.Tensor:
        attribution = make_generic_attention(GenericAttentionParams(**values), Context())
        relevance = attribution.explain(cosine(model, classes), images, labels).relevance
        return F.normalize(relevance.flatten(1), dim=1)

    maps = [
        explain(),
        explain(layers="last"),
        explain(score="margin"),
        explain(target="prediction"),
    ]
    for index, one in enumerate(maps):
        for other in maps[:index]:
            assert float((one - other).abs().max()) > 1e-2
