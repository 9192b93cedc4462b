"""Colour and detail taken away, each against an independent computation."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from PIL import Image

from rateval.api import Sample


def noise(size: tuple[int, int]) -> Sample:
    pixels = np.random.default_rng(5).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    return Sample("noise", Image.fromarray(pixels), 0, pixels[..., 0] > 128)


def test_grey_is_the_luma_of_601(make: Any) -> None:
    sample = noise((41, 27))
    after = np.asarray(make("grey").apply(sample).image).astype(float)
    exact = np.asarray(sample.image).astype(float) @ (0.299, 0.587, 0.114)
    assert abs(after - exact[..., None]).max() < 1


@pytest.mark.parametrize(("severity", "quality"), list(enumerate((50, 30, 20, 10, 5), start=1)))
def test_jpeg_is_written_at_its_quality(severity: int, quality: int, make: Any) -> None:
    sample = noise((50, 34))
    file = io.BytesIO()
    sample.image.save(file, "JPEG", quality=quality)
    with Image.open(file) as image:
        expected = image.convert("RGB").tobytes()
    assert make("jpeg", severity=severity).apply(sample).image.tobytes() == expected


@pytest.mark.parametrize(("severity", "divisor"), list(enumerate((2, 3, 4, 6, 8), start=1)))
@pytest.mark.parametrize("side", [48, 448])
def test_resolution_leaves_means_of_blocks(
    severity: int, divisor: int, side: int, make: Any
) -> None:
    """Of a side that models see: 448 pixels count as 224, and blocks are twice as large."""
    block = divisor * side // min(side, 224)
    small = side // block
    values = np.arange(small * small).reshape(small, small) * 7 % 256
    big = np.repeat(np.repeat(values, block, axis=0), block, axis=1)
    rest = side - len(big)
    big = np.pad(big, (0, rest), mode="edge").astype(np.uint8)
    sample = Sample("a", Image.fromarray(np.repeat(big[..., None], 3, axis=2)), 0, None)
    after = make("resolution", severity=severity).apply(sample)
    assert after.image.size == (side, side)
    if rest == 0:
        # Small, the image is the values; bilinear enlargement has them in the middle of blocks.
        seen = np.asarray(after.image)[..., 0].astype(int)
        middle = seen[block // 2 :: block, block // 2 :: block]
        if block % 2:
            assert (middle == values).all()
        shrunk = after.image.resize((small, small), Image.Resampling.BOX)
        assert np.corrcoef(np.asarray(shrunk)[..., 0].ravel(), values.ravel())[0, 1] > 0.5


@pytest.mark.parametrize("size", [(1, 1), (3, 2), (1, 500)])
def test_the_smallest_images_keep_a_pixel(size: tuple[int, int], make: Any) -> None:
    for severity in range(1, 6):
        after = make("resolution", severity=severity).apply(noise(size))
        assert after.image.size == size
