"""Folders of CLIPModel and SiglipModel give transformers' own numbers."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from pydantic import ValidationError
from torch.nn import functional as F
from transformers import CLIPImageProcessor, SiglipImageProcessor

from rateval.api import Context, RatevalError
from rateval.testing import check_component
from rateval_hf.files import digest
from rateval_hf.model import HfClip, make_hf_clip
from rateval_hf.params import HfClipParams
from rateval_hf.plugin import rateval_register_models
from rateval_hf.tokens import Tokens, read_tokenizer

Build = Callable[..., HfClip]
Edit = Callable[[str, dict[str, Any]], None]


def test_keeps_the_promises_of_a_model(folder: Path) -> None:
    check_component(rateval_register_models()[0], "model", folder=str(folder))


def test_logits_are_those_of_transformers(
    build: Build, upstream: Any, images: torch.Tensor, ids: torch.Tensor, kind: str
) -> None:
    model = build()
    with torch.no_grad():
        expected = upstream(pixel_values=images, input_ids=ids).logits_per_image
        cosine = (
            F.normalize(model.encode_image(images), dim=-1)
            @ F.normalize(model.encode_text(ids), dim=-1).T
        )
        logits = model.logit_scale * cosine
        if kind == "siglip":
            logits = logits + upstream.logit_bias
    torch.testing.assert_close(logits, expected, atol=1e-5, rtol=1e-5)
    assert model.logit_scale.item() == pytest.approx(math.exp(upstream.logit_scale.item()))


def test_facts(build: Build, kind: str) -> None:
    model = build()
    assert model.grid == (4, 4)
    facts = (model.readout, model.prefix_tokens, model.depth)
    assert facts == (("class token", 1, 3) if kind == "clip" else ("attention pool", 0, 4))
    assert model.card.keys_used == len(model.module.state_dict())
    assert model.card.text_length == 9
    assert model.card.mean == (0.4, 0.5, 0.6)


def test_strings_and_ids_give_the_same_embedding(build: Build, ids: torch.Tensor) -> None:
    model = build()
    assert torch.equal(model.tokenizer(["a photo of a dog"]), ids[:1])
    assert model.tokenizer(["a " * 20]).shape == (1, 9)
    with torch.no_grad():
        embedded = model.encode_text(["a photo of a dog"])
        torch.testing.assert_close(embedded, model.encode_text(ids)[:1], atol=1e-5, rtol=1e-5)
    assert model.prompts(["dog"]) == [["a photo of a dog"]]


def test_preprocessing_is_that_of_transformers(build: Build, folder: Path, kind: str) -> None:
    processor: Any = {"clip": CLIPImageProcessor, "siglip": SiglipImageProcessor}[kind]
    upstream = processor.from_pretrained(folder)
    rows, columns = np.mgrid[0:60, 0:90]
    pixels = np.stack([rows * 4, columns * 2, rows + columns], axis=-1).astype(np.uint8)
    picture = Image.fromarray(pixels)
    found = build().preprocess(picture)
    expected = upstream(images=picture, return_tensors="pt")["pixel_values"][0]
    # They resize tensors, PIL rounds to whole grey values in between.
    assert found.shape == expected.shape
    assert float((found - expected).abs().max()) <= 2.5 / 255 / 0.2


def test_newer_folders_keep_the_settings_in_processor_config(build: Build, folder: Path) -> None:
    picture = Image.fromarray(np.full((40, 40, 3), 90, dtype=np.uint8))
    before = build().preprocess(picture)
    path = folder / "preprocessor_config.json"
    nested = {"image_processor": json.loads(path.read_text(encoding="utf-8"))}
    (folder / "processor_config.json").write_text(json.dumps(nested), encoding="utf-8")
    path.unlink()
    assert torch.equal(build().preprocess(picture), before)
    other = build(image_mean=(0.0, 0.0, 0.0), image_std=(1.0, 1.0, 1.0)).preprocess(picture)
    torch.testing.assert_close(other, torch.full((3, 32, 32), 90 / 255))


def test_half_precision_becomes_the_dtype_that_is_asked_for(
    build: Build, folder: Path, upstream: Any, edit: Edit, images: torch.Tensor
) -> None:
    state = {key: value.half() for key, value in upstream.state_dict().items()}
    (folder / "model.safetensors").unlink()
    torch.save(state, folder / "pytorch_model.bin")
    edit("config.json", {"dtype": "float16", "torch_dtype": "float16"})
    assert {w.dtype for w in build().module.parameters()} == {torch.float32}
    half = build(dtype="bfloat16")
    with half.record_attention([0]) as recorded:
        assert half.encode_image(images).dtype == torch.bfloat16
    assert recorded[0].dtype == torch.float32


def test_weights_in_shards(build: Build, folder: Path, upstream: Any, images: torch.Tensor) -> None:
    (folder / "model.safetensors").unlink()
    upstream.save_pretrained(folder, max_shard_size="40KB")
    shards = sorted(folder.glob("model-*.safetensors"))
    assert len(shards) > 1
    with torch.no_grad():
        expected = upstream.vision_model(pixel_values=images).pooler_output
        module: Any = build().module
        found = module.vision_model(pixel_values=images).pooler_output
    assert torch.equal(found, expected)
    first = digest(HfClipParams(folder=str(folder)))
    shards[-1].unlink()
    with pytest.raises(RatevalError, match=rf"not in the folder: {shards[-1].name}"):
        build()
    (folder / "model.safetensors.index.json").unlink()
    upstream.save_pretrained(folder)
    assert digest(HfClipParams(folder=str(folder))) != first


def test_position_ids_of_older_files_are_ignored(build: Build, folder: Path, upstream: Any) -> None:
    key = "text_model.embeddings.position_ids"
    (folder / "model.safetensors").unlink()
    state = upstream.state_dict() | {key: torch.arange(9)[None]}
    torch.save(state, folder / "pytorch_model.bin")
    assert build().card.keys_ignored == (key,)


def test_keys_and_shapes_that_differ_are_named(
    build: Build, folder: Path, upstream: Any, edit: Edit
) -> None:
    state = dict(upstream.state_dict())
    del state["logit_scale"]
    state["surprise"] = torch.zeros(1)
    (folder / "model.safetensors").unlink()
    torch.save(state, folder / "pytorch_model.bin")
    edit("config.json", {"vision_config": {"intermediate_size": 50}})
    with pytest.raises(RatevalError) as caught:
        build()
    message = str(caught.value)
    assert "1 missing (logit_scale)" in message
    assert "1 unexpected (surprise)" in message
    assert "of another shape" in message
    assert "(48, 32), must be (50, 32)" in message


def test_truncated_weights(build: Build, folder: Path, upstream: Any) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-500])
    with pytest.raises(RatevalError, match="damaged or cut short"):
        build()
    path.unlink()
    torch.save(upstream.state_dict(), folder / "pytorch_model.bin")
    path = folder / "pytorch_model.bin"
    path.write_bytes(path.read_bytes()[:-500])
    with pytest.raises(RatevalError, match="damaged or cut short"):
        build()


class _Bomb:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return Path.touch, (self.path,)


def test_pickle_with_code_is_refused_and_not_executed(
    build: Build, folder: Path, tmp_path: Path
) -> None:
    (folder / "model.safetensors").unlink()
    torch.save({"logit_scale": _Bomb(tmp_path / "executed")}, folder / "pytorch_model.bin")
    with pytest.raises(RatevalError, match="refused, and nothing in it was executed"):
        build()
    assert not (tmp_path / "executed").exists()


@pytest.mark.parametrize("name", ["config.json", "tokenizer_config.json"])
def test_code_in_the_folder_is_not_run(
    build: Build, folder: Path, edit: Edit, name: str, tmp_path: Path
) -> None:
    marker = tmp_path / "executed"
    code = f"open({str(marker)!r}, 'w').close()\nclass Evil: pass\n"
    (folder / "evil.py").write_text(code, encoding="utf-8")
    edit(name, {"auto_map": {"AutoConfig": "evil.Evil", "AutoTokenizer": ["evil.Evil", None]}})
    with pytest.raises(RatevalError, match=rf"{name}: auto_map = .*never runs any"):
        build().encode_text(["a dog"])
    assert not marker.exists()


def test_what_older_versions_noted_down_is_left_out(build: Build, edit: Edit) -> None:
    notes = {"_name_or_path": "", "num_beams": 1, "top_k": 50, "torchscript": False}
    notes |= {"id2label": {"0": "LABEL_0"}, "transformers_version": "4.16.0.dev0", "prefix": None}
    edit("config.json", {"text_config": notes | {"sep_token_id": None}, "vision_config": notes})
    edit("config.json", notes | {"torch_dtype": "float32"})
    assert build().depth >= 3


def test_missing_files(build: Build, folder: Path) -> None:
    (folder / "tokenizer.json").unlink()
    model = build()
    with pytest.raises(RatevalError, match="its tokenizer cannot be read"):
        model.encode_text(["a dog"])
    (folder / "preprocessor_config.json").unlink()
    with pytest.raises(RatevalError, match=r"neither preprocessor_config\.json nor"):
        build()
    (folder / "model.safetensors").unlink()
    with pytest.raises(RatevalError, match=r"neither model\.safetensors nor pytorch_model\.bin"):
        build()
    (folder / "config.json").unlink()
    with pytest.raises(RatevalError, match=r"config\.json: not a readable JSON config"):
        build()


@pytest.mark.parametrize(
    ("name", "change", "reason"),
    [
        ("config.json", {"model_type": "blip"}, "model_type is 'blip'; hf-clip loads clip and"),
        ("config.json", {"vision_config": {"hidden_size": 33}}, "cannot build this config"),
        ("config.json", {"vision_config": {"image_size": 64}}, "have another shape"),
        ("preprocessor_config.json", {"rescale_factor": 1.0}, "not by 1.0"),
        ("preprocessor_config.json", {"resample": 9}, "resample is 9"),
        ("preprocessor_config.json", {"size": {"longest_edge": 3}}, "is not understood"),
        ("preprocessor_config.json", {"image_mean": [0.5]}, "must be three numbers"),
        (
            "preprocessor_config.json",
            {"size": {"height": 40, "width": 32}, "do_center_crop": False},
            "yields images of 40 x 32 pixels, but the model in this folder takes 32 x 32",
        ),
    ],
)
def test_configs_that_do_not_fit(
    build: Build, edit: Edit, name: str, change: dict[str, Any], reason: str
) -> None:
    edit(name, change)
    with pytest.raises(RatevalError, match=reason):
        build()


def test_vocabulary_of_another_size(build: Build, folder: Path, edit: Edit) -> None:
    path = folder / "tokenizer.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    content["model"]["vocab"]["surplus"] = 11
    path.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(RatevalError, match="its tokenizer has 12 words, but its model 11"):
        build().encode_text(["a dog"])


def test_tokenizer_files_of_openai_s_clip(tmp_path: Path) -> None:
    words = (
        "!",
        "a",
        "d",
        "o",
        "g</w>",
        "do",
        "dog</w>",
        "a</w>",
        "<|startoftext|>",
        "<|endoftext|>",
    )
    (tmp_path / "vocab.json").write_text(
        json.dumps({word: index for index, word in enumerate(words)}), encoding="utf-8"
    )
    (tmp_path / "merges.txt").write_text("#version: 0.2\nd o\ndo g</w>\n", encoding="utf-8")
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "clip"}), encoding="utf-8")
    (tmp_path / "tokenizer_config.json").write_text(
        json.dumps({"tokenizer_class": "CLIPTokenizer", "pad_token": "<|endoftext|>"}),
        encoding="utf-8",
    )
    tokens = Tokens(read_tokenizer(tmp_path), length=6, vocabulary_size=10, folder=tmp_path)
    assert tokens(["A dog"]).tolist() == [[8, 7, 6, 9, 9, 9]]


@pytest.mark.parametrize(
    ("ids", "reason"),
    [([[2, 11, 10]], "from 2 to 11; they must lie in 0 to 10"), ([[2] * 10], "10 tokens, not 9")],
)
def test_impossible_ids(build: Build, ids: list[list[int]], reason: str) -> None:
    with pytest.raises(RatevalError, match=reason):
        build().encode_text(torch.tensor(ids))


def test_siglip_without_its_pool_is_refused(
    tmp_path: Path, build: Build, kind: str, edit: Edit, folder: Path, upstream: Any
) -> None:
    if kind == "clip":
        assert build().readout == "class token"
        return
    edit("config.json", {"vision_config": {"vision_use_head": False}})
    state = {
        k: v for k, v in upstream.state_dict().items() if not k.startswith("vision_model.head")
    }
    (folder / "model.safetensors").unlink()
    torch.save(state, folder / "pytorch_model.bin")
    with pytest.raises(RatevalError, match="vision_use_head is false"):
        build()


def test_params() -> None:
    with pytest.raises(ValidationError, match="no such folder: openai/clip-vit"):
        HfClipParams(folder="openai/clip-vit-base-patch32")
    with pytest.raises(ValidationError, match="is no template"):
        HfClipParams(folder=".", prompt="a photo")
    with pytest.raises(ValidationError, match="must be a template"):
        HfClipParams(folder=".", prompt=[])


def test_an_empty_folder(tmp_path: Path) -> None:
    with pytest.raises(RatevalError, match=r"config\.json: not a readable JSON config"):
        make_hf_clip(HfClipParams(folder=str(tmp_path)), Context())


ACTIVATIONS = {"vision_config": {"hidden_act": "gelu"}, "text_config": {"hidden_act": "gelu"}}


def test_an_activation_that_is_said_is_not_assumed(build: Build, edit: Edit) -> None:
    edit("config.json", ACTIVATIONS)
    assert build().card.assumed == ()


def test_the_card_says_what_the_files_leave_open(build: Build, edit: Edit, kind: str) -> None:
    edit("config.json", ACTIVATIONS | {"text_config": {"hidden_act": None}})
    edit("preprocessor_config.json", {"image_mean": None, "resample": None})
    default = {"clip": "quick_gelu", "siglip": "gelu_pytorch_tanh"}[kind]
    assert build().card.assumed == (
        f"activation {default} of text_config, transformers' default: config.json has no "
        "hidden_act",
        f"activation gelu in the image tower and {default} in the text tower, as config.json has "
        "it, which no published model has",
        "images by transformers' default of resample, image_mean, as preprocessor_config.json "
        "doesn't say",
    )
    given = build(image_mean=(0.1, 0.2, 0.3)).card.assumed
    assert given[-1].startswith("images by transformers' default of resample, as ")


@pytest.mark.parametrize(("said", "quick"), [("gelu", True), ("quick_gelu", False), (None, True)])
def test_open_clips_config_in_the_same_folder_must_agree(
    said: str | None, quick: bool, build: Build, edit: Edit, folder: Path, kind: str
) -> None:
    """Many folders hold both, one for each library, and people edit one of them."""
    edit("config.json", {tower: {"hidden_act": said} for tower in ACTIVATIONS})
    beside = folder / "open_clip_config.json"
    model = {"vision_cfg": {}, "text_cfg": {}, "embed_dim": 12}
    beside.write_text(json.dumps({"model_cfg": model | ({"quick_gelu": True} if quick else {})}))
    if (said or {"clip": "quick_gelu", "siglip": "gelu"}[kind]) == "quick_gelu" and quick:
        build()
        return
    for look in (build, lambda: digest(HfClipParams(folder=str(folder)))):
        with pytest.raises(
            RatevalError,
            match=r"config\.json: vision_config\.hidden_act = .*open_clip_config\.json",
        ):
            look()
    beside.write_text("no JSON")
    build()
