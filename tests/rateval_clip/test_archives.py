"""OpenAI's TorchScript archives give their weights."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from rateval.modelkit import read_state_dict
from rateval_clip.model import Clip

Build = Callable[..., Clip]
State = dict[str, torch.Tensor]
QUICK = {"quick_gelu": True}
"""What all of OpenAI's models have."""


class Meta(nn.Module):
    """Hold what OpenAI's archives carry beside the weights, under their names."""

    def __init__(self, clip: nn.Module) -> None:
        super().__init__()
        for name, part in clip.named_children():
            self.add_module(name, part)
        for name, weight in clip.named_parameters(recurse=False):
            self.register_parameter(name, weight)
        self.register_buffer("input_resolution", torch.tensor(32))
        self.register_buffer("context_length", torch.tensor(8))
        self.register_buffer("vocab_size", torch.tensor(20))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        visual: Any = self.visual
        embedding: torch.Tensor = visual(images)
        return embedding + self.input_resolution * 0  # type: ignore[operator]  # a tensor


def _load_by_torch(path: Path) -> Any:
    with warnings.catch_warnings():
        # TorchScript is on its way out; the files that it wrote are not.
        warnings.simplefilter("ignore")
        return torch.jit.load(  # type: ignore[no-untyped-call]  # torch leaves it untyped
            str(path), map_location="cpu"
        )


@pytest.fixture
def archive(build: Build, tmp_path: Path) -> Path:
    path = tmp_path / "ViT-tiny.pt"
    module = Meta(build(seed=7).module).half()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        traced = torch.jit.trace(  # type: ignore[no-untyped-call]  # torch leaves it untyped
            module, torch.zeros(1, 3, 32, 32).half(), check_trace=False
        )
        traced.save(str(path))
    return path


def test_an_archive_gives_its_state_dict(archive: Path, state: State) -> None:
    found = read_state_dict(archive)
    expected = _load_by_torch(archive).state_dict()
    assert expected.keys() <= found.keys()
    for key, value in expected.items():
        assert torch.equal(found[key], value)
        assert found[key].dtype == value.dtype
    assert found["visual.proj"].dtype == torch.float16
    assert state.keys() <= found.keys()


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_half_precision_weights_take_the_dtype_of_the_context(
    build: Build, config: dict[str, Any], archive: Path, state: State, dtype: str
) -> None:
    model = build(architecture=config | QUICK, pretrained=str(archive), dtype=dtype)
    for key, value in model.module.state_dict().items():
        assert value.dtype == getattr(torch, dtype)
        assert torch.equal(value, state[key].half().to(value.dtype))
    assert model.encode_image(torch.zeros(1, 3, 32, 32)).isfinite().all()


def test_the_card_counts_the_keys(
    build: Build, config: dict[str, Any], archive: Path, state: State
) -> None:
    card = build(architecture=config | QUICK, pretrained=str(archive)).card
    assert card.checkpoint == str(archive)
    assert card.keys_used == len(state)
    assert set(card.keys_ignored) == {"input_resolution", "context_length", "vocab_size"}
