from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from rateval.api import Sample

Draw = Callable[[int, int], Image.Image]


def draw(height: int, width: int, seed: int = 0) -> Image.Image:
    """Draw what is as rough at each size as a photo: octaves of noise, coarse ones strongest."""
    rng = np.random.default_rng(seed)
    levels = np.zeros((height, width, 3))
    for cell in (96, 48, 24, 12, 6, 3):
        coarse = rng.random((height // cell + 3, width // cell + 3, 3)) - 0.5
        smooth = ndimage.zoom(coarse, (cell, cell, 1), order=1)
        levels += cell**0.8 * smooth[:height, :width]
    levels -= levels.min()
    levels *= 255 / levels.max()
    return Image.fromarray(levels.astype(np.uint8))


def disc(height: int, width: int) -> NDArray[np.bool_]:
    """Return a disc in the upper left, off the middle so that moves show."""
    rows, columns = np.ogrid[:height, :width]
    far = min(height, width) / 4
    return np.asarray(np.hypot(rows - 0.4 * height, columns - 0.45 * width) <= far)


@pytest.fixture(scope="session")
def photo() -> Image.Image:
    return draw(224, 224)


@pytest.fixture(scope="session")
def sample(photo: Image.Image) -> Sample:
    return Sample("n01440764/1.JPEG", photo, 3, disc(224, 224), caption="a fish")


@pytest.fixture(scope="session")
def drawn() -> Draw:
    return draw
