"""What is exported loads by the official loaders' steps and as this component; equal logits."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from timm.models.vision_transformer import VisionTransformer
from torch import nn
from torch.nn import functional as F
from transformers import (
    BertConfig,
    BertModel,
    BlipConfig,
    BlipForImageTextRetrieval,
    BlipImageProcessor,
)

import rateval
from rateval.api import Context, RatevalError
from rateval_vlp.model import ImageTextModel, make_albef, make_blip
from rateval_vlp.params import AlbefParams, BlipParams

Build = Callable[..., ImageTextModel]
State = dict[str, torch.Tensor]
PROMPTS = ["a photo of a dog", "yellow taxi", "the open sea"]


def change(module: torch.nn.Module) -> None:
    generator = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for name, weight in module.named_parameters():
            scale = 0.05 if name != "temp" else 0.01
            weight.add_(scale * torch.randn(weight.shape, generator=generator))


@torch.no_grad()
def logits(
    model: ImageTextModel, images: torch.Tensor, text: list[str] | torch.Tensor
) -> torch.Tensor:
    image, prompts = model.encode_image(images), model.encode_text(text)
    return model.logit_scale * F.normalize(image, dim=-1) @ F.normalize(prompts, dim=-1).T


def load(folder: Path, *, blip: bool, **params: Any) -> ImageTextModel:
    if blip:
        return make_blip(BlipParams(pretrained=str(folder), **params), Context())
    return make_albef(AlbefParams(pretrained=str(folder), **params), Context())


def test_the_official_loaders_find_all_they_look_for(
    build: Build, images: torch.Tensor, ids: torch.Tensor, size: dict[str, Any], tmp_path: Path
) -> None:
    model = build()
    change(model.module)
    model.export_checkpoint(tmp_path)
    state = torch.load(tmp_path / "model.pth", weights_only=True)["model"]
    # Both repositories resize these two, then load by name.
    assert state["visual_encoder.pos_embed"].equal(state["visual_encoder_m.pos_embed"])

    def part(name: str) -> State:
        prefix = f"{name}."
        return {k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)}

    vision = VisionTransformer(
        img_size=size["image_size"],
        patch_size=size["patch_size"],
        embed_dim=size["width"],
        depth=size["depth"],
        num_heads=size["heads"],
        num_classes=0,
        norm_layer=partial(nn.LayerNorm, eps=1e-6),
    ).eval()
    vision.load_state_dict(part("visual_encoder"))
    config = BertConfig(
        vocab_size=size["vocabulary_size"],
        hidden_size=size["text_width"],
        num_hidden_layers=size["text_layers"],
        num_attention_heads=size["text_heads"],
        intermediate_size=size["text_intermediate"],
        max_position_embeddings=size["max_positions"],
    )
    text: Any = BertModel(config, add_pooling_layer=False)
    text.eval()
    found = text.load_state_dict(part("text_encoder"), strict=False)
    assert not found.unexpected_keys
    types = ["embeddings.token_type_embeddings.weight"]  # BLIP's text tower has none
    assert found.missing_keys in ([], types)
    if found.missing_keys:
        text.embeddings.token_type_embeddings.weight.data.zero_()
    with torch.no_grad():
        tokens = text(input_ids=ids, attention_mask=(ids != 0).long()).last_hidden_state[:, 0]
        prompts = tokens @ state["text_proj.weight"].T + state["text_proj.bias"]
        image = vision(images) @ state["vision_proj.weight"].T + state["vision_proj.bias"]
        cosine = F.normalize(image, dim=-1) @ F.normalize(prompts, dim=-1).T
    expected = logits(model, images, ids)
    torch.testing.assert_close(cosine / state["temp"], expected, atol=1e-5, rtol=1e-6)


def test_each_encoder_is_its_momentum_copy_and_is_held_once(build: Build, tmp_path: Path) -> None:
    model = build()
    model.export_checkpoint(tmp_path)
    state = torch.load(tmp_path / "model.pth", weights_only=True)["model"]
    own = model.module.state_dict()
    copies = state.keys() - own.keys()
    assert copies == {
        f"{part}_m.{rest}" for part, dot, rest in (key.partition(".") for key in own) if dot
    }
    assert all(state[key].equal(own[key.replace("_m.", ".", 1)]) for key in copies)
    held = sum(value.numel() * value.element_size() for value in own.values())
    assert (tmp_path / "model.pth").stat().st_size < 1.3 * held + 50_000


def test_it_is_a_component_again(build: Build, images: torch.Tensor, tmp_path: Path) -> None:
    model = build()
    blip = "BLIP" in model.card.architecture
    change(model.module)
    files = model.export_checkpoint(tmp_path / "out")
    assert {file.name for file in files} == {"model.pth", "size.json", "vocab.txt"}
    back = load(tmp_path / "out", blip=blip)
    assert torch.equal(logits(back, images, PROMPTS), logits(model, images, PROMPTS))
    assert back.card.architecture == model.card.architecture
    # Without the folder's help, by the checkpoint alone.
    size = json.loads((tmp_path / "out" / "size.json").read_text(encoding="utf-8"))
    vocabulary = str(tmp_path / "out" / "vocab.txt")
    alone = load(tmp_path / "out" / "model.pth", blip=blip, size=size, vocabulary=vocabulary)
    assert torch.equal(logits(alone, images, PROMPTS), logits(model, images, PROMPTS))


@pytest.mark.parametrize("family", ["albef", "blip"])
def test_quickstart(family: str, tmp_path: Path) -> None:
    model: Any = rateval.create("model", family)
    change(model.module)
    model.export_checkpoint(tmp_path / "out")
    back = load(tmp_path / "out", blip=family == "blip")
    images = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    prompts = ["a photo of a heart", "a star"]
    assert torch.equal(logits(back, images, prompts), logits(model, images, prompts))
    assert back.card.licence != "Apache-2.0"


def test_sizes_of_an_exported_folder(albef: Build, size: dict[str, Any], tmp_path: Path) -> None:
    albef().export_checkpoint(tmp_path)
    assert load(tmp_path, blip=False, size=size | {"image_size": 64}).grid == (8, 8)
    with pytest.raises(RatevalError, match="says heads = 2, size says 4"):
        load(tmp_path, blip=False, size=size | {"heads": 4})
    (tmp_path / "size.json").write_text(json.dumps(size | {"heads": 0}))
    with pytest.raises(RatevalError, match=r"size.json: no table of sizes: .*heads"):
        load(tmp_path, blip=False)
    (tmp_path / "model.pth").unlink()
    with pytest.raises(RatevalError, match=r"holds size.json, but neither model.pth nor"):
        load(tmp_path, blip=False)


@pytest.fixture
def hugging_face(tmp_path: Path, size: dict[str, Any], vocabulary: Path) -> Path:
    config = BlipConfig(
        vision_config={
            "image_size": size["image_size"],
            "patch_size": size["patch_size"],
            "hidden_size": size["width"],
            "intermediate_size": 4 * size["width"],
            "num_hidden_layers": size["depth"],
            "num_attention_heads": size["heads"],
        },
        text_config={
            "hidden_size": size["text_width"],
            "encoder_hidden_size": size["width"],
            "num_hidden_layers": size["text_layers"],
            "num_attention_heads": size["text_heads"],
            "intermediate_size": size["text_intermediate"],
            "vocab_size": size["vocabulary_size"],
            "max_position_embeddings": size["max_positions"],
        },
        image_text_hidden_size=size["embedding"],
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(2)
        module = BlipForImageTextRetrieval(config)
    module.save_pretrained(tmp_path / "hugging-face")
    shutil.copy(vocabulary, tmp_path / "hugging-face" / "vocab.txt")
    return tmp_path / "hugging-face"


def test_a_hugging_face_folder_goes_back_to_one(
    hugging_face: Path, images: torch.Tensor, ids: torch.Tensor, tmp_path: Path
) -> None:
    model = load(hugging_face, blip=True, image_mean=(0.1, 0.2, 0.3))
    change(model.module)
    out = tmp_path / "out"
    files = model.export_checkpoint(out)
    assert set(files) == set(out.iterdir())
    make: Any = BlipForImageTextRetrieval
    upstream, info = make.from_pretrained(out, local_files_only=True, output_loading_info=True)
    assert not info["unexpected_keys"]
    # What the contrast of image and text never runs.
    assert all("crossattention" in key or "itm_head" in key for key in info["missing_keys"])
    with torch.no_grad():
        cosine = upstream(
            input_ids=ids,
            pixel_values=images,
            attention_mask=(ids != 0).long(),
            use_itm_head=False,
        ).itm_score
    expected = logits(model, images, ids)
    torch.testing.assert_close(cosine * model.logit_scale, expected, atol=1e-5, rtol=1e-6)
    processor = BlipImageProcessor.from_pretrained(out, local_files_only=True)
    assert list(processor.image_mean) == [0.1, 0.2, 0.3]
    with pytest.raises(RatevalError, match=r"image_mean = .* is another than BLIP's own"):
        load(out, blip=True)
    back = load(out, blip=True, image_mean=(0.1, 0.2, 0.3))
    assert back.card.mean == model.card.mean
    torch.testing.assert_close(
        logits(back, images, PROMPTS), logits(model, images, PROMPTS), atol=1e-6, rtol=1e-6
    )


def test_a_hugging_face_folder_at_another_image_size(
    hugging_face: Path, size: dict[str, Any], tmp_path: Path
) -> None:
    model = load(hugging_face, blip=True, size=size | {"image_size": 64})
    model.export_checkpoint(tmp_path / "out")
    back = load(tmp_path / "out", blip=True)
    assert back.grid == (8, 8)
    images = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        assert torch.equal(back.encode_image(images), model.encode_image(images))


def test_another_vocabulary_than_the_folder_s(
    hugging_face: Path, tmp_path: Path, size: dict[str, Any]
) -> None:
    words = (hugging_face / "vocab.txt").read_text(encoding="utf-8").replace("dog", "cow")
    (tmp_path / "other.txt").write_text(words, encoding="utf-8")
    model = load(hugging_face, blip=True, vocabulary=str(tmp_path / "other.txt"))
    model.export_checkpoint(tmp_path / "out")
    assert (tmp_path / "out" / "vocab.txt").read_text(encoding="utf-8") == words


def test_load_checkpoint_takes_a_whole_official_checkpoint(
    build: Build, state: State, official: Callable[[State, str], State]
) -> None:
    model = build()
    weights = dict(model.module.named_parameters())
    family = "albef" if "ALBEF" in model.card.architecture else "blip"
    everything = official(state, family)
    model.load_checkpoint(everything, Path("mine.pth"))
    assert all(weights[key].equal(state[key]) for key in weights)
    card = model.card
    assert (card.checkpoint, card.licence) == ("mine.pth", "unknown")
    assert card.keys_used == len(state)
    assert "image_queue" in card.keys_ignored


def test_load_checkpoint_keeps_a_trained_temperature(hugging_face: Path, blip: Build) -> None:
    for model in (load(hugging_face, blip=True), blip(temperature=0.2)):
        state = {key: value.clone() for key, value in model.module.state_dict().items()}
        state["temp"] = torch.tensor(0.125)
        model.load_checkpoint(state, Path("mine.pth"))
        assert model.logit_scale.item() == 8


def test_load_checkpoint_refuses_what_the_constructor_refuses(build: Build, state: State) -> None:
    del state["temp"]
    with pytest.raises(RatevalError, match=r"mine.pth: the keys are not .* 1 missing \(temp\)"):
        build().load_checkpoint(state, Path("mine.pth"))
