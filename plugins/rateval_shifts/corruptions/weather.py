"""Weather before the picture: nothing moves, so masks stay.

Snow, frost and spatter are drawn as on 224 pixels, then enlarged; fog has all sizes by itself.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from rateval_shifts.corruptions import constants
from rateval_shifts.corruptions.fields import Grid, frost_texture, plasma
from rateval_shifts.corruptions.filters import along, blur, trail
from rateval_shifts.corruptions.picture import Picture, Plane, cut
from rateval_shifts.corruptions.streams import Stream
from rateval_shifts.corruptions.warping import resample, zoomed

_GREY = (0.299, 0.587, 0.114)
_WATER, _MUD = (175, 238, 238), (63, 42, 20)


def fog(picture: Picture, severity: int, stream: Stream) -> Picture:
    """Add a plasma fractal, and darken so that the lightest level stays."""
    weight, decay = constants.FOG[severity - 1]
    lightest = int(picture.pixels.max())
    levels = picture.pixels.astype(np.float32)
    levels += (plasma(*picture.size, decay, stream) * np.float32(255 * weight))[:, :, None]
    levels *= np.float32(lightest / (lightest + 255 * weight))
    return Picture(cut(levels), picture.mask)


def frost(picture: Picture, severity: int, stream: Stream) -> Picture:
    """Add ice: a texture made here in place of the published photos of it."""
    own, ice = constants.FROST[severity - 1]
    grid = Grid(*picture.size)
    levels = grid.spread(frost_texture(grid.shape, stream)) * np.float32(ice)
    levels += np.float32(own) * picture.pixels
    return Picture(cut(levels), picture.mask)


def snow(picture: Picture, severity: int, stream: Stream) -> Picture:
    """Whiten, and add flakes with trails, once as they are and once turned by 180 degrees."""
    kept = np.float32(constants.SNOW[severity - 1][-1])
    grid = Grid(*picture.size)
    flakes = grid.spread(snowflakes(grid.shape, severity, stream).astype(np.float32))
    levels = picture.pixels.astype(np.float32)
    red, green, blue = (levels[:, :, i] * np.float32(_GREY[i]) for i in range(3))
    pale = (red + green + blue) * np.float32(1.5) + np.float32(127.5)
    white = np.maximum(levels, pale[:, :, None])
    levels *= kept
    white *= 1 - kept
    levels += white
    levels += (flakes + flakes[::-1, ::-1])[:, :, None]
    return Picture(cut(levels), picture.mask)


def snowflakes(shape: tuple[int, int], severity: int, stream: Stream) -> NDArray[np.uint8]:
    """Return the levels of flakes with their trails, (H, W) uint8."""
    mean, sigma, zoom, least, radius, trail_sigma, _ = constants.SNOW[severity - 1]
    height, width = shape
    kept = math.ceil(height / zoom), math.ceil(width / zoom)
    noise = stream.normals(65536 * sigma, *kept).astype(np.float32)
    layer = noise * np.float32(2.0**-16) + np.float32(mean)
    layer = resample(layer, zoomed(height, zoom, kept[0]), zoomed(width, zoom, kept[1]))
    layer[layer < least] = 0
    steps = trail(radius, trail_sigma, stream.uniform(-135, -45), 1.0)
    return along(cut(layer * np.float32(255)), steps)


def spatter(picture: Picture, severity: int, stream: Stream) -> Picture:
    """Splash with water (severity 1 to 3) or mud (4 and 5)."""
    mean, sigma, smooth, least, strength = constants.SPATTER[severity - 1]
    grid = Grid(*picture.size)
    noise = stream.normals(65536 * sigma, *grid.shape).astype(np.float32)
    liquid = blur(noise * np.float32(2.0**-16) + np.float32(mean), smooth)
    liquid[liquid < least] = 0
    levels = picture.pixels.astype(np.float32)
    if severity <= 3:
        share = grid.spread(water(liquid) * np.float32(strength))[:, :, None]
        return Picture(cut(levels + share * np.array(_WATER, np.float32)), picture.mask)
    cover = blur((liquid > 0).astype(np.float32), strength)
    cover[cover < 0.8] = 0
    share = grid.spread(cover)[:, :, None]
    return Picture(cut(levels * (1 - share) + share * np.array(_MUD, np.float32)), picture.mask)


def water(liquid: Plane) -> Plane:
    """Return how bright drops are, (H, W) float32 in [0, 1]: by their depth, lit from one side.

    The published steps: the distance to the drops' edges, at most 20, equalised, embossed and
    averaged. Distances are exact, and edges are the drops' outermost pixels, where OpenCV's Canny
    and its distances are approximate.
    """
    levels = (liquid * 255).astype(np.uint8)
    inside = levels > 0
    if not inside.any():
        return np.zeros_like(liquid)
    edges = inside & ~ndimage.binary_erosion(inside, border_value=1)
    if not edges.any():
        return np.zeros_like(liquid)
    far = np.minimum(ndimage.distance_transform_edt(~edges), 20).astype(np.float32)
    depth = equalised(cut(_mean_of_nine(far)))
    emboss = np.array([[-2, -1, 0], [-1, 1, 1], [0, 1, 2]])
    lit = np.clip(ndimage.correlate(depth.astype(np.int32), emboss, mode="mirror"), 0, 255)
    shine = levels * _mean_of_nine(lit.astype(np.float32)).round()
    return np.asarray(shine / max(float(shine.max()), 1.0), dtype=np.float32)


def _mean_of_nine(levels: Plane) -> Plane:
    mean: Plane = ndimage.uniform_filter(levels, 3, output=np.float32, mode="mirror")
    return mean


def equalised(levels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Spread levels so that each is about as frequent, as OpenCV's ``equalizeHist``.

    >>> equalised(np.array([[3, 3], [5, 9]], np.uint8)).tolist()
    [[0, 0], [128, 255]]
    """
    counts = np.cumsum(np.bincount(levels.reshape(-1), minlength=256))
    first = int(counts[int(levels.min())])
    rest = int(counts[-1]) - first
    if rest == 0:
        return levels
    table = np.rint(np.clip(counts - first, 0, None) * (255 / rest)).astype(np.uint8)
    return np.asarray(np.take(table, levels))
