"""Recording transformers' attention changes no result and leaves nothing behind."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from rateval.api import Classifier, Context, RatevalError
from rateval_attention.attention.generic import make_generic_attention
from rateval_attention.params import GenericAttentionParams
from rateval_hf.model import HfClip
from rateval_hf.tower import attention_layers

Build = Callable[..., HfClip]


class _OnPurposeError(Exception):
    pass


@pytest.fixture
def classifier(build: Build, ids: torch.Tensor, by_cosine: Callable[..., Any]) -> Any:
    return by_cosine(build(), ids)


def _is_patched(model: HfClip) -> bool:
    return any("forward" in vars(part) for part in model.module.modules())


@pytest.mark.parametrize("implementation", ["eager", "sdpa"])
def test_logits_are_equal_with_and_without(
    classifier: Any, images: torch.Tensor, implementation: str
) -> None:
    model = classifier.model
    model.module.set_attn_implementation(implementation)
    with torch.no_grad():
        plain = classifier.logits(images)
        with model.record_attention(range(model.depth)) as recorded:
            watched = classifier.logits(images)
            assert _is_patched(model)
    assert float((watched - plain).abs().max() / plain.abs().max()) <= 1e-5
    assert sorted(recorded) == list(range(model.depth))
    assert not _is_patched(model)
    with torch.no_grad():
        assert torch.equal(classifier.logits(images), plain)


def test_nothing_stays_patched_after_an_exception(build: Build, images: torch.Tensor) -> None:
    model = build()
    with pytest.raises(_OnPurposeError), model.record_attention(range(model.depth)):
        model.encode_image(images)
        raise _OnPurposeError
    assert not _is_patched(model)


def test_probabilities_are_those_that_transformers_returns(
    build: Build, images: torch.Tensor
) -> None:
    model = build()
    module: Any = model.module
    module.set_attn_implementation("eager")
    with torch.no_grad():
        returned = module.vision_model(pixel_values=images, output_attentions=True).attentions
    with model.record_attention(range(model.depth)) as recorded:
        model.encode_image(images)
    assert len(returned) == 3
    for layer, expected in enumerate(returned):
        torch.testing.assert_close(recorded[layer].detach(), expected, atol=1e-6, rtol=0)


def test_the_pool_shows_where_it_looks(build: Build, images: torch.Tensor, kind: str) -> None:
    model = build()
    module: Any = model.module
    with model.record_attention([model.depth - 1]) as recorded:
        model.encode_image(images)
    found = recorded[model.depth - 1].detach()
    if kind == "clip":
        assert found.shape == (4, 2, 17, 17)
        return
    head = module.vision_model.head
    with torch.no_grad():
        tokens = module.vision_model(pixel_values=images).last_hidden_state
        probe = head.probe.repeat(4, 1, 1)
        _, expected = head.attention(probe, tokens, tokens, average_attn_weights=False)
    torch.testing.assert_close(found, expected, atol=1e-6, rtol=0)


class _Exact:
    """Run an image tower in float64, with nothing but tensor products."""

    def __init__(self, state: dict[str, torch.Tensor], kind: str) -> None:
        self.state = {key: value.double() for key, value in state.items()}
        self.is_clip = kind == "clip"
        self.recorded: list[torch.Tensor] = []
        """Each layer's probabilities, in the graph."""

    def image(self, images: torch.Tensor) -> torch.Tensor:
        x = self.embed(images)
        for index in range(3):
            x = self.block(x, f"vision_model.encoder.layers.{index}")
        x = self.norm(x, "vision_model.post_layernorm")
        return x[:, 0] @ self.state["visual_projection.weight"].T if self.is_clip else self.pool(x)

    def embed(self, images: torch.Tensor) -> torch.Tensor:
        name = "vision_model.embeddings"
        kernel = self.state[f"{name}.patch_embedding.weight"].flatten(1)
        x = F.unfold(images.double(), 8, stride=8).transpose(1, 2) @ kernel.T
        places = self.state[f"{name}.position_embedding.weight"]
        if not self.is_clip:
            return x + self.state[f"{name}.patch_embedding.bias"] + places
        first = self.state[f"{name}.class_embedding"].expand(len(images), 1, -1)
        return self.norm(torch.cat([first, x], dim=1) + places, "vision_model.pre_layrnorm")

    def block(self, x: torch.Tensor, name: str) -> torch.Tensor:
        h = self.norm(x, f"{name}.layer_norm1")
        query, key, value = (self.linear(h, f"{name}.self_attn.{part}_proj") for part in "qkv")
        x = x + self.linear(self.attend(query, key, value), f"{name}.self_attn.out_proj")
        return x + self.feed_forward(self.norm(x, f"{name}.layer_norm2"), f"{name}.mlp")

    def pool(self, x: torch.Tensor) -> torch.Tensor:
        name = "vision_model.head"
        weights = self.state[f"{name}.attention.in_proj_weight"].chunk(3)
        biases = self.state[f"{name}.attention.in_proj_bias"].chunk(3)
        probe = self.state[f"{name}.probe"].expand(len(x), -1, -1)
        query, key, value = (
            y @ weight.T + bias
            for y, weight, bias in zip((probe, x, x), weights, biases, strict=True)
        )
        x = self.linear(self.attend(query, key, value), f"{name}.attention.out_proj")
        return (x + self.feed_forward(self.norm(x, f"{name}.layernorm"), f"{name}.mlp"))[:, 0]

    def attend(self, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor) -> torch.Tensor:
        split = [x.view(*x.shape[:2], 2, 16).transpose(1, 2) for x in (query, key, value)]
        scores = split[0] @ split[1].transpose(2, 3) / math.sqrt(16)
        weights = scores.exp() / scores.exp().sum(-1, keepdim=True)
        self.recorded.append(weights if weights.requires_grad else weights.requires_grad_())
        return (weights @ split[2]).transpose(1, 2).flatten(2)

    def feed_forward(self, x: torch.Tensor, name: str) -> torch.Tensor:
        x = self.linear(x, f"{name}.fc1")
        if self.is_clip:
            x = x * torch.sigmoid(1.702 * x)
        else:
            x = x * (1 + torch.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))) / 2
        return self.linear(x, f"{name}.fc2")

    def linear(self, x: torch.Tensor, name: str) -> torch.Tensor:
        return x @ self.state[f"{name}.weight"].T + self.state[f"{name}.bias"]

    def norm(self, x: torch.Tensor, name: str) -> torch.Tensor:
        centred = x - x.mean(-1, keepdim=True)
        eps = 1e-5 if self.is_clip else 1e-6
        scaled = centred / (centred.square().mean(-1, keepdim=True) + eps).sqrt()
        return scaled * self.state[f"{name}.weight"] + self.state[f"{name}.bias"]


@pytest.mark.parametrize(("layers", "depth"), [("last", 1), ("all", None)])
def test_relevance_against_float64(
    classifier: Any, images: torch.Tensor, kind: str, layers: Any, depth: int | None
) -> None:
    """The chain of Chefer et al. by whole matrices, on attention computed step by step."""
    labels = torch.tensor([0, 1, 2, 0])
    attribution = make_generic_attention(GenericAttentionParams(layers=layers), Context())
    typed: Classifier = classifier
    found = attribution.explain(typed, images, labels).relevance.flatten(1)
    model = classifier.model
    exact = _Exact(model.module.state_dict(), kind)
    embedding = F.normalize(exact.image(images), dim=-1)
    texts = classifier.texts.double()
    score = (embedding * texts[labels]).sum() * model.logit_scale.item()
    recorded = exact.recorded
    gradients = torch.autograd.grad(score, recorded)
    chain = [
        (weights * gradient).clamp(min=0).mean(1).detach()
        for weights, gradient in zip(recorded, gradients, strict=True)
    ][-depth if depth else 0 :]
    tokens = recorded[0].shape[-1]
    row = torch.zeros(4, 1, tokens, dtype=torch.float64)
    if kind == "clip":
        row[:, :, 0] = 1
    else:
        row = chain.pop()  # the probe is none of the tokens
    for contribution in reversed(chain):
        row = row + row @ contribution
    expected = row[:, 0, model.prefix_tokens :]
    peak = expected.amax(1, keepdim=True)
    assert float(((found - expected).abs() / peak).max()) <= 5e-5


def test_unknown_attention_is_refused_by_name(build: Build) -> None:
    module: Any = build().module
    module.vision_model.encoder.layers[1].self_attn = nn.Identity()
    with pytest.raises(RatevalError, match=r"cannot be recorded: it is torch\.nn\.\S+\.Identity"):
        attention_layers(module.vision_model)


def test_layers_that_are_not_there(build: Build) -> None:
    model = build()
    with pytest.raises(RatevalError, match=f"no vision layer {model.depth}; there are"):
        model.record_attention([model.depth])
