"""Relevance as colours that stay apart for every kind of colour vision, and in grey."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

_STOPS = (
    (18, 14, 62),
    (44, 58, 140),
    (38, 116, 148),
    (72, 166, 128),
    (172, 208, 82),
    (252, 238, 92),
)
"""From no relevance to the most: blue to yellow, each lighter than the one before."""
_SHARE = 0.65
"""Share of the colour over the photo, whose grey shows through."""


def colour(values: NDArray[np.floating]) -> NDArray[np.uint8]:
    """Return the colours (…, 3) of values from 0 to 1.

    >>> colour(np.array([0.0, 1.0])).tolist()
    [[18, 14, 62], [252, 238, 92]]
    """
    stops = np.array(_STOPS, dtype=np.float64)
    at = np.clip(values, 0, 1).astype(np.float64) * (len(stops) - 1)
    parts = [np.interp(at, np.arange(len(stops)), stops[:, channel]) for channel in range(3)]
    return np.round(np.stack(parts, axis=-1)).astype(np.uint8)


def overlay(picture: Image.Image, relevance: NDArray[np.floating]) -> Image.Image:
    """Return an RGB picture in grey under its relevance, (rows, columns) from 0 to 1.

    Between the centres of patches relevance is interpolated.

    >>> overlay(Image.new("RGB", (8, 4)), np.eye(2)).size
    (8, 4)
    """
    small = Image.fromarray(np.asarray(relevance, dtype=np.float32))
    spread = np.asarray(small.resize(picture.size, Image.Resampling.BILINEAR))
    grey = np.asarray(picture.convert("L").convert("RGB"), dtype=np.float64)
    mixed = (1 - _SHARE) * grey + _SHARE * colour(spread)
    return Image.fromarray(np.round(mixed).astype(np.uint8))


def legend(width: int, height: int) -> Image.Image:
    """Return the colours from none to most, from left to right.

    >>> legend(20, 4).size
    (20, 4)
    """
    row = colour(np.linspace(0, 1, width))
    return Image.fromarray(np.ascontiguousarray(np.broadcast_to(row, (height, width, 3))))
