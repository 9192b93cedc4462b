"""What is exported loads in open_clip alone and as this component, with the same logits."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import open_clip
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file
from torch.nn import functional as F

from rateval.api import Context, RatevalError
from rateval_clip import files
from rateval_clip.model import Clip, make_clip
from rateval_clip.params import ClipParams

Build = Callable[..., Clip]
State = dict[str, torch.Tensor]
QUICKSTART = Path(files.__file__).parent / "quickstart"
PROMPTS = ["a photo of a heart", "a star on brick", "a moon"]
SIGLIP: dict[str, Any] = {
    "embed_dim": 96,
    "init_logit_bias": -10,
    "custom_text": True,
    "vision_cfg": {
        "image_size": 160,
        "timm_model_name": "test_vit3",
        "timm_pool": "map",
        "timm_proj": "none",
    },
    "text_cfg": {
        "context_length": 8,
        "vocab_size": 20,
        "width": 24,
        "heads": 2,
        "layers": 1,
        "no_causal_mask": True,
        "proj_bias": True,
        "pool_type": "last",
        "norm_kwargs": {"eps": 1e-6},
    },
}


def change(module: torch.nn.Module) -> None:
    generator = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for weight in module.parameters():
            weight.add_(0.05 * torch.randn(weight.shape, generator=generator))


@torch.no_grad()
def logits(model: Clip, images: torch.Tensor, text: list[str] | torch.Tensor) -> torch.Tensor:
    image, prompts = model.encode_image(images), model.encode_text(text)
    return model.logit_scale * F.normalize(image, dim=-1) @ F.normalize(prompts, dim=-1).T


@pytest.fixture
def trained() -> Clip:
    """The quickstart model, with other weights and another mean than its own."""
    model = make_clip(ClipParams(image_mean=(0.4, 0.5, 0.6)), Context())
    change(model.module)
    return model


@pytest.fixture
def picture() -> Image.Image:
    pixels = np.random.default_rng(2).integers(0, 256, (90, 70, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


def test_open_clip_alone_computes_the_same(
    trained: Clip, tmp_path: Path, picture: Image.Image
) -> None:
    folder = tmp_path / "out"
    files = trained.export_checkpoint(folder)
    assert set(files) == set(folder.iterdir())
    upstream, preprocess = open_clip.create_model_from_pretrained(f"local-dir:{folder}")
    tokenizer = open_clip.get_tokenizer(f"local-dir:{folder}")
    images = preprocess(picture)[None]
    assert torch.equal(images[0], trained.preprocess(picture))
    with torch.no_grad():
        found = upstream.eval()(images, tokenizer(PROMPTS))
        found = upstream.logit_scale.exp() * found[0] @ found[1].T
    torch.testing.assert_close(found, logits(trained, images, PROMPTS), atol=1e-6, rtol=1e-6)


def test_it_is_a_component_again(trained: Clip, tmp_path: Path, picture: Image.Image) -> None:
    trained.export_checkpoint(tmp_path / "out")
    back = make_clip(ClipParams(architecture=str(tmp_path / "out")), Context())
    assert torch.equal(back.preprocess(picture), trained.preprocess(picture))
    images = trained.preprocess(picture)[None]
    assert torch.equal(logits(back, images, PROMPTS), logits(trained, images, PROMPTS))
    assert back.card.mean == (0.4, 0.5, 0.6)


def test_a_tokenizer_is_copied_as_it_is(trained: Clip, tmp_path: Path) -> None:
    trained.export_checkpoint(tmp_path)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        assert (tmp_path / name).read_bytes() == (QUICKSTART / name).read_bytes()


def test_an_export_replaces_the_folder_it_came_from(trained: Clip, tmp_path: Path) -> None:
    shutil.copytree(QUICKSTART, tmp_path / "own")
    params = ClipParams(architecture=str(tmp_path / "own"))
    model = make_clip(params, Context())
    change(model.module)
    model.export_checkpoint(tmp_path / "own")
    images = torch.zeros(1, 3, 64, 64)
    back = make_clip(params, Context())
    assert torch.equal(logits(back, images, PROMPTS), logits(model, images, PROMPTS))


@pytest.mark.parametrize("siglip", [False, True])
def test_open_clip_s_tokenizer_needs_no_file(build: Build, tmp_path: Path, siglip: bool) -> None:
    model = build(architecture=SIGLIP) if siglip else build()
    change(model.module)
    images = torch.randn(2, 3, *model.image_size, generator=torch.Generator().manual_seed(1))
    ids = torch.tensor([[1, 5, 19, 0, 0, 0, 0, 0], [1, 7, 8, 19, 0, 0, 0, 0]])
    files = model.export_checkpoint(tmp_path)
    assert sorted(file.name for file in files) == [
        "open_clip_config.json",
        "open_clip_model.safetensors",
    ]
    # Its weights are there; nothing of ImageNet is to be fetched.
    upstream = open_clip.create_model(f"local-dir:{tmp_path}").eval()
    with torch.no_grad():
        image, text, scale, *bias = upstream(images, ids)
    expected = logits(model, images, ids)
    torch.testing.assert_close(scale * image @ text.T, expected, atol=1e-6, rtol=1e-6)
    assert len(bias) == siglip
    back = build(architecture=str(tmp_path), pretrained=None)
    assert torch.equal(logits(back, images, ids), expected)


def test_half_precision_stays_half(build: Build, tmp_path: Path) -> None:
    build(dtype="float16").export_checkpoint(tmp_path)
    state = load_file(tmp_path / "open_clip_model.safetensors")
    assert {value.dtype for value in state.values()} == {torch.float16}


def test_the_config_is_the_given_one(build: Build, config: dict[str, Any], tmp_path: Path) -> None:
    build(image_std=(0.1, 0.2, 0.3)).export_checkpoint(tmp_path)
    content = json.loads((tmp_path / "open_clip_config.json").read_text(encoding="utf-8"))
    assert content["model_cfg"] == config
    assert content["preprocess_cfg"]["std"] == [0.1, 0.2, 0.3]
    assert content["preprocess_cfg"]["size"] == [32, 32]


def test_load_checkpoint_replaces_every_weight_in_place(build: Build, state: State) -> None:
    model = build()
    weights = dict(model.module.named_parameters())
    openai = state | {"input_resolution": torch.tensor(32), "vocab_size": torch.tensor(20)}
    model.load_checkpoint(openai, Path("mine.pt"))
    assert all(weights[key].equal(value) for key, value in state.items() if key in weights)
    assert model.card.checkpoint == "mine.pt"
    assert model.card.licence == "unknown"
    assert model.card.keys_used == len(state)
    assert set(model.card.keys_ignored) == {"input_resolution", "vocab_size"}


def test_load_checkpoint_refuses_what_the_constructor_refuses(build: Build, state: State) -> None:
    del state["visual.conv1.weight"]
    with pytest.raises(RatevalError, match=r"mine.pt: the keys are not .* 1 missing \(visual.conv"):
        build().load_checkpoint(state, Path("mine.pt"))


def test_load_checkpoint_resizes_positions_when_asked(build: Build, config: dict[str, Any]) -> None:
    config["vision_cfg"]["image_size"] = 64
    larger = build(architecture=config, seed=3).module.state_dict()
    with pytest.raises(RatevalError, match="of another grid"):
        build().load_checkpoint(larger, Path("larger.pt"))
    model = build(resize_positions=True)
    model.load_checkpoint(larger, Path("larger.pt"))
    assert model.module.state_dict()["visual.conv1.weight"].equal(larger["visual.conv1.weight"])
