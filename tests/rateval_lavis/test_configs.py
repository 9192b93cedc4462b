"""LAVIS' configs, a user's own, and tables of sizes say what is built."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from pydantic import ValidationError

from rateval.api import RatevalError
from rateval_lavis.architecture import find_architecture
from rateval_lavis.files import digest
from rateval_lavis.model import LavisModel
from rateval_lavis.params import LavisAlbefParams, LavisBlipParams

Make = Callable[..., LavisModel]
MODEL = {"arch": "albef_retrieval", "image_size": 64, "med_config_path": "text.json"}
TEXT = {"hidden_size": 64, "num_attention_heads": 4, "intermediate_size": 128, "vocab_size": 120}


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., str]:
    """Write a config with its text tower's beside it; JSON is YAML, too."""

    def write(preprocess: Any = None, text: Any = None, **model: Any) -> str:
        (tmp_path / "text.json").write_text(json.dumps(TEXT | (text or {})))
        path = tmp_path / "mine.yaml"
        sections = {"model": MODEL | model} | ({"preprocess": preprocess} if preprocess else {})
        path.write_text(json.dumps(sections))
        return str(path)

    return write


@pytest.mark.parametrize(
    ("params", "image_size", "text_layers", "rows", "text_length"),
    [
        (LavisAlbefParams(pretrained="random"), 224, 6, 30522, 30),
        (LavisAlbefParams(pretrained="random", config="albef_retrieval_coco"), 384, 6, 30522, 30),
        (LavisBlipParams(pretrained="random"), 224, 12, 30524, 35),
        (LavisBlipParams(pretrained="random", config="blip_retrieval_flickr"), 384, 12, 30524, 35),
    ],
)
def test_lavis_own_configs(
    params: Any, image_size: int, text_layers: int, rows: int, text_length: int
) -> None:
    found = find_architecture(params)
    assert found.vision["img_size"] == image_size
    assert (found.vision["embed_dim"], found.vision["depth"]) == (768, 12)
    assert found.vision["norm_layer"](8).eps == 1e-6
    assert (found.text["num_hidden_layers"], found.text["vocab_size"]) == (text_layers, rows)
    assert (found.embedding, found.text_length) == (256, text_length)
    assert params.config is None or params.config in found.name


def test_a_users_own_config(albef: Make, write: Callable[..., str]) -> None:
    processor = {"name": "blip_image_eval", "image_size": 64, "mean": [0.5] * 3, "std": [0.2] * 3}
    path = write(
        {"vis_processor": {"eval": processor}},
        {"fusion_layer": 2},
        embed_dim=16,
        max_txt_len=12,
        vit_layer_norm_epsilon=1e-5,
        queue_size=100,
        pretrained="https://example.org/ALBEF.pth",
    )
    model = albef(config=path, size=None)
    tower: Any = model.image_tower
    assert (model.grid, tower.norm.eps) == ((4, 4), 1e-5)
    assert model.encode_text(torch.tensor([[2, 5, 3]])).shape == (1, 16)
    assert (model.card.mean, model.card.std) == ((0.5,) * 3, (0.2,) * 3)
    assert model.card.text_length == 12


def test_large(blip: Make, write: Callable[..., str]) -> None:
    path = write(arch="blip_pretrain", vit_type="large")
    architecture = find_architecture(
        LavisBlipParams(pretrained="random", config=path, image_mean=(0.1, 0.2, 0.3))
    )
    assert (architecture.vision["embed_dim"], architecture.vision["depth"]) == (1024, 24)
    assert architecture.vision["drop_path_rate"] == 0.1


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"arch": "blip2_opt"}, r"model.arch is 'blip2_opt'; it must begin with albef_"),
        ({"vit_type": "huge"}, "'huge': LAVIS knows base and large; give a table of sizes"),
        ({"med_config_path": "no.json"}, "'no.json' is neither beside this file nor in LAVIS'"),
        ({"med_config_path": "a" * 300}, "'a{199} is neither beside this file"),
        ({"med_config_path": 3}, "must name the text tower's JSON config"),
        ({"image_size": "wide"}, "model: image_size = 'wide': must be a valid integer"),
        ({"text": {"trust_remote_code": True}}, r"text\.json: trust_remote_code = True: "),
        ({"text": {"hidden_size": -8}}, r"text\.json: hidden_size = -8: must be greater"),
        ({"text": {"auto_map": {"AutoModel": "evil.Evil"}}}, r"text\.json: auto_map = "),
        (
            {"preprocess": {"vis_processor": {"eval": {"std": [0.2, 0.2, 0.0]}}}},
            r"eval: std\.2 = 0\.0: must be greater than 0",
        ),
        (
            {"preprocess": {"vis_processor": {"eval": {"image_size": 65}}}},
            "yields 65 pixels, but the model takes 64",
        ),
        (
            {"preprocess": {"vis_processor": {"eval": {"name": "blip_caption"}}}},
            "'blip_caption' is none that can be used for evaluation",
        ),
        (
            {"preprocess": {"vis_processor": {"eval": {"name": "blip_image_train"}}}},
            "'blip_image_train' is none that can be used for evaluation",
        ),
        (
            {"preprocess": {"vis_processor": {"eval": {"name": "unheard_of"}}}},
            "'unheard_of' is none that can be used for evaluation",
        ),
    ],
)
def test_configs_that_cannot_be_used(
    albef: Make, write: Callable[..., str], changes: dict[str, Any], message: str
) -> None:
    config = write(**changes)
    with pytest.raises(RatevalError, match=message):
        albef(config=config, size=None)
    # Before the run has started, too.
    with pytest.raises(RatevalError, match=message):
        digest(LavisAlbefParams(pretrained="random", config=config))


def test_files_that_are_no_configs(albef: Make, tmp_path: Path, write: Callable[..., str]) -> None:
    path = tmp_path / "mine.yaml"
    for content in (
        "model: [",
        "- a\n- b",
        "model: {arch: ${nowhere}}",
        "model: {arch: ${oc.env:HOME}}",
    ):
        path.write_text(content)
        with pytest.raises(RatevalError, match=r"mine\.yaml: not a"):
            albef(config=str(path), size=None)
    config = write()
    for content in ("{", "[1]"):
        (tmp_path / "text.json").write_text(content)
        with pytest.raises(RatevalError, match=r"text\.json: not a"):
            albef(config=config, size=None)


def test_names_that_lavis_does_not_have(albef: Make) -> None:
    with pytest.raises(RatevalError, match='did you mean "albef_retrieval_coco"'):
        albef(config="albef_retrieval_cocoa", size=None)
    with pytest.raises(RatevalError, match="there are albef_classification_ve, "):
        albef(config="x", size=None)


def test_the_digest_follows_the_configs(write: Callable[..., str]) -> None:
    def named(path: str) -> str:
        return digest(LavisAlbefParams(pretrained="random", config=path))

    first = named(write())
    assert named(write()) == first
    assert named(write(embed_dim=16)) != first
    assert named(write(text={"fusion_layer": 2})) != first


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({}, "pretrained"),
        ({"pretrained": "nowhere.pth"}, "no such file: nowhere.pth"),
        ({"config": "nowhere.yaml"}, "no such file: nowhere.yaml"),
        ({"vocabulary": "nowhere.txt"}, "no such file: nowhere.txt"),
        ({"config": "albef_retrieval_coco", "size": {}}, "give one of them, not both"),
        ({"size": {"image_size": 60}}, "image_size = 60 must be a multiple of patch_size = 16"),
        ({"size": {"width": 100}}, "width = 100 must be a multiple of heads = 12"),
        ({"size": {"text_width": 100}}, "text_width = 100 must be a multiple of text_heads = 12"),
        ({"size": {"layers": 3}}, "layers"),
        ({"prompt": "a photo"}, "is no template"),
        ({"prompt": []}, "must be a template"),
        ({"image_mean": (0.5, 0.5, 1.5)}, "less than or equal to 1"),
        ({"image_std": (0.5, 0.5, 0.0)}, "greater than 0"),
    ],
)
def test_params_that_make_no_sense(params: dict[str, Any], message: str) -> None:
    given = {"pretrained": "random"} if params else {}
    for kind in (LavisAlbefParams, LavisBlipParams):
        with pytest.raises(ValidationError, match=message):
            kind(**(given | params))


def test_token_types_are_albefs_alone() -> None:
    with pytest.raises(ValidationError, match="token_types"):
        LavisBlipParams(pretrained="random", token_types=True)  # type: ignore[call-arg]


def test_an_image_is_squashed_and_normalised(make: Make) -> None:
    pixels = np.zeros((32, 96, 3), dtype=np.uint8)
    pixels[:, 48:] = 255
    mask = pixels[..., 0] > 0
    plain = make().preprocess(Image.fromarray(pixels))
    model = make(image_mean=(0.5, 0.5, 0.5), image_std=(0.25, 0.5, 0.5))
    image = model.preprocess(Image.fromarray(pixels))
    assert image.shape == plain.shape == (3, 64, 64)
    assert set(image[:, :, 0].flatten().tolist()) == {-2.0, -1.0}
    assert set(image[0, :, -1].tolist()) == {2.0}
    clip_black = [-0.48145466 / 0.26862954, -0.4578275 / 0.26130258, -0.40821073 / 0.27577711]
    assert plain[:, 0, 0].tolist() == pytest.approx(clip_black)
    fitted = model.preprocess_mask(mask)
    assert torch.equal(fitted, torch.arange(64).expand(64, 64) >= 32)
