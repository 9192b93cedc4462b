"""LeGrad's maps equal the paper's formula, worked out in float64 from open_clip's bare weights."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest
import torch
from torch.nn import functional as F

import rateval
from rateval.api import Context, Model, RatevalError
from rateval.testing import tiny_classifier
from rateval_clip.model import make_clip
from rateval_clip.params import ClipParams

COUNT, CLASSES = 3, 4


class Decider:
    """A classifier by rows (K, D) on the embedding, brought to unit length or not."""

    decision = None

    def __init__(self, model: Model, rows: torch.Tensor, bias: float, *, unit: bool) -> None:
        self.model, self.rows, self.bias, self.unit = model, rows, bias, unit

    def logits(self, images: torch.Tensor) -> torch.Tensor:
        z = self.model.encode_image(images)
        return (F.normalize(z, dim=-1) if self.unit else z) @ self.rows.T + self.bias

    def state(self) -> dict[str, torch.Tensor]:
        return {}


@pytest.fixture(scope="module")
def clip() -> Model:
    return make_clip(ClipParams(), Context())


@pytest.fixture(scope="module")
def images() -> torch.Tensor:
    return torch.randn(COUNT, 3, 64, 64, generator=torch.Generator().manual_seed(3))


def published(visual: Any, image: torch.Tensor, row: torch.Tensor, *, unit: bool) -> torch.Tensor:
    """Return sum_l mean_h mean_q relu(ds_l / dA_l) over the patches, s_l = row . z_l."""
    x = visual.conv1(image[None]).flatten(2).transpose(1, 2)
    x = torch.cat([visual.class_embedding[None, None], x], dim=1) + visual.positional_embedding
    x = visual.ln_pre(x)[0]
    total = torch.zeros(len(x), dtype=torch.float64)
    for block in visual.transformer.resblocks:
        heads = block.attn.num_heads
        weight, bias = block.attn.in_proj_weight, block.attn.in_proj_bias
        q, k, v = (
            part.reshape(len(x), heads, -1).permute(1, 0, 2)
            for part in (block.ln_1(x) @ weight.T + bias).chunk(3, dim=-1)
        )
        attention = (q @ k.mT / k.shape[-1] ** 0.5).softmax(-1).detach().requires_grad_()
        mixed = (attention @ v).permute(1, 0, 2).reshape(len(x), -1)
        x = x + mixed @ block.attn.out_proj.weight.T + block.attn.out_proj.bias
        x = x + block.mlp(block.ln_2(x))
        z = visual.ln_post(x.mean(0)) @ visual.proj
        score = row @ (z / z.norm() if unit else z)
        (slope,) = torch.autograd.grad(score, attention)
        for head in range(heads):
            for query in range(len(x)):
                total += slope[head, query].clamp(min=0) / (heads * len(x))
        x = x.detach()
    return total[1:]


def double(visual: torch.nn.Module) -> torch.nn.Module:
    return deepcopy(visual).double().requires_grad_(False)


@pytest.mark.parametrize("decided_by", ["prompts", "head", "head of unit length"])
def test_equals_the_published_formula(clip: Any, images: torch.Tensor, decided_by: str) -> None:
    names = ["circle", "square", "star", "heart"]
    if decided_by == "prompts":
        with torch.no_grad():
            prompts = [prompts[0] for prompts in clip.prompts(names)]
            classes = F.normalize(clip.encode_text(prompts), dim=-1)
        # The paper's score has no factor on the cosine.
        factor, rows, bias, unit = float(clip.logit_scale.detach()), classes, 0.0, True
    else:
        width = clip.encode_image(images[:1]).shape[1]
        rows = torch.randn(CLASSES, width, generator=torch.Generator().manual_seed(5))
        factor, bias, unit = 1.0, 0.5, decided_by != "head"
    classifier = Decider(clip, factor * rows, bias, unit=unit)
    labels = torch.tensor([0, 3, 1])
    found = rateval.create("attribution", "legrad").explain(classifier, images, labels)
    visual = double(clip.module.visual)
    for image, label, relevance in zip(images, labels, found.relevance, strict=True):
        expected = published(visual, image.double(), rows[label].double(), unit=unit)
        off = (relevance.flatten().double() / factor - expected).abs().max() / expected.max()
        assert float(expected.max()) > 0
        assert float(off) < 1e-4
    torch.testing.assert_close(found.logits, classifier.logits(images), atol=1e-4, rtol=1e-4)


def test_the_margin_is_of_the_layers_own_scores(clip: Any, images: torch.Tensor) -> None:
    rows = torch.randn(CLASSES, clip.encode_image(images[:1]).shape[1])
    classifier, labels = Decider(clip, rows, 0.0, unit=True), torch.tensor([0, 3, 1])
    found = rateval.create("attribution", "legrad", score="margin", target="prediction").explain(
        classifier, images, labels
    )
    visual = double(clip.module.visual)
    predicted = classifier.logits(images).argmax(1)
    for image, label, relevance in zip(images, predicted, found.relevance, strict=True):
        row = (rows[label] - rows.mean(0)).double()
        expected = published(visual, image.double(), row, unit=True)
        assert float((relevance.flatten() - expected).abs().max() / expected.max()) < 1e-4


def test_a_model_that_gives_no_tokens_is_refused() -> None:
    classifier = tiny_classifier()

    class Closed:
        def __getattr__(self, name: str) -> Any:
            if name in ("record_blocks", "read_tokens"):
                raise AttributeError(name)
            return getattr(classifier.model, name)

    refused = Decider(Closed(), torch.ones(3, 12), 0.0, unit=False)
    with pytest.raises(RatevalError, match=r"legrad: Closed of tiny gives no tokens .* take gen"):
        rateval.create("attribution", "legrad").explain(
            refused, torch.zeros(1, 3, 24, 32), torch.zeros(1, dtype=torch.int64)
        )
