"""Image and mask go through the geometry of open_clip's own transform."""

from __future__ import annotations

import numpy as np
import open_clip
import pytest
import torch
from open_clip.transform import PreprocessCfg, image_transform_v2
from PIL import Image

from rateval.api import RatevalError
from rateval_clip.preprocessing import make_geometry

PLAIN = {"mean": (0.0, 0.0, 0.0), "std": (1.0, 1.0, 1.0)}


def _borders(inside: torch.Tensor) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    rows, cols = torch.nonzero(inside.any(1)).ravel(), torch.nonzero(inside.any(0)).ravel()
    return np.array([rows[0], rows[-1], cols[0], cols[-1]], dtype=np.int64)


@pytest.mark.parametrize("resize_mode", ["shortest", "longest", "squash"])
@pytest.mark.parametrize("target", [(64, 64), (48, 80)])
@pytest.mark.parametrize("size", [(97, 61), (61, 97), (333, 217), (31, 45), (64, 64), (23, 400)])
def test_image_and_mask_stay_aligned(
    size: tuple[int, int], target: tuple[int, int], resize_mode: str
) -> None:
    geometry, _ = make_geometry(PLAIN | {"size": target, "resize_mode": resize_mode})
    rows, cols = size
    mask = np.zeros(size, dtype=np.bool_)
    mask[rows // 3 : rows // 3 + max(1, rows // 2), cols // 3 : cols // 3 + cols // 3] = True
    pixels = np.repeat(mask[:, :, None] * np.uint8(255), 3, axis=2)
    moved_image = geometry.image(Image.fromarray(pixels))[0] > 0.5
    moved_mask = geometry.mask(mask)
    assert moved_mask.dtype == torch.bool
    assert moved_mask.shape == moved_image.shape == target
    assert abs(_borders(moved_mask) - _borders(moved_image)).max() <= 1
    relevance = geometry.relevance(mask.astype(np.float32), size)
    assert relevance.shape == target
    assert abs(_borders(relevance > 0.5) - _borders(moved_image)).max() <= 1


@pytest.mark.parametrize("resize_mode", ["shortest", "longest", "squash"])
def test_the_image_goes_through_open_clips_own_transform(resize_mode: str) -> None:
    settings = {"size": 32, "resize_mode": resize_mode, "interpolation": "bilinear", "mode": "RGB"}
    image = Image.fromarray(np.random.default_rng(0).integers(0, 256, (50, 41, 3)).astype(np.uint8))
    expected = image_transform_v2(
        PreprocessCfg(size=32, resize_mode=resize_mode, interpolation="bilinear"), is_train=False
    )(image)
    assert torch.equal(make_geometry(settings)[0].image(image), expected)


def test_absent_settings_are_open_clips_defaults() -> None:
    grey = Image.new("RGB", (8, 8), (128, 128, 128))
    mean, std = (
        torch.tensor(values)[:, None, None]
        for values in (open_clip.OPENAI_DATASET_MEAN, open_clip.OPENAI_DATASET_STD)
    )
    geometry, config = make_geometry({"size": 8, "mean": None})
    assert (config.mean, config.std) == (
        open_clip.OPENAI_DATASET_MEAN,
        open_clip.OPENAI_DATASET_STD,
    )
    image = geometry.image(grey)
    torch.testing.assert_close(image, ((128 / 255 - mean) / std).expand(3, 8, 8))


def test_what_is_padded_is_no_evidence() -> None:
    settings = PLAIN | {"size": 16, "resize_mode": "longest", "fill_color": 255}
    mask = make_geometry(settings)[0].mask(np.ones((8, 16), dtype=np.bool_))
    assert int(mask.sum()) == 8 * 16


def test_settings_that_open_clip_refuses() -> None:
    with pytest.raises(RatevalError, match=r"must be\s+bicubic or bilinear"):
        make_geometry({"size": 16, "interpolation": "nearest"})
