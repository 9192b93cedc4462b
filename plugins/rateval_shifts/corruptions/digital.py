"""Corruptions of levels and of storage, in whole numbers: nothing moves, so masks stay."""

from __future__ import annotations

import io
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from rateval_shifts.corruptions import constants
from rateval_shifts.corruptions.picture import GUARD, Picture, Pixels, cut
from rateval_shifts.corruptions.streams import Stream


def brightness(picture: Picture, severity: int, stream: Stream) -> Picture:
    """Raise the value of HSV: a pixel's channels grow by one factor until the largest is white."""
    table = brightness_table(constants.BRIGHTNESS[severity - 1])
    channels = _channels(picture.pixels)
    value = np.maximum.reduce(channels).astype(np.uint16) << np.uint16(8)
    pixels = np.stack([np.take(table, value | channel) for channel in channels], axis=2)
    return Picture(pixels, picture.mask)


@lru_cache(maxsize=5)
def brightness_table(tenths: int) -> NDArray[np.uint8]:
    """Return the level after, for each value and level before, (65536,) uint8; black turns grey.

    >>> table = brightness_table(2).reshape(256, 256)  # by 51
    >>> table[100, [100, 50, 0]].tolist(), int(table[0, 0])
    ([151, 75, 0], 51)
    """
    value, level = np.arange(256)[:, None], np.arange(256)[None, :]
    # Halves of levels: a tenth is 25.5.
    after = np.minimum(2 * value + 51 * tenths, 510)
    table = np.minimum(level * after // np.maximum(2 * value, 1), 255)
    table[0] = after[0] // 2
    return table.astype(np.uint8).reshape(-1)


def contrast(picture: Picture, severity: int, stream: Stream) -> Picture:
    """Bring levels towards their channel's mean."""
    share = constants.CONTRAST[severity - 1]
    levels = np.arange(256, dtype=np.float64)
    pixels = np.empty_like(picture.pixels)
    for channel in range(3):
        plane = picture.pixels[:, :, channel]
        mean = int(plane.sum(dtype=np.int64)) / plane.size
        table = cut((levels - mean) * share + mean)
        pixels[:, :, channel] = np.take(table, plane)
    return Picture(pixels, picture.mask)


def saturate(picture: Picture, severity: int, stream: Stream) -> Picture:
    """Change the saturation of HSV; what has no hue counts as red, as in scikit-image."""
    factor, more = constants.SATURATE[severity - 1]
    channels = _channels(picture.pixels)
    value, least = np.maximum.reduce(channels), np.minimum.reduce(channels)
    places = (value.astype(np.uint16) << np.uint16(8)) | least
    factors = np.take(saturation_table(factor, more), places)
    whole = value.astype(np.int32)
    after = [(((whole << 16) - (whole - channel) * factors) >> 16) for channel in channels]
    if more:
        red = np.floor(np.arange(256) * (1 - more) + GUARD).astype(np.int32)
        for channel in (1, 2):
            after[channel] = np.where(value == least, np.take(red, value), after[channel])
    return Picture(np.stack(after, axis=2).astype(np.uint8), picture.mask)


def _channels(pixels: Pixels) -> list[NDArray[np.uint8]]:
    return [np.ascontiguousarray(pixels[:, :, channel]) for channel in range(3)]


@lru_cache(maxsize=5)
def saturation_table(factor: float, more: float) -> NDArray[np.int32]:
    """Return 65,536ths by which the distance to the value grows, by value and least channel.

    (65536,) int32; 0 where there is no distance.
    """
    value, least = np.arange(256.0)[:, None], np.arange(256.0)[None, :]
    distance = value - least
    there = distance > 0
    saturation = np.where(there, distance, 1) / np.maximum(value, 1)
    after = np.clip(saturation * factor + more, 0, 1)
    return (
        np.where(there, np.floor(65536 * after / saturation + GUARD), 0)
        .astype(np.int32)
        .reshape(-1)
    )


def pixelate(picture: Picture, severity: int, stream: Stream) -> Picture:
    """Shrink by means of boxes and enlarge by repeating, both Pillow's.

    Boxes are as large a share of the picture as published, and never less than a pixel.
    """
    share = constants.PIXELATE[severity - 1] / max(1.0, picture.scale)
    height, width = picture.size
    image = Image.fromarray(picture.pixels)
    small = image.resize(
        (max(1, int(width * share)), max(1, int(height * share))), Image.Resampling.BOX
    )
    return Picture(np.asarray(small.resize((width, height), Image.Resampling.BOX)), picture.mask)


def jpeg_compression(picture: Picture, severity: int, stream: Stream) -> Picture:
    """Store as JPEG of a low quality, by Pillow; its blocks are of 8 pixels at any resolution."""
    return Picture(
        through_jpeg(picture.pixels, constants.JPEG_COMPRESSION[severity - 1]), picture.mask
    )


def through_jpeg(pixels: Pixels, quality: int) -> Pixels:
    """Return what is left of pixels that were stored as JPEG, colours at half the resolution."""
    stored = io.BytesIO()
    Image.fromarray(pixels).save(stored, "JPEG", quality=quality, subsampling="4:2:0")
    with Image.open(stored) as image:
        return np.asarray(image.convert("RGB"))
