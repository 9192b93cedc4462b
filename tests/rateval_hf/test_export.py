"""What is exported loads in transformers alone and as this component, with the same logits."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn import functional as F
from transformers import AutoTokenizer, CLIPImageProcessor, CLIPModel, SiglipModel

from rateval.api import Context, RatevalError
from rateval_hf.model import HfClip, make_hf_clip
from rateval_hf.params import HfClipParams

Build = Callable[..., HfClip]
Edit = Callable[[str, dict[str, Any]], None]


def change(module: torch.nn.Module) -> None:
    generator = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for weight in module.parameters():
            weight.add_(0.05 * torch.randn(weight.shape, generator=generator))


@torch.no_grad()
def logits(model: HfClip, images: torch.Tensor, text: list[str] | torch.Tensor) -> torch.Tensor:
    image, prompts = model.encode_image(images), model.encode_text(text)
    return model.logit_scale * F.normalize(image, dim=-1) @ F.normalize(prompts, dim=-1).T


def test_transformers_alone_computes_the_same(
    build: Build, kind: str, images: torch.Tensor, ids: torch.Tensor, tmp_path: Path
) -> None:
    model, out = build(), tmp_path / "out"
    change(model.module)
    files = model.export_checkpoint(out)
    assert set(files) == set(out.iterdir())
    make: Any = CLIPModel if kind == "clip" else SiglipModel
    upstream, info = make.from_pretrained(out, local_files_only=True, output_loading_info=True)
    assert not any(info.values())
    with torch.no_grad():
        found = upstream.eval()(pixel_values=images, input_ids=ids).logits_per_image
        if kind == "siglip":
            found = found - upstream.logit_bias
    torch.testing.assert_close(found, logits(model, images, ids), atol=1e-6, rtol=1e-6)


def test_it_is_a_component_again(build: Build, images: torch.Tensor, tmp_path: Path) -> None:
    model = build(image_std=(0.1, 0.2, 0.3))
    change(model.module)
    model.export_checkpoint(tmp_path / "out")
    back = make_hf_clip(HfClipParams(folder=str(tmp_path / "out")), Context())
    prompts = ["a photo of a dog", "yellow taxi"]
    assert torch.equal(logits(back, images, prompts), logits(model, images, prompts))
    assert back.card.std == (0.1, 0.2, 0.3)
    assert back.card.mean == model.card.mean


def test_processor_and_tokenizer_are_there(build: Build, kind: str, tmp_path: Path) -> None:
    model = build(image_mean=(0.1, 0.2, 0.3))
    model.export_checkpoint(tmp_path / "out")
    tokenizer: Any = AutoTokenizer.from_pretrained(tmp_path / "out", local_files_only=True)
    assert tokenizer("yellow taxi")["input_ids"][:2] == [6, 7]
    if kind == "clip":
        pixels = np.random.default_rng(2).integers(0, 256, (50, 40, 3), dtype=np.uint8)
        picture = Image.fromarray(pixels)
        processor = CLIPImageProcessor.from_pretrained(tmp_path / "out", local_files_only=True)
        found = processor(picture, return_tensors="pt")["pixel_values"][0]
        off = (found - model.preprocess(picture)).abs().mean()
        assert off < 0.02  # transformers resizes by tensors, this by PIL


def test_settings_within_those_of_a_processor(build: Build, folder: Path, tmp_path: Path) -> None:
    old = folder / "preprocessor_config.json"
    settings = json.loads(old.read_text(encoding="utf-8"))
    old.unlink()
    new = {"image_processor": settings, "processor_class": "CLIPProcessor"}
    (folder / "processor_config.json").write_text(json.dumps(new), encoding="utf-8")
    build(image_mean=(0.1, 0.2, 0.3)).export_checkpoint(tmp_path / "out")
    written = json.loads((tmp_path / "out" / "processor_config.json").read_text(encoding="utf-8"))
    assert written["processor_class"] == "CLIPProcessor"
    changed = {"image_mean": [0.1, 0.2, 0.3], "do_normalize": True}
    assert written["image_processor"] == settings | changed


def test_load_checkpoint_replaces_every_weight_in_place(build: Build, upstream: Any) -> None:
    model = build()
    before = dict(model.module.named_parameters())
    change(model.module)
    state = upstream.state_dict()
    old = {"vision_model.embeddings.position_ids": torch.arange(17)[None]}
    model.load_checkpoint(state | old, Path("mine.bin"))
    assert all(before[key].equal(state[key]) for key in before)
    card = model.card
    assert (card.checkpoint, card.keys_used) == ("mine.bin", len(state))
    assert card.keys_ignored == tuple(old)


def test_load_checkpoint_refuses_what_the_constructor_refuses(build: Build, upstream: Any) -> None:
    with pytest.raises(RatevalError, match=r"mine.bin: the keys are not those of config.json"):
        build().load_checkpoint(upstream.state_dict() | {"x": torch.zeros(1)}, Path("mine.bin"))
