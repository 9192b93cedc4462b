"""OpenAI's TorchScript archives give their weights, and nothing in them ever runs."""

from __future__ import annotations

import pickle
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from rateval.api import RatevalError
from rateval_clip.checkpoint import read_state_dict
from rateval_clip.model import Clip

Build = Callable[..., Clip]
State = dict[str, torch.Tensor]


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
    build: Build, archive: Path, state: State, dtype: str
) -> None:
    model = build(pretrained=str(archive), dtype=dtype)
    for key, value in model.module.state_dict().items():
        assert value.dtype == getattr(torch, dtype)
        assert torch.equal(value, state[key].half().to(value.dtype))
    assert model.encode_image(torch.zeros(1, 3, 32, 32)).isfinite().all()


def test_the_card_counts_the_keys(build: Build, archive: Path, state: State) -> None:
    card = build(pretrained=str(archive)).card
    assert card.checkpoint == str(archive)
    assert card.keys_used == len(state)
    assert set(card.keys_ignored) == {"input_resolution", "context_length", "vocab_size"}


def test_the_program_of_an_archive_is_not_read(archive: Path, state: State) -> None:
    broken = archive.with_name("broken.pt")
    with zipfile.ZipFile(archive) as old, zipfile.ZipFile(broken, "w") as new:
        for name in old.namelist():
            code = "/code/" in name
            new.writestr(name, "raise SystemExit" if code else old.read(name))
    with pytest.raises(RuntimeError):
        _load_by_torch(broken)
    found = read_state_dict(broken)
    assert all(torch.equal(found[key], state[key].half()) for key in state)


class Touch:
    """Create the file it names when unpickled."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return Path.touch, (self.target,)


def test_an_archive_with_code_in_its_pickle_is_refused_unexecuted(
    build: Build, tmp_path: Path
) -> None:
    path, target = tmp_path / "weights.pt", tmp_path / "created"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("weights/constants.pkl", b"")
        archive.writestr("weights/data.pkl", pickle.dumps({"x": Touch(target)}))
    with pytest.raises(RatevalError, match="refused, and nothing in it was executed: it names "):
        build(pretrained=str(path))
    assert not target.exists()


def test_an_archive_cut_anywhere(archive: Path) -> None:
    whole = archive.read_bytes()
    for cut in range(0, len(whole), len(whole) // 11):
        archive.write_bytes(whole[:cut])
        with pytest.raises(RatevalError):
            read_state_dict(archive)


@pytest.mark.parametrize("change", ["short", "absent", "empty"])
def test_a_weight_without_its_numbers(archive: Path, change: str) -> None:
    damaged = archive.with_name("damaged.pt")
    with zipfile.ZipFile(archive) as old, zipfile.ZipFile(damaged, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            if name.endswith("/data/3"):
                if change == "absent":
                    continue
                content = content[: len(content) // 2 if change == "short" else 0]
            new.writestr(name, content)
    with pytest.raises(RatevalError, match="not a readable torch file, perhaps damaged"):
        read_state_dict(damaged)
