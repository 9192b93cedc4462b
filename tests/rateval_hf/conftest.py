from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from torch import nn
from torch.nn import functional as F
from transformers import (
    CLIPConfig,
    CLIPModel,
    PreTrainedTokenizerFast,
    SiglipConfig,
    SiglipModel,
)

from rateval.api import Classifier, Context
from rateval_hf.model import HfClip, make_hf_clip
from rateval_hf.params import HfClipParams

WORDS = ("<pad>", "<unk>", "a", "photo", "of", "dog", "yellow", "taxi", "aircraft", "sea", "</s>")
VISION: dict[str, Any] = {
    "image_size": 32,
    "patch_size": 8,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 3,
    "num_attention_heads": 2,
}
TEXT: dict[str, Any] = {
    "vocab_size": len(WORDS),
    "hidden_size": 32,
    "intermediate_size": 40,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "max_position_embeddings": 9,
    "pad_token_id": 0,
    "bos_token_id": 2,
    "eos_token_id": len(WORDS) - 1,
}


def _module(kind: str) -> nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(4)
        if kind == "clip":
            config = CLIPConfig(vision_config=VISION, text_config=TEXT, projection_dim=12)
            module: nn.Module = CLIPModel(config)
        else:
            module = SiglipModel(SiglipConfig(vision_config=VISION, text_config=TEXT))
        with torch.no_grad():
            for name, weight in module.named_parameters():
                if weight.ndim and "logit" not in name:
                    weight.add_(0.1 * torch.randn_like(weight))
    return module.eval()


def _tokenizer() -> Any:
    vocabulary = {word: index for index, word in enumerate(WORDS)}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="$A </s>", special_tokens=[("</s>", vocabulary["</s>"])]
    )
    make: Any = PreTrainedTokenizerFast
    return make(tokenizer_object=tokenizer, pad_token="<pad>", unk_token="<unk>", eos_token="</s>")


@pytest.fixture(scope="session", params=["clip", "siglip"])
def kind(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture(scope="session")
def upstream(kind: str) -> Any:
    """The model that transformers itself built and saved."""
    return _module(kind)


@pytest.fixture
def folder(tmp_path: Path, upstream: Any, kind: str) -> Path:
    path = tmp_path / f"tiny-{kind}"
    upstream.save_pretrained(path)
    _tokenizer().save_pretrained(path)
    settings: dict[str, Any] = {
        "do_resize": True,
        "size": {"shortest_edge": 32} if kind == "clip" else {"height": 32, "width": 32},
        "resample": 3,
        "rescale_factor": 1 / 255,
        "image_mean": [0.4, 0.5, 0.6],
        "image_std": [0.2, 0.3, 0.25],
    }
    if kind == "clip":
        settings |= {"do_center_crop": True, "crop_size": {"height": 32, "width": 32}}
    (path / "preprocessor_config.json").write_text(json.dumps(settings), encoding="utf-8")
    return path


@pytest.fixture
def build(folder: Path) -> Callable[..., HfClip]:
    def make(*, dtype: str = "float32", **params: Any) -> HfClip:
        return make_hf_clip(HfClipParams(folder=str(folder), **params), Context(dtype=dtype))

    return make


@pytest.fixture
def edit(folder: Path) -> Callable[[str, dict[str, Any]], None]:
    """Change keys of one of the folder's JSON files; a table is merged, None removes a key."""

    def change(name: str, changes: dict[str, Any]) -> None:
        path = folder / name
        content = json.loads(path.read_text(encoding="utf-8"))
        for key, value in changes.items():
            if value is None:
                content.pop(key, None)
            elif isinstance(value, dict) and key.endswith("_config"):
                merged = content[key] | value
                content[key] = {k: v for k, v in merged.items() if v is not None}
            else:
                content[key] = value
        path.write_text(json.dumps(content), encoding="utf-8")

    return change


@pytest.fixture
def images() -> torch.Tensor:
    return torch.randn(4, 3, 32, 32, generator=torch.Generator().manual_seed(1))


@pytest.fixture
def ids() -> torch.Tensor:
    return torch.tensor(
        [[2, 3, 4, 2, 5, 10, 0, 0, 0], [2, 6, 7, 10, 0, 0, 0, 0, 0], [9, 10, 0, 0, 0, 0, 0, 0, 0]]
    )


class Cosine:
    """Classify by the scaled cosine of image and prompt."""

    def __init__(self, model: HfClip, ids: torch.Tensor) -> None:
        self.model = model
        with torch.no_grad():
            self.texts = F.normalize(model.encode_text(ids), dim=-1)

    def logits(self, images: torch.Tensor) -> torch.Tensor:
        embedding = F.normalize(self.model.encode_image(images), dim=-1)
        return self.model.logit_scale * embedding @ self.texts.T

    decision = None

    def state(self) -> dict[str, torch.Tensor]:
        return {}


@pytest.fixture
def by_cosine() -> Callable[[HfClip, torch.Tensor], Classifier]:
    return Cosine
