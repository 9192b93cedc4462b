"""The clip model offers rateval's protocol on open_clip's own classes, offline."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import open_clip
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace
from tokenizers.processors import TemplateProcessing

from rateval.api import Model, RatevalError
from rateval_clip.identity import digest
from rateval_clip.model import Clip
from rateval_clip.params import ClipParams
from rateval_clip.tags import cached_weights

Build = Callable[..., Clip]


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    touched: list[object] = []

    def refuse(*arguments: object, **_: object) -> None:
        touched.append(arguments)
        raise OSError("there is no network in tests")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    yield
    assert touched == []


def test_what_the_model_declares(build: Build) -> None:
    model: Model = build()
    assert (model.grid, model.prefix_tokens, model.depth) == ((4, 4), 1, 3)
    assert type(model.module) is open_clip.CLIP
    assert not any(part.training for part in model.module.modules())
    assert model.image_tower is model.module.visual
    assert model.logit_scale.shape == ()
    assert model.logit_scale.item() == pytest.approx(1 / 0.07, rel=1e-5)


def test_a_pass_without_gradients_embeds_the_same(build: Build, images: torch.Tensor) -> None:
    """What follows the last attention is then computed for the class token alone."""
    model = build()
    expected = model.encode_image(images)
    seen: list[int] = []
    tail = model.image_tower.transformer.resblocks[-1].mlp  # type: ignore[union-attr,index]
    tail.c_fc.register_forward_hook(lambda module, inputs, output: seen.append(inputs[0].shape[1]))
    with torch.inference_mode():
        found = model.encode_image(images)
    torch.testing.assert_close(found, expected.detach(), atol=1e-6, rtol=1e-5)
    model.encode_image(images)
    assert seen == [1, 17]
    assert "forward" not in vars(tail)


def test_embeddings_are_open_clips(build: Build, images: torch.Tensor) -> None:
    model = build()
    module: Any = model.module
    ids = torch.tensor([[1, 5, 19, 0, 0, 0, 0, 0], [1, 7, 8, 19, 0, 0, 0, 0]])
    assert torch.equal(model.encode_image(images), module.encode_image(images))
    assert torch.equal(model.features(images), module.encode_image(images))
    assert torch.equal(model.encode_text(ids), module.encode_text(ids))


def test_a_text_tower_of_its_own(build: Build, config: dict[str, Any]) -> None:
    model = build(architecture=config | {"custom_text": True, "nonscalar_logit_scale": True})
    assert type(model.module) is open_clip.CustomTextCLIP
    assert model.encode_text(torch.tensor([[1, 19, 0, 0, 0, 0, 0, 0]])).shape == (1, 12)
    assert model.logit_scale.shape == ()


def test_prompts_of_every_template(build: Build) -> None:
    model = build(prompt=["a {class}", "the {class}, a {class}"])
    assert model.prompts(["dog", "{x}"]) == [
        ["a dog", "the dog, a dog"],
        ["a {x}", "the {x}, a {x}"],
    ]


def test_random_weights_follow_the_seed_and_leave_the_generator(build: Build) -> None:
    torch.manual_seed(3)
    before = torch.get_rng_state()
    first, again, other = (build(seed=seed).module.state_dict() for seed in (0, 0, 1))
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(first["visual.proj"], again["visual.proj"])
    assert not torch.equal(first["visual.proj"], other["visual.proj"])


def test_preprocessing_of_image_and_mask(build: Build) -> None:
    model = build(image_mean=[0.5, 0.5, 0.5], image_std=[0.25, 0.25, 0.25])
    image = Image.new("RGB", (50, 40), (255, 0, 255))
    pixels = model.preprocess(image)
    assert pixels.shape == (3, 32, 32)
    assert pixels.dtype == torch.float32
    assert pixels.amax(dim=(1, 2)).tolist() == [2.0, -2.0, 2.0]
    mask = model.preprocess_mask(np.ones((40, 50), dtype=np.bool_))
    assert mask.shape == (32, 32)
    assert bool(mask.all())


def test_a_token_outside_the_vocabulary(build: Build) -> None:
    with pytest.raises(RatevalError, match="outside the model's vocabulary of 20; the tokenizer"):
        build().encode_text(["a photo of a dog"])


def test_the_tokenizer_is_clips(build: Build, config: dict[str, Any]) -> None:
    config["text_cfg"] |= {"vocab_size": 49408, "context_length": 77}
    model = build(architecture=config)
    expected = json.loads(
        (Path(__file__).parents[1] / "golden" / "clip_tokens.json").read_text(encoding="utf-8")
    )
    ids = model.tokenizer(list(expected))
    assert ids.shape == (len(expected), 77)
    for row, tokens in zip(ids.tolist(), expected.values(), strict=True):
        assert row == tokens + [0] * (77 - len(tokens))
    assert model.encode_text(list(expected)[:2]).shape == (2, 12)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"vision_cfg": {"layerz": 3}}, r'vision_cfg\.layerz = 3: .*did you mean "layers"'),
        ({"embed_dims": 3}, 'embed_dims = 3: .*did you mean "embed_dim"'),
        ({"text_cfg": 3}, "text_cfg = 3: must be a table"),
        ({"vision_cfg": {"width": "wide"}}, "vision_cfg.width = 'wide': must be a valid integer"),
        (
            {"vision_cfg": {"head_width": 0}},
            "vision_cfg.head_width = 0: must be greater than or equal to 1",
        ),
        ({"text_cfg": {"hf_model_name": "roberta-base"}}, "its text tower is transformers'"),
    ],
)
def test_a_bad_config(
    build: Build, config: dict[str, Any], change: dict[str, Any], message: str
) -> None:
    for key, value in change.items():
        config[key] = config[key] | value if isinstance(value, dict) else value
    with pytest.raises(RatevalError, match=message):
        build(architecture=config)


def test_an_unknown_name_is_explained(build: Build) -> None:
    with pytest.raises(RatevalError, match='knows no such name; did you mean "ViT-B-32"'):
        build(architecture="ViT-B-33")


def test_a_tag_comes_from_the_cache_only(
    build: Build, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    tag = {"architecture": "ViT-B-32-quickgelu", "pretrained": "openai"}
    with pytest.raises(RatevalError, match="not in your cache, and rateval downloads nothing"):
        build(**tag)
    with pytest.raises(RatevalError, match="not in your cache"):
        digest(ClipParams(**tag))
    original = tmp_path / ".cache" / "clip" / "ViT-B-32.pt"
    original.parent.mkdir(parents=True)
    original.write_bytes(b"abc")
    assert cached_weights("ViT-B-32-quickgelu", "openai") == original
    before = digest(ClipParams(**tag))
    repository = tmp_path / "hub" / "models--timm--vit_base_patch32_clip_224.openai"
    snapshot = repository / "snapshots" / "0123"
    snapshot.mkdir(parents=True)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text("0123", encoding="utf-8")
    (snapshot / "open_clip_model.safetensors").write_bytes(b"abcd")
    assert cached_weights("ViT-B-32-quickgelu", "openai").parent == snapshot
    assert digest(ClipParams(**tag)) != before


@pytest.mark.parametrize(
    ("architecture", "tag", "message"),
    [
        ("ViT-B-32", "openay", 'has no such tag; did you mean "openai"'),
        ("ViT-B-32", "openai", "another activation .*use architecture = 'ViT-B-32-quickgelu'"),
        ("quickstart", "openai", "only architectures that open_clip knows by name have tags"),
    ],
)
def test_a_tag_that_does_not_fit(build: Build, architecture: str, tag: str, message: str) -> None:
    with pytest.raises(RatevalError, match=message):
        build(architecture=architecture, pretrained=tag)


@pytest.fixture
def folder(tmp_path: Path, config: dict[str, Any], state: dict[str, torch.Tensor]) -> Path:
    content = {
        "model_cfg": config,
        "preprocess_cfg": {"mean": [0.0] * 3, "std": [0.5] * 3, "resize_mode": "squash"},
    }
    path = tmp_path / "mine"
    path.mkdir()
    (path / "open_clip_config.json").write_text(json.dumps(content), encoding="utf-8")
    save_file(state, path / "open_clip_model.safetensors")
    return path


def test_a_folder_brings_config_weights_and_preprocessing(
    build: Build, folder: Path, state: dict[str, torch.Tensor]
) -> None:
    model = build(architecture=str(folder), pretrained=None)
    assert torch.equal(model.module.state_dict()["visual.proj"], state["visual.proj"])
    white = model.preprocess(Image.new("RGB", (10, 20), (255, 255, 255)))
    assert torch.equal(white, torch.full((3, 32, 32), 2.0))
    (folder / "open_clip_model.safetensors").rename(folder / "only.safetensors")
    assert build(architecture=str(folder), pretrained=None).depth == 3


def test_a_config_file_takes_weights_by_path(build: Build, folder: Path) -> None:
    config, weights = folder / "open_clip_config.json", folder / "open_clip_model.safetensors"
    assert build(architecture=str(config), pretrained=str(weights)).name == "open_clip_config.json"


def test_folders_that_lack_something(build: Build, folder: Path) -> None:
    weights = folder / "open_clip_model.safetensors"
    for name in ("a.safetensors", "b.safetensors"):
        (folder / name).write_bytes(weights.read_bytes())
    weights.unlink()
    with pytest.raises(RatevalError, match="2 checkpoints, none by a name of open_clip's"):
        build(architecture=str(folder), pretrained=None)
    for name in ("a.safetensors", "b.safetensors"):
        (folder / name).unlink()
    with pytest.raises(RatevalError, match="the folder holds no checkpoint"):
        build(architecture=str(folder), pretrained=None)
    config = folder / "open_clip_config.json"
    config.write_text("{", encoding="utf-8")
    with pytest.raises(RatevalError, match="not a readable JSON config"):
        build(architecture=str(folder))
    config.write_text('{"model_cfg": {}}', encoding="utf-8")
    with pytest.raises(RatevalError, match="it lacks embed_dim, vision_cfg, text_cfg"):
        build(architecture=str(folder))
    config.unlink()
    with pytest.raises(RatevalError, match=r"holds no open_clip_config\.json"):
        build(architecture=str(folder))


def _name_tokenizer(folder: Path, name: str) -> None:
    path = folder / "open_clip_config.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    content["model_cfg"]["text_cfg"] |= {
        "hf_tokenizer_name": name,
        "tokenizer_kwargs": {"clean": "lower"},
        "pool_type": "argmax",
    }
    path.write_text(json.dumps(content), encoding="utf-8")


def _save_tokenizer(folder: Path) -> None:
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "a", "dog", "of"]
    tokenizer = Tokenizer(WordLevel({word: n for n, word in enumerate(words)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = Whitespace()
    tokenizer.post_processor = TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    tokenizer.save(str(folder / "tokenizer.json"))
    special = {"unk_token": "[UNK]", "pad_token": "[PAD]", "cls_token": "[CLS]"}
    (folder / "tokenizer_config.json").write_text(
        json.dumps({"tokenizer_class": "PreTrainedTokenizerFast"} | special), encoding="utf-8"
    )


def test_a_folder_brings_its_tokenizer(build: Build, folder: Path) -> None:
    _save_tokenizer(folder)
    _name_tokenizer(folder, "anything")
    model = build(architecture=str(folder), pretrained=None)
    assert model.tokenizer(["A dog"]).tolist() == [[2, 4, 5, 3, 0, 0, 0, 0]]
    ids = torch.tensor([[2, 4, 5, 3, 0, 0, 0, 0]])
    assert torch.equal(model.encode_text(["A dog"]), model.encode_text(ids))


def test_a_tokenizer_by_path_or_from_the_cache(
    build: Build, config: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    repository = tmp_path / "models--someone--words"
    snapshot = repository / "snapshots" / "0123"
    snapshot.mkdir(parents=True)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text("0123", encoding="utf-8")
    _save_tokenizer(snapshot)
    for name in (str(snapshot), "someone/words"):
        config["text_cfg"]["hf_tokenizer_name"] = name
        ids = build(architecture=config).tokenizer(["a dog"])
        assert ids.tolist() == [[2, 4, 5, 3, 0, 0, 0, 0]]


def test_an_absent_tokenizer(build: Build, folder: Path) -> None:
    _name_tokenizer(folder, "someone/absent")
    model = build(architecture=str(folder), pretrained=None)
    with pytest.raises(RatevalError, match=r"the tokenizer .*mine' is not on this machine"):
        model.encode_text(["a dog"])


def test_an_absent_tokenizer_of_an_inline_architecture(
    build: Build, config: dict[str, Any]
) -> None:
    config["text_cfg"]["hf_tokenizer_name"] = "someone/absent"
    with pytest.raises(RatevalError, match="the tokenizer 'someone/absent' is not on this machine"):
        build(architecture=config).encode_text(["a dog"])


def test_the_digest_of_a_folder_follows_all_its_parts(folder: Path) -> None:
    params = ClipParams(architecture=str(folder))
    seen = {digest(params)}
    (folder / "README.md").write_text("no part of the model", encoding="utf-8")
    assert digest(params) in seen
    (folder / "tokenizer.json").write_text("{}", encoding="utf-8")
    seen.add(digest(params))
    config = folder / "open_clip_config.json"
    config.write_text(config.read_text(encoding="utf-8") + "\n", encoding="utf-8")
    seen.add(digest(params))
    (folder / "open_clip_model.safetensors").write_bytes(b"x")
    seen.add(digest(params))
    assert len(seen) == 4
