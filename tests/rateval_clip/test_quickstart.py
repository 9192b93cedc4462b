"""The tiny CLIP that comes with rateval is the default, and loads as open_clip loads it."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import open_clip
import pytest
import torch
from open_clip.tokenizer import HFTokenizer
from open_clip.transform import PreprocessCfg, image_transform_v2
from PIL import Image

from rateval.api import Context
from rateval_clip.files import locate_config
from rateval_clip.identity import digest
from rateval_clip.model import Clip, make_clip
from rateval_clip.params import ClipParams

PROMPTS = ["a photo of a heart", "A photo of a STAR", "a photo of a moon"]


@pytest.fixture(scope="module")
def quickstart() -> Clip:
    return make_clip(ClipParams(), Context())


def test_it_is_the_default(quickstart: Clip) -> None:
    assert (quickstart.name, quickstart.grid, quickstart.depth) == ("quickstart", (8, 8), 3)
    assert quickstart.image_size == (64, 64)
    assert quickstart.prompts(["heart"]) == [["a photo of a heart"]]
    assert len(digest(ClipParams())) == 64


def test_it_is_what_open_clip_makes_of_the_folder(quickstart: Clip) -> None:
    folder = locate_config("quickstart").folder
    assert folder is not None
    config = json.loads((folder / "open_clip_config.json").read_text(encoding="utf-8"))
    # Not by "local-dir:", which open_clip 2.32 does not know.
    module: Any = open_clip.CLIP(**config["model_cfg"]).eval()
    open_clip.load_checkpoint(module, str(folder / "open_clip_model.safetensors"))
    transform = image_transform_v2(PreprocessCfg(**config["preprocess_cfg"]), is_train=False)
    text = config["model_cfg"]["text_cfg"]
    tokenize = HFTokenizer(
        str(folder), context_length=text["context_length"], **text["tokenizer_kwargs"]
    )
    tokens = tokenize(PROMPTS)
    pixels = np.random.default_rng(0).integers(0, 256, (3, 70, 90, 3)).astype(np.uint8)
    images = [Image.fromarray(picture) for picture in pixels]
    batch = torch.stack([transform(image) for image in images])
    assert torch.equal(torch.stack([quickstart.preprocess(image) for image in images]), batch)
    assert torch.equal(quickstart.tokenizer(PROMPTS), tokens)
    with torch.no_grad():
        torch.testing.assert_close(quickstart.encode_image(batch), module.encode_image(batch))
        torch.testing.assert_close(quickstart.encode_text(PROMPTS), module.encode_text(tokens))
        assert float(quickstart.logit_scale) == pytest.approx(float(module.logit_scale.exp()))
