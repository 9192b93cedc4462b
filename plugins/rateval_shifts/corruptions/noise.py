"""Noise of each pixel on its own, in whole numbers throughout.

Nothing here has a length, so nothing is scaled: a grain is one pixel at any resolution.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import pdtr

from rateval_shifts.corruptions import constants
from rateval_shifts.corruptions.picture import Picture
from rateval_shifts.corruptions.streams import WORDS, Stream

_SHOT_BITS = 14
"""Bits of chance for a number of photons: a table of 4 MiB for each severity that is used."""


def gaussian_noise(picture: Picture, severity: int, stream: Stream) -> Picture:
    """Add normal noise of one strength everywhere, another number for each channel."""
    sigma = constants.GAUSSIAN_NOISE[severity - 1]
    noise = stream.normals(255 * 256 * sigma, *picture.pixels.shape)
    noise += picture.pixels.astype(np.int32) << 8
    return Picture(_whole(noise), picture.mask)


def speckle_noise(picture: Picture, severity: int, stream: Stream) -> Picture:
    """Add normal noise in proportion to the pixel's own level."""
    sigma = constants.SPECKLE_NOISE[severity - 1]
    levels = picture.pixels.astype(np.int32)
    noise = stream.normals(65536 * sigma, *levels.shape)
    noise *= levels
    noise >>= 8
    noise += levels << 8
    return Picture(_whole(noise), picture.mask)


def shot_noise(picture: Picture, severity: int, stream: Stream) -> Picture:
    """Count photons: a Poisson number of which each is a share of white."""
    table = shot_table(constants.SHOT_NOISE[severity - 1])
    places = picture.pixels.astype(np.int32) << _SHOT_BITS
    places |= stream.words(*places.shape) >> np.uint16(16 - _SHOT_BITS)
    return Picture(np.take(table, places), picture.mask)


def impulse_noise(picture: Picture, severity: int, stream: Stream) -> Picture:
    """Turn values of single channels black or white, both equally often."""
    share = constants.IMPULSE_NOISE[severity - 1]
    words = stream.words(*picture.pixels.shape)
    pixels = picture.pixels.copy()
    pixels[words < round(share * WORDS)] = 255
    pixels[words < round(share * WORDS / 2)] = 0
    return Picture(pixels, picture.mask)


@lru_cache(maxsize=5)
def shot_table(photons: int) -> NDArray[np.uint8]:
    """Return the level for each level before and each of 16,384 chances, (4194304,) uint8.

    >>> table = shot_table(60).reshape(256, -1)
    >>> int(table[0].max()), round(float(table[128].mean()), 1)  # levels are cut to whole ones
    (0, 127.6)
    """
    chances = (np.arange(1 << _SHOT_BITS) + 0.5) / (1 << _SHOT_BITS)
    counts = np.arange(photons)
    # As many photons as make white, or more: the last entry.
    levels = np.minimum(255 * np.arange(photons + 1) // photons, 255).astype(np.uint8)
    rows = [
        levels[np.searchsorted(pdtr(counts, photons * level / 255), chances)]
        for level in range(256)
    ]
    table = np.concatenate(rows)
    table.flags.writeable = False
    return table


def _whole(levels: NDArray[np.int32]) -> NDArray[np.uint8]:
    """Turn 256ths of levels into levels by cutting off; changes its input."""
    np.clip(levels, 0, 255 << 8, out=levels)
    levels >>= 8
    return levels.astype(np.uint8)
