"""The colours of relevance rise in lightness, also as a person sees them who tells fewer apart."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from rateval.live.looking.heat import colour, overlay

# Linear RGB as people without one kind of cone see it: Viénot, Brettel, Mollon, 1999.
SEEN_WITHOUT = {
    "none lacking": np.eye(3),
    "long": np.array([[0.11238, 0.88762, 0], [0.11238, 0.88762, 0], [0.00401, -0.00401, 1]]),
    "medium": np.array([[0.29275, 0.70725, 0], [0.29275, 0.70725, 0], [-0.02234, 0.02234, 1]]),
}


def luminance(rgb: NDArray[np.uint8], seen: NDArray[np.float64]) -> NDArray[np.float64]:
    share = rgb.astype(np.float64) / 255
    linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    found: NDArray[np.float64] = (linear @ seen.T) @ np.array([0.2126, 0.7152, 0.0722])
    return found


@pytest.mark.parametrize("lacking", SEEN_WITHOUT)
def test_more_is_lighter(lacking: str) -> None:
    shades = luminance(colour(np.linspace(0, 1, 65)), SEEN_WITHOUT[lacking])
    assert (np.diff(shades) > 0).all()
    assert shades[-1] > 10 * shades[0]


def test_the_lightest_place_is_the_most_relevant() -> None:
    relevance = np.zeros((4, 6))
    relevance[3, 1] = 1
    drawn = np.asarray(overlay(Image.new("RGB", (60, 40), "#777777"), relevance).convert("L"))
    row, column = divmod(int(drawn.argmax()), drawn.shape[1])
    assert (row // 10, column // 10) == (3, 1)
