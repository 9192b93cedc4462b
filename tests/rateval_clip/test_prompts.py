"""Ensembles of prompts with CLIP equal open_clip's own zero-shot classifier."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from open_clip import OPENAI_IMAGENET_TEMPLATES, build_zero_shot_classifier

from rateval.api import Attribution, Classifier, Context
from rateval.testing import RecordingLogbook
from rateval_attention.attention.generic import make_generic_attention
from rateval_attention.params import GenericAttentionParams
from rateval_clip.model import Clip, make_clip
from rateval_clip.params import ClipParams
from rateval_finetune.methods.zero_shot import make_zero_shot
from rateval_finetune.params import ZsParams

CLASSES = ("cup", "kite", "star", "traffic light")


@pytest.fixture(scope="module")
def clip() -> Clip:
    return make_clip(ClipParams(prompt="openai-imagenet"), Context())


@pytest.fixture(scope="module")
def classifier(clip: Clip) -> Classifier:
    return make_zero_shot(ZsParams(), Context()).fit(clip, None, CLASSES, RecordingLogbook())


@pytest.fixture(scope="module")
def published(clip: Clip) -> torch.Tensor:
    """What open_clip makes of the same templates: (D, K)."""
    tokens: Any = clip.tokenizer
    with torch.no_grad():
        made = build_zero_shot_classifier(clip.module, tokens, CLASSES, OPENAI_IMAGENET_TEMPLATES)
    assert isinstance(made, torch.Tensor)
    return made


@pytest.fixture
def images(clip: Clip) -> torch.Tensor:
    size = clip.image_size
    return torch.randn(3, 3, *size, generator=torch.Generator().manual_seed(1))


def test_logits(
    clip: Clip, classifier: Classifier, published: torch.Tensor, images: torch.Tensor
) -> None:
    with torch.no_grad():
        seen = torch.nn.functional.normalize(clip.encode_image(images), dim=-1)
        expected = clip.logit_scale * seen @ published
        torch.testing.assert_close(classifier.logits(images), expected, rtol=0, atol=1e-4)
        alone = make_clip(ClipParams(), Context())
        one = make_zero_shot(ZsParams(), Context()).fit(alone, None, CLASSES, RecordingLogbook())
        assert (one.logits(images) - expected).abs().max() > 0.05


class ByOpenClip:
    """Score images by open_clip's classifier."""

    decision = None

    def __init__(self, model: Clip, classes: torch.Tensor) -> None:
        self.model = model
        self._classes = classes

    def logits(self, images: torch.Tensor) -> torch.Tensor:
        seen = torch.nn.functional.normalize(self.model.encode_image(images), dim=-1)
        return self.model.logit_scale * seen @ self._classes

    def state(self) -> dict[str, torch.Tensor]:
        return {}


def test_relevance_is_that_of_the_class_embedding(
    clip: Clip, classifier: Classifier, published: torch.Tensor, images: torch.Tensor
) -> None:
    explainer: Attribution = make_generic_attention(GenericAttentionParams(), Context())
    labels = torch.tensor([3, 0, 1])
    found = explainer.explain(classifier, images, labels).relevance
    expected = explainer.explain(ByOpenClip(clip, published), images, labels).relevance
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-6)
    assert found.flatten(1).amax(1).min() > 0
