"""Folders as transformers and peft write them."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import peft
import pytest
import torch

from rateval.api import Context
from rateval.testing import RecordingLogbook
from rateval_finetune.methods.checkpoint import make_checkpoint
from rateval_finetune.params import CheckpointParams
from rateval_hf.model import HfClip

Build = Callable[..., HfClip]


def load(path: Path, model: HfClip) -> Any:
    loader = make_checkpoint(CheckpointParams(path=path), Context())
    return loader.fit(model, None, ("dog", "taxi"), RecordingLogbook()).model


def other(upstream: Any) -> Any:
    module = copy.deepcopy(upstream)
    with torch.no_grad():
        for weight in module.parameters():
            weight.mul_(1.1)
    return module


def test_shards_that_transformers_wrote(
    build: Build, folder: Path, upstream: Any, images: torch.Tensor, tmp_path: Path
) -> None:
    tuned, large = other(upstream), tmp_path / "large"
    tuned.save_pretrained(large, max_shard_size="20KB")
    assert len(list(large.glob("*.safetensors"))) > 1
    expected = tuned.state_dict()
    found = load(large, build()).module.state_dict()
    assert all(found[key].equal(expected[key]) for key in expected)
    # As the model's own folder, too.
    (folder / "model.safetensors").unlink()
    for file in (*large.glob("*.safetensors"), *large.glob("*.index.json")):
        file.rename(folder / file.name)
    found = build().module.state_dict()
    assert all(found[key].equal(expected[key]) for key in expected)


@pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning")
@pytest.mark.parametrize("whole", [True, False])
def test_an_adapter_of_the_attention(
    build: Build, upstream: Any, images: torch.Tensor, tmp_path: Path, whole: bool
) -> None:
    names = ["q_proj", "k_proj", "v_proj", "fc1"]
    config = peft.LoraConfig(r=3, lora_alpha=6, target_modules=names, init_lora_weights=False)
    base = copy.deepcopy(upstream) if whole else copy.deepcopy(upstream.vision_model)
    theirs: Any = peft.get_peft_model(base, config)
    theirs.save_pretrained(tmp_path / "adapter")
    merged = theirs.merge_and_unload()
    module = load(tmp_path / "adapter", build()).module
    found, expected = (module if whole else module.vision_model).state_dict(), merged.state_dict()
    assert found.keys() == expected.keys()
    assert all(found[key].equal(expected[key]) for key in expected)
