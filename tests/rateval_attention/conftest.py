from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch.nn import functional as F

from rateval.api import Classifier, Context, Model
from rateval_clip.model import Clip, make_clip
from rateval_clip.params import ClipParams

TINY: dict[str, Any] = {
    "embed_dim": 12,
    "quick_gelu": True,
    "vision_cfg": {
        "image_size": [24, 32],
        "patch_size": 8,
        "width": 32,
        "head_width": 16,
        "layers": 3,
    },
    "text_cfg": {"context_length": 8, "vocab_size": 20, "width": 16, "heads": 2, "layers": 1},
}


class CosineClassifier:
    """Score by the scaled cosine of image and class embedding, as zero-shot does."""

    def __init__(self, model: Model, classes: torch.Tensor) -> None:
        self.model = model
        self.classes = F.normalize(classes, dim=-1)

    def logits(self, images: torch.Tensor) -> torch.Tensor:
        embedding = F.normalize(self.model.encode_image(images), dim=-1)
        return self.model.logit_scale * embedding @ self.classes.T

    decision = None

    def state(self) -> dict[str, torch.Tensor]:
        return {}


class LinearClassifier:
    """Score by a linear head on the model's features."""

    def __init__(self, model: Model, weight: torch.Tensor, bias: torch.Tensor) -> None:
        self.model = model
        self.weight = weight
        self.bias = bias

    def logits(self, images: torch.Tensor) -> torch.Tensor:
        return F.linear(self.model.features(images), self.weight, self.bias)

    decision = None

    def state(self) -> dict[str, torch.Tensor]:
        return {"weight": self.weight, "bias": self.bias}


@pytest.fixture
def cosine() -> Callable[[Model, torch.Tensor], Classifier]:
    return CosineClassifier


@pytest.fixture
def linear() -> Callable[[Model, torch.Tensor, torch.Tensor], Classifier]:
    return LinearClassifier


@pytest.fixture
def make_model() -> Callable[[str], Clip]:
    """Make a tiny CLIP of 3 layers and 3 x 4 patches, its attention far from uniform."""

    def make(dtype: str) -> Clip:
        params = ClipParams(architecture=copy.deepcopy(TINY), pretrained="random")
        clip = make_clip(params, Context(seed=3, dtype=dtype))
        with torch.no_grad():
            for name, weight in clip.image_tower.named_parameters():
                if name.endswith("in_proj_weight"):
                    weight.mul_(4)
        return clip

    return make


@pytest.fixture
def model(make_model: Callable[[str], Clip]) -> Clip:
    return make_model("float32")


@pytest.fixture
def classes() -> torch.Tensor:
    return torch.randn(6, 12, generator=torch.Generator().manual_seed(11))


@pytest.fixture
def images() -> torch.Tensor:
    return torch.randn(5, 3, 24, 32, generator=torch.Generator().manual_seed(1))


@pytest.fixture
def labels() -> torch.Tensor:
    return torch.tensor([3, 0, 5, 1, 3])
