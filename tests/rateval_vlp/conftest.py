from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from rateval.api import Context
from rateval_vlp.model import ImageTextModel, make_albef, make_blip
from rateval_vlp.params import AlbefParams, BlipParams

WORDS = (
    "[PAD]",
    "[UNK]",
    "[CLS]",
    "[SEP]",
    "a",
    "photo",
    "of",
    "dog",
    "yellow",
    "taxi",
    "air",
    "##craft",
    "carrier",
    "on",
    "the",
    "open",
    "sea",
    "cat",
)
TINY: dict[str, Any] = {
    "image_size": 32,
    "patch_size": 8,
    "width": 32,
    "depth": 3,
    "heads": 2,
    "text_width": 24,
    "text_layers": 2,
    "text_heads": 2,
    "text_intermediate": 40,
    "vocabulary_size": len(WORDS),
    "max_positions": 36,
    "embedding": 12,
}
Build = Callable[..., ImageTextModel]
State = dict[str, torch.Tensor]


@pytest.fixture
def size() -> dict[str, Any]:
    return dict(TINY)


@pytest.fixture
def vocabulary(tmp_path: Path) -> Path:
    path = tmp_path / "vocab.txt"
    path.write_text("\n".join(WORDS) + "\n", encoding="utf-8")
    return path


@pytest.fixture
def albef(vocabulary: Path) -> Build:
    """Make a tiny ALBEF; weights from seed 0 unless `pretrained` says otherwise."""

    def make(*, dtype: str = "float32", seed: int = 0, **params: Any) -> ImageTextModel:
        values = {"size": TINY, "pretrained": "random", "vocabulary": str(vocabulary)} | params
        return make_albef(AlbefParams(**values), Context(dtype=dtype, seed=seed))

    return make


@pytest.fixture
def blip(vocabulary: Path) -> Build:
    """Make a tiny BLIP; weights from seed 0 unless `pretrained` says otherwise."""

    def make(*, dtype: str = "float32", seed: int = 0, **params: Any) -> ImageTextModel:
        values = {"size": TINY, "pretrained": "random", "vocabulary": str(vocabulary)} | params
        return make_blip(BlipParams(**values), Context(dtype=dtype, seed=seed))

    return make


@pytest.fixture(params=["albef", "blip"])
def build(request: pytest.FixtureRequest) -> Build:
    made: Build = request.getfixturevalue(request.param)
    return made


@pytest.fixture
def images() -> torch.Tensor:
    return torch.randn(4, 3, 32, 32, generator=torch.Generator().manual_seed(1))


@pytest.fixture
def ids() -> torch.Tensor:
    """Three prompts of 6, 4 and 3 tokens."""
    return torch.tensor([[2, 4, 5, 6, 7, 3], [2, 4, 17, 3, 0, 0], [2, 7, 3, 0, 0, 0]])


@pytest.fixture
def state(build: Build) -> State:
    """Weights other than those of seed 0, in float32."""
    weights: State = build(seed=7).module.state_dict()
    return weights


@pytest.fixture
def save(tmp_path: Path) -> Callable[[State], str]:
    def save_weights(state: State) -> str:
        path = tmp_path / "weights.safetensors"
        save_file({key: value.clone() for key, value in state.items()}, path)
        return str(path)

    return save_weights


@pytest.fixture
def official() -> Callable[[State, str], State]:
    """Put a dual encoder's weights among everything else that the released checkpoints hold."""

    def complete(state: State, family: str) -> State:
        everything = dict(state)
        width = state["text_proj.weight"].shape[1]
        layers = 1 + max(int(key.split(".")[3]) for key in state if ".encoder.layer." in key)
        crossed = range(layers, 2 * layers) if family == "albef" else range(layers)
        for layer in crossed:
            if family == "albef":
                everything |= {
                    key.replace("layer.0.", f"layer.{layer}."): value
                    for key, value in state.items()
                    if key.startswith("text_encoder.encoder.layer.0.")
                }
            prefix = f"text_encoder.encoder.layer.{layer}.crossattention."
            everything[f"{prefix}self.key.weight"] = torch.randn(width, width)
        everything |= {
            key.replace(part, f"{part}_m", 1): value + 1
            for key, value in everything.items()
            for part in ("visual_encoder", "text_encoder", "vision_proj", "text_proj")
            if key.startswith(f"{part}.") and value.ndim == 1
        }
        everything |= {
            "image_queue": torch.randn(4, 8),
            "text_queue": torch.randn(4, 8),
            "queue_ptr": torch.zeros(1, dtype=torch.int64),
            "itm_head.weight": torch.randn(2, width),
            "itm_head.bias": torch.randn(2),
            "text_encoder.embeddings.position_ids": torch.arange(36)[None],
        }
        if family == "blip":
            return everything | {"text_decoder.cls.predictions.bias": torch.randn(5)}
        bert = {
            re.sub(r"^(text_encoder(_m)?)\.", r"\1.bert.", key): value
            for key, value in everything.items()
        }
        return bert | {"text_encoder.cls.predictions.bias": torch.randn(5)}

    return complete
