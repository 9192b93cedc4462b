"""Folders of transformers' CLIP and adapters on it, recognised for `rateval init`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from rateval.errors import RatevalError
from rateval.modelkit import Clues
from rateval_hf.detection import detect


def clues_of(folder: Path, **more: Any) -> Clues:
    file = folder / "model.safetensors"
    weights = more.pop("weights", None) or load_file(file)
    return Clues(checkpoint=folder, file=file, weights=weights, **more)


@pytest.fixture
def cached(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder in a cache of Hugging Face, as me/mine."""
    place = tmp_path / "hub" / "models--me--mine" / "snapshots" / "1"
    place.parent.mkdir(parents=True)
    place.symlink_to(folder)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    return place


@pytest.fixture(autouse=True)
def no_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "none"))


def test_a_folder_alone(folder: Path) -> None:
    guess = detect(clues_of(folder))
    assert guess is not None
    assert (guess.params, guess.pristine, guess.lacks) == ({"folder": str(folder)}, False, "")
    assert "--base" in guess.unknown[0]


def test_its_base_in_the_cache(folder: Path, cached: Path) -> None:
    moved = {key: value * 1.01 for key, value in load_file(folder / "model.safetensors").items()}
    guess = detect(clues_of(folder, weights=moved))
    assert guess is not None
    assert guess.params == {"folder": str(cached)}
    assert guess.pristine
    guess = detect(clues_of(folder, base="me/mine"))
    assert guess is not None
    assert guess.params == {"folder": str(cached)}
    with pytest.raises(RatevalError, match="--base me/other: neither a folder"):
        detect(clues_of(folder, base="me/other"))


def test_an_adapter(folder: Path) -> None:
    name = "base_model.model.vision_model.encoder.layers.0.self_attn.q_proj.lora_A.weight"
    clues = clues_of(folder, weights={name: torch.zeros(1, 1)})
    guess = detect(clues)
    assert guess is not None
    assert "name its folder by --base" in guess.lacks
    guess = detect(clues_of(folder, weights={name: torch.zeros(1, 1)}, base=str(folder)))
    assert guess is not None
    assert (guess.params, guess.lacks) == ({"folder": str(folder)}, "")


def test_weights_without_their_config(folder: Path, tmp_path: Path) -> None:
    weights = load_file(folder / "model.safetensors")
    clues = Clues(checkpoint=tmp_path, file=tmp_path / "a.pt", weights=weights)
    guess = detect(clues)
    assert guess is not None
    assert "config.json, image processor and tokenizer beside it" in guess.lacks


def test_other_models_are_not_taken(folder: Path) -> None:
    blip = {"vision_model.embeddings.patch_embedding.weight": torch.zeros(1), "text_proj.weight": 0}
    assert detect(clues_of(folder, weights=blip)) is None
    assert detect(Clues()) is None
    assert json.loads((folder / "config.json").read_text())["model_type"] in ("clip", "siglip")
