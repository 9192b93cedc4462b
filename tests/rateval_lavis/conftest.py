"""These tests need salesforce-lavis: `make test-lavis` runs them in an environment of its own."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

from rateval.api import Context

if TYPE_CHECKING:
    from rateval_lavis.model import LavisModel

if importlib.util.find_spec("lavis") is None:
    collect_ignore_glob = ["test_*.py", "answering/*.py"]
else:
    # Imports timm without the warnings of its time, which open_clip would import with them.
    importlib.import_module("rateval_lavis.upstream")

GOLDEN = Path(__file__).parents[1] / "golden"
SIZE: dict[str, Any] = {
    "image_size": 64,
    "patch_size": 16,
    "width": 64,
    "depth": 4,
    "heads": 4,
    "text_width": 64,
    "text_layers": 2,
    "text_heads": 4,
    "text_intermediate": 128,
    "vocabulary_size": 120,
    "max_positions": 40,
    "embedding": 32,
}
"""The sizes of the golden ALBEF."""
Make = Callable[..., Any]


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no test reach for the network, however it is asked to."""

    def refuse(*_: Any, **__: Any) -> Any:
        raise AssertionError("a test reached for the network")

    monkeypatch.setattr("socket.socket.connect", refuse)
    monkeypatch.setattr("socket.getaddrinfo", refuse)


@pytest.fixture
def size() -> dict[str, Any]:
    return dict(SIZE)


@pytest.fixture
def albef() -> Callable[..., LavisModel]:
    """Make an ALBEF of the golden sizes; random weights of seed 0 unless told otherwise."""
    from rateval_lavis.model import make_albef
    from rateval_lavis.params import LavisAlbefParams

    def make(*, seed: int = 0, dtype: str = "float32", **params: Any) -> LavisModel:
        values = {"pretrained": "random", "size": dict(SIZE)} | params
        return make_albef(LavisAlbefParams(**values), Context(seed=seed, dtype=dtype))

    return make


@pytest.fixture
def blip() -> Callable[..., LavisModel]:
    """Make a BLIP of the golden sizes; random weights of seed 0 unless told otherwise."""
    from rateval_lavis.model import make_blip
    from rateval_lavis.params import LavisBlipParams

    def make(*, seed: int = 0, dtype: str = "float32", **params: Any) -> LavisModel:
        values = {"pretrained": "random", "size": dict(SIZE)} | params
        return make_blip(LavisBlipParams(**values), Context(seed=seed, dtype=dtype))

    return make


@pytest.fixture(params=["albef", "blip"])
def make(request: pytest.FixtureRequest) -> Make:
    """Make either of the two."""
    maker: Make = request.getfixturevalue(request.param)
    return maker


@pytest.fixture(scope="session")
def given() -> dict[str, torch.Tensor]:
    """What the golden ALBEF was given."""
    with np.load(GOLDEN / "albef_inputs.npz") as file:
        arrays = {key: torch.from_numpy(file[key]) for key in file}
    return {k: v.float() if v.is_floating_point() else v.long() for k, v in arrays.items()}


@pytest.fixture
def images(given: dict[str, torch.Tensor]) -> torch.Tensor:
    return given["images"]


@pytest.fixture
def ids(given: dict[str, torch.Tensor]) -> torch.Tensor:
    return given["input_ids"]


@pytest.fixture
def golden_weights() -> Path:
    return GOLDEN / "albef.safetensors"


@pytest.fixture
def vocabulary(tmp_path: Path) -> Path:
    """Write a WordPiece vocabulary of 120 words: BERT's special ones, letters, some whole words."""
    letters = [chr(ord("a") + index) for index in range(26)]
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *letters, *(f"##{letter}" for letter in letters)]
    words += ["photo", "of", "sea", "dog", "yellow", "taxi", "the", "open", "on", "carrier"]
    words += [f"[unused{index}]" for index in range(120 - len(words))]
    path = tmp_path / "vocab.txt"
    path.write_text("\n".join(words) + "\n", encoding="utf-8")
    return path


@pytest.fixture
def official() -> Callable[[Any], dict[str, torch.Tensor]]:
    """Return a function that draws every weight of a LAVIS module at a scale that can be seen."""

    def draw(module: torch.nn.Module) -> dict[str, torch.Tensor]:
        generator = torch.Generator().manual_seed(11)
        state = {}
        for key, value in module.state_dict().items():
            noise = torch.randn(value.shape, generator=generator)
            if not value.is_floating_point():
                state[key] = value
            elif key == "temp":
                state[key] = torch.tensor(0.05)
            else:
                scale = 0.02 if value.ndim < 2 else value[0].numel() ** -0.5
                state[key] = scale * noise + float("orm" in key and key.endswith("weight"))
        return state

    return draw
