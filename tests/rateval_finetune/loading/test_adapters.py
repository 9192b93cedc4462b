"""Adapter folders of peft, merged as peft merges them, into classes that stay as they are."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import peft
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from rateval.api import Classifier, Context, Model, RatevalError
from rateval.testing import RecordingLogbook, check_finetuner, tiny_dataset, tiny_model
from rateval_clip.model import Clip, make_clip
from rateval_clip.params import ClipParams
from rateval_finetune.loading.files import digest
from rateval_finetune.methods.checkpoint import make_checkpoint
from rateval_finetune.params import CheckpointParams

CLASSES = tiny_dataset().classes
CONFIG = "adapter_config.json"
IMAGES = torch.randn(4, 3, 32, 32, generator=torch.Generator().manual_seed(1))


def clip(*, text: int = 16) -> Clip:
    config: dict[str, Any] = {
        "embed_dim": 12,
        "vision_cfg": {"image_size": 32, "patch_size": 8, "width": 32, "head_width": 16},
        "text_cfg": {"context_length": 16, "vocab_size": 49408, "width": text, "heads": 2},
    }
    config["vision_cfg"]["layers"] = config["text_cfg"]["layers"] = 2
    made = make_clip(ClipParams(architecture=config, pretrained="random"), Context())
    made.module.requires_grad_(False)
    return made


def adapt(module: nn.Module, folder: Path, **params: Any) -> Any:
    """Return peft's model with an adapter that changes something, which ``folder`` then holds."""
    values: dict[str, Any] = {"r": 4, "lora_alpha": 8, "target_modules": ["c_fc", "c_proj"]}
    values |= params
    made: Any = peft.get_peft_model(copy.deepcopy(module), peft.LoraConfig(**values))
    draw = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for name, weight in made.named_parameters():
            if weight.requires_grad or "lora_" in name:
                weight.add_(0.1 * torch.randn(weight.shape, generator=draw))
    made.save_pretrained(folder)
    # As peft reads it back: patterns come out of the file in another order than they had.
    read: Any = peft.PeftModel
    return read.from_pretrained(copy.deepcopy(module), folder).eval()


def load(path: Path, model: Model, **params: Any) -> Classifier:
    loader = make_checkpoint(CheckpointParams(path=path, **params), Context())
    return loader.fit(model, None, CLASSES, RecordingLogbook())


def require_equal(found: nn.Module, expected: nn.Module) -> None:
    one, other = found.state_dict(), expected.state_dict()
    assert one.keys() == other.keys()
    assert [key for key in one if not one[key].equal(other[key])] == []


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"use_rslora": True},
        {"rank_pattern": {"0.mlp.c_fc": 2}, "alpha_pattern": {"c_proj": 32, "1.mlp.c_proj": 64}},
        {"rank_pattern": {"^visual.transformer.resblocks.1.mlp.c_fc": 7}},
        {"fan_in_fan_out": True},
        {"bias": "all"},
        {"bias": "lora_only"},
        {"target_modules": ["conv1", "c_fc"]},
        {"modules_to_save": ["ln_post", "ln_final"]},
        {"modules_to_save": ["ln_post"], "bias": "all", "init_lora_weights": "gaussian"},
    ],
)
@pytest.mark.filterwarnings("ignore:fan_in_fan_out")
def test_the_weights_are_those_that_peft_merges(params: dict[str, Any], tmp_path: Path) -> None:
    base = clip()
    theirs = adapt(base.module, tmp_path, **params)
    unmerged = theirs.base_model.model.visual(IMAGES)
    classifier = load(tmp_path, clip())
    found: Any = classifier.model
    torch.testing.assert_close(found.encode_image(IMAGES), unmerged, atol=1e-5, rtol=1e-5)
    assert not torch.allclose(found.encode_image(IMAGES), base.encode_image(IMAGES), atol=1e-3)
    require_equal(found.module, theirs.merge_and_unload())
    with torch.no_grad():  # with gradients torch computes attention by another kernel
        assert found.encode_image(IMAGES).equal(theirs.base_model.model.visual(IMAGES))
    assert type(found.module) is type(base.module)


def test_an_adapter_of_the_tower_alone_with_a_head(tmp_path: Path) -> None:
    class Fine(nn.Module):
        def __init__(self, tower: nn.Module) -> None:
            super().__init__()
            self.backbone, self.linear = tower, nn.Linear(12, 3)

        def forward(self, images: torch.Tensor) -> torch.Tensor:
            logits: torch.Tensor = self.linear(self.backbone(images))
            return logits

    base = clip()
    theirs = adapt(Fine(base.image_tower), tmp_path, modules_to_save=["linear"], bias="all")
    classifier = load(tmp_path, clip())
    torch.testing.assert_close(classifier.logits(IMAGES), theirs(IMAGES), atol=1e-5, rtol=1e-5)
    merged = theirs.merge_and_unload()
    require_equal(classifier.model.image_tower, merged.backbone)
    with torch.no_grad():  # with gradients torch computes attention by another kernel
        assert classifier.logits(IMAGES).equal(merged(IMAGES))
    assumed = classifier.model.card.assumed
    assert any(said.startswith("LoRA adapter of 4 layers merged with") for said in assumed)
    assert any(said.startswith("linear head linear, taken to sit on the") for said in assumed)
    assert classifier.model.card.keys_used > 4


def test_conformance_and_digest(tmp_path: Path) -> None:
    linear = [name for name, part in tiny_model().module.named_modules() if type(part) is nn.Linear]
    adapt(tiny_model().module, tmp_path, target_modules=linear)
    check_finetuner(make_checkpoint(CheckpointParams(path=tmp_path), Context()))
    first = digest(CheckpointParams(path=tmp_path))
    assert digest(CheckpointParams(path=tmp_path / "adapter_model.safetensors")) == first
    edit(tmp_path, lora_alpha=9)
    assert digest(CheckpointParams(path=tmp_path)) != first


def edit(folder: Path, **changes: Any) -> None:
    content = json.loads((folder / CONFIG).read_text())
    (folder / CONFIG).write_text(json.dumps(content | changes))


@pytest.mark.parametrize(
    ("named", "said"),
    [
        ("acme/clip", "the adapter was trained on 'acme/clip', and is applied to "),
        (None, "the adapter was trained on a model that it doesn't name, and is applied to "),
        ("HERE", None),
    ],
)
def test_another_base_model_is_told(named: str | None, said: str | None, tmp_path: Path) -> None:
    base = clip()
    weights = tmp_path / "base.safetensors"
    save_file(base.module.state_dict(), weights)
    adapt(base.module, tmp_path / "a")
    edit(tmp_path / "a", base_model_name_or_path=str(weights) if named == "HERE" else named)
    base.load_checkpoint(base.module.state_dict(), weights)
    told = [s for s in load(tmp_path / "a", base).model.card.assumed if "was trained on" in s]
    assert told == ([] if said is None else [f"{said}{weights}"])


def drop(folder: Path, part: str) -> None:
    file = folder / "adapter_model.safetensors"
    save_file({key: value for key, value in load_file(file).items() if part not in key}, file)


def rename(folder: Path, old: str, new: str) -> None:
    file = folder / "adapter_model.safetensors"
    save_file({key.replace(old, new): value for key, value in load_file(file).items()}, file)


Spoil = Callable[[Path], object]


@pytest.mark.parametrize(
    ("params", "spoil", "message"),
    [
        ({"use_dora": True}, None, r"use_dora = true: DoRA is not supported; merge the adapter by"),
        ({"target_modules": ["out_proj"]}, None, r"within nn\.MultiheadAttention, which peft comp"),
        ({"target_modules": ["token_embedding"]}, None, r"is no part of a plain LoRA on a linear"),
        ({"lora_bias": True}, None, r"lora_bias = True: is no option that a model's file may set"),
        ({}, lambda f: edit(f, peft_type="IA3"), r"peft_type = 'IA3': must be 'LORA'"),
        ({}, lambda f: edit(f, init_lora_weights="pissa"), r"init_lora_weights = 'pissa': must be"),
        ({}, lambda f: edit(f, r=0), r"r = 0: must be greater than or equal to 1"),
        ({}, lambda f: edit(f, r=5), r"adapter_config\.json says rank 5; give the config that"),
        ({}, lambda f: edit(f, lora_alpha="8"), r"lora_alpha = '8': must be"),
        ({}, lambda f: edit(f, auto_map={"a": "b.C"}), r"auto_map = .*asks for code of the folder"),
        (
            {},
            lambda f: edit(f, alpha_pattern={"(a+)+$": 3}),
            r"alpha_pattern names '\(a\+\)\+\$': must be names of modules; regular expr",
        ),
        ({}, lambda f: (f / CONFIG).unlink(), r"but holds none|adapter_config\.json"),
        ({}, lambda f: (f / "adapter_model.safetensors").unlink(), r"but holds none; give the fi"),
        ({}, lambda f: drop(f, "0.mlp.c_fc.lora_B"), r"lacks .*0\.mlp\.c_fc\.lora_B\.weight"),
        ({}, lambda f: rename(f, "base_model.model.", ""), r"does not begin with base_model\.mod"),
        ({}, lambda f: rename(f, "mlp", "mip"), r"its layers are none of .*c_fc\.weight"),
        ({"bias": "all"}, lambda f: edit(f, bias="none"), r"which adapter_config\.json says noth"),
        (
            {"modules_to_save": ["ln_post"]},
            lambda f: edit(f, modules_to_save=[]),
            r"says nothing",
        ),
    ],
)
@pytest.mark.filterwarnings("ignore::peft.utils.warning.PeftWarning")
def test_what_cannot_be_merged_is_named(
    params: dict[str, Any], spoil: Spoil | None, message: str, tmp_path: Path
) -> None:
    adapt(clip().module, tmp_path, **params)
    if spoil is not None:
        spoil(tmp_path)
    with pytest.raises(RatevalError, match=message):
        load(tmp_path, clip())


def test_an_adapter_of_another_size(tmp_path: Path) -> None:
    adapt(clip(text=32).module, tmp_path)
    with pytest.raises(RatevalError, match=r"or have other sizes \(.*; give the model that the ad"):
        load(tmp_path, clip())


def test_names_of_both_towers_are_not_guessed(tmp_path: Path) -> None:
    base = clip(text=32)
    adapt(base.image_tower, tmp_path)
    with pytest.raises(RatevalError, match=r"names of the image tower and of the text tower alike"):
        load(tmp_path, base)


def test_an_adapter_has_no_averaged_weights(tmp_path: Path) -> None:
    adapt(clip().module, tmp_path)
    with pytest.raises(RatevalError, match=r'weights = "ema": .* is an adapter, which holds one'):
        load(tmp_path, clip(), weights="ema")
