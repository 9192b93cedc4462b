"""A live model of transformers gives what its folder gives."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.transforms import CenterCrop, Compose, Resize, ToTensor
from transformers import CLIPImageProcessor, PreTrainedTokenizerFast, SiglipImageProcessor

import rateval
from rateval.api import RatevalError
from rateval_hf.model import HfClip

Build = Callable[..., HfClip]


@pytest.fixture
def processors(folder: Path, kind: str) -> tuple[Any, Any]:
    reader: Any = CLIPImageProcessor if kind == "clip" else SiglipImageProcessor
    tokens: Any = PreTrainedTokenizerFast
    return tokens.from_pretrained(folder), reader.from_pretrained(folder)


def test_it_is_the_model_of_its_folder(
    build: Build, upstream: Any, processors: tuple[Any, Any], images: torch.Tensor
) -> None:
    expected, module = build(prompt="a {class}"), upstream.train()
    model = rateval.wrap(module, *processors, prompt="a {class}")
    assert module.training and model.module is module
    module.eval()
    for name in ("grid", "prefix_tokens", "readout", "depth"):
        assert getattr(model, name) == getattr(expected, name)
    assert model.prompts(["dog"]) == expected.prompts(["dog"])
    texts = ["a photo of a dog", "yellow taxi"]
    torch.testing.assert_close(model.encode_text(texts), expected.encode_text(texts))
    with model.record_attention([0, model.depth - 1]) as recorded:
        embedded = model.encode_image(images)
    torch.testing.assert_close(embedded, expected.encode_image(images), atol=1e-5, rtol=1e-4)
    assert sorted(recorded) == [0, model.depth - 1]
    pixels = np.random.default_rng(0).integers(0, 256, (40, 61, 3), dtype=np.uint8)
    image = Image.fromarray(pixels)
    assert torch.equal(model.preprocess(image), expected.preprocess(image))
    mask = pixels[..., 0] > 127
    assert torch.equal(model.preprocess_mask(mask), expected.preprocess_mask(mask))
    assert model.card.architecture == expected.card.architecture
    assert (model.card.mean, model.card.std) == (expected.card.mean, expected.card.std)


def test_a_transform_of_torchvision_serves(upstream: Any, processors: tuple[Any, Any]) -> None:
    def squares(size: int) -> Compose:
        return Compose([Resize(size), CenterCrop(size), ToTensor()])

    model = rateval.wrap(upstream, preprocess=squares(32))
    assert model.preprocess(Image.new("RGB", (50, 70))).shape == (3, 32, 32)
    with pytest.raises(RatevalError, match="came without a tokenizer; give rateval"):
        model.encode_text(["a dog"])
    with pytest.raises(RatevalError, match=r"^rateval.wrap: \w+: preprocess is missing; give"):
        rateval.wrap(upstream, processors[0])
    with pytest.raises(
        RatevalError, match="makes images of 40 x 40 pixels, and the model takes 32"
    ):
        rateval.wrap(upstream, preprocess=squares(40))
    with pytest.raises(RatevalError, match=r"is recorded by the component .hf-clip.; leave record"):
        rateval.wrap(upstream, *processors, record=lambda images: images)
    with pytest.raises(RatevalError, match="prompt: 'a dog' is no template"):
        rateval.wrap(upstream, *processors, prompt="a dog")


def test_its_owner_loads_and_saves(
    upstream: Any, processors: tuple[Any, Any], tmp_path: Path
) -> None:
    model = rateval.wrap(upstream, *processors)
    with pytest.raises(RatevalError, match="save the module yourself"):
        model.export_checkpoint(tmp_path / "out")
    with pytest.raises(RatevalError, match="load it into the module yourself"):
        model.load_checkpoint({}, tmp_path / "weights.pt")
