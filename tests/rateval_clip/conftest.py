from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from rateval.api import Context
from rateval_clip.model import Clip, make_clip
from rateval_clip.params import ClipParams

TINY: dict[str, Any] = {
    "embed_dim": 12,
    "vision_cfg": {
        "image_size": 32,
        "patch_size": 8,
        "width": 32,
        "head_width": 16,
        "layers": 3,
    },
    "text_cfg": {"context_length": 8, "vocab_size": 20, "width": 16, "heads": 2, "layers": 1},
}


@pytest.fixture
def config() -> dict[str, Any]:
    return copy.deepcopy(TINY)


@pytest.fixture
def build() -> Callable[..., Clip]:
    """Make a tiny CLIP; weights from seed 0 unless `pretrained` says otherwise."""

    def make(*, dtype: str = "float32", seed: int = 0, **params: Any) -> Clip:
        values = {"architecture": copy.deepcopy(TINY), "pretrained": "random"} | params
        return make_clip(ClipParams(**values), Context(dtype=dtype, seed=seed))

    return make


@pytest.fixture
def write_spec() -> Callable[[str], None]:
    """Write ``spec.toml`` here: zero-shot with ``config.json`` and the weights of a file beside."""

    def write(weights: str) -> None:
        Path("spec.toml").write_text(
            f"""
            [study]
            name = "small"
            [[dataset]]
            use = "shapes"
            train_size = 8
            test_size = 8
            [[model]]
            use = "clip"
            architecture = "./config.json"
            pretrained = "./{weights}"
            [[finetune]]
            use = "zs"
            [run]
            device = "cpu"
            """
        )

    return write


@pytest.fixture
def images() -> torch.Tensor:
    return torch.randn(5, 3, 32, 32, generator=torch.Generator().manual_seed(1))


@pytest.fixture
def state(build: Callable[..., Clip]) -> dict[str, torch.Tensor]:
    """Weights of a tiny CLIP other than those of seed 0."""
    weights: dict[str, torch.Tensor] = build(seed=7).module.state_dict()
    return weights


@pytest.fixture
def saved(tmp_path: Path, state: dict[str, torch.Tensor]) -> Path:
    path = tmp_path / "weights.safetensors"
    save_file(state, path)
    return path
