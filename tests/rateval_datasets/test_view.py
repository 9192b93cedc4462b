"""What the published code shows of an image, and that models then only normalise it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import rateval
from rateval_datasets.view import View

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
TINY_CLIP: dict[str, Any] = {
    "embed_dim": 16,
    "vision_cfg": {
        "image_size": 224,
        "patch_size": 112,
        "width": 64,
        "head_width": 32,
        "layers": 1,
    },
    "text_cfg": {"context_length": 8, "vocab_size": 20, "width": 16, "heads": 2, "layers": 1},
}
TINY_SIZE = {
    "image_size": 224,
    "width": 48,
    "depth": 1,
    "heads": 3,
    "text_width": 48,
    "text_layers": 1,
    "text_heads": 3,
    "text_intermediate": 64,
    "vocabulary_size": 100,
}


@pytest.mark.parametrize("shorter", [224, 256])
@pytest.mark.parametrize(
    "size", [(375, 500), (500, 333), (224, 224), (40, 2000), (257, 301), (1, 1)]
)
def test_a_view_is_torchvisions_resize_and_crop(
    tools: Any, shorter: int, size: tuple[int, int]
) -> None:
    pixels = np.random.default_rng(size).integers(0, 256, (*size, 3), dtype=np.uint8)
    image, mask = Image.fromarray(pixels), pixels[..., 0] > 99
    view = View(shorter)
    np.testing.assert_array_equal(np.asarray(view.image(image)), tools.show(image, shorter))
    np.testing.assert_array_equal(view.mask(mask), tools.show(mask, shorter), strict=True)


@pytest.mark.parametrize(
    ("name", "params"),
    [("clip", {"architecture": TINY_CLIP}), ("albef", {"size": TINY_SIZE})],
)
def test_a_model_of_224_pixels_only_normalises_what_is_shown(
    name: Any, params: dict[str, Any]
) -> None:
    own: dict[str, Any] = {"pretrained": "random", "image_mean": MEAN, "image_std": STD}
    model = rateval.create("model", name, **own, **params)
    pixels = np.random.default_rng(5).integers(0, 256, (300, 400, 3), dtype=np.uint8)
    shown, mask = View(256).image(Image.fromarray(pixels)), View(256).mask(pixels[..., 0] > 99)
    scaled = np.asarray(shown, dtype=np.float64).transpose(2, 0, 1) / 255
    expected = (scaled - np.reshape(MEAN, (3, 1, 1))) / np.reshape(STD, (3, 1, 1))
    np.testing.assert_allclose(model.preprocess(shown).numpy(), expected, rtol=0, atol=1e-6)
    assert torch.equal(model.preprocess_mask(mask), torch.from_numpy(mask))
