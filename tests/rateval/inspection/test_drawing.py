"""Evidence drawn on a picture: it is where the mask is, however small that is."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from rateval.inspection.sheet.drawing import COLOUR, draw_evidence


def drawn(mask: NDArray[np.bool_], side: int) -> NDArray[np.uint8]:
    image = Image.new("RGB", (mask.shape[1], mask.shape[0]), (90, 90, 90))
    return np.asarray(draw_evidence(image, mask, side))


def test_a_mask_is_outlined_within_and_haloed_without() -> None:
    mask = np.zeros((100, 100), dtype=np.bool_)
    mask[20:60, 30:70] = True
    pixels = drawn(mask, 100)
    assert tuple(pixels[20, 50]) == COLOUR
    assert tuple(pixels[19, 50]) == (255, 255, 255)
    assert tuple(pixels[5, 5]) == (90, 90, 90)
    inside = [round(0.7 * 90 + 0.3 * channel) for channel in COLOUR]
    assert pixels[40, 50].tolist() == pytest.approx(inside, abs=1)


def test_one_pixel_of_many_is_seen() -> None:
    mask = np.zeros((3000, 4000), dtype=np.bool_)
    mask[1501, 2003] = True
    pixels = drawn(mask, 240)
    rows, columns = np.nonzero((pixels == COLOUR).all(axis=-1))
    assert (rows.tolist(), columns.tolist()) == ([90], [120])


@pytest.mark.parametrize("shape", [(5, 400), (400, 5), (1, 1), (240, 240), (7, 11), (100, 239)])
def test_any_shape_keeps_its_aspect_and_all_of_its_evidence(shape: tuple[int, int]) -> None:
    mask = np.zeros(shape, dtype=np.bool_)
    mask[-1, -1] = mask[0, 0] = True
    pixels = drawn(mask, 240)
    assert max(pixels.shape[:2]) == 240
    # The corners are evidence.
    assert tuple(pixels[0, 0]) == tuple(pixels[-1, -1]) == COLOUR


def test_without_evidence_the_image_is_as_it_was() -> None:
    mask = np.zeros((10, 20), dtype=np.bool_)
    assert (drawn(mask, 40) == 90).all()
    image = Image.new("RGB", (20, 10), (1, 2, 3))
    assert (np.asarray(draw_evidence(image, None, 10)) == (1, 2, 3)).all()
