"""Scenes drawn: images of 64 x 64 pixels and the exact masks of their targets."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from rateval_shapes.backgrounds import materials
from rateval_shapes.objects import TEXELS, atlas
from rateval_shapes.scenes import SIDE, Figures, Scenes
from rateval_shapes.settings import Setting
from rateval_shapes.streams import Part, noise_bytes

_PIXELS = SIDE * SIDE
_FINE = 4
"""A pixel on an edge is sampled _FINE x _FINE times."""
_SAMPLES = _FINE * _FINE


def draw_scenes(scenes: Scenes) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Draw B scenes: images (B, 64, 64, 3) uint8 and masks (B, 64, 64) bool.

    A mask is True where the target covers at least half of a pixel. The target stands in front of
    everything else, so all of it is visible.
    """
    canvas = paint_backgrounds(scenes)
    stamp(canvas, scenes, scenes.distractor, np.flatnonzero(scenes.crowded))
    masks = stamp(canvas, scenes, scenes.target, np.arange(len(scenes)))
    return develop(canvas, scenes), masks


def develop(canvas: NDArray[np.float32], setting: Setting) -> NDArray[np.uint8]:
    """Turn canvases (B, 3, 4096), which are used up, into images (B, 64, 64, 3) with their noise.

    Colours took haze and contrast before they were drawn: they are far fewer than pixels.
    """
    flat = canvas.reshape(len(setting), 3 * _PIXELS)
    if setting.noise.any():
        grain = noise_bytes(setting.keys, Part.SENSOR, 3 * _PIXELS).astype(np.float32)
        grain -= np.float32(127.5)
        grain *= (setting.noise / 127.5).astype(np.float32)[:, None]
        flat += grain
    flat += np.float32(0.5)
    np.clip(flat, 0.0, 255.0, out=flat)
    images = np.empty((len(setting), _PIXELS, 3), dtype=np.uint8)
    for channel in range(3):
        images[:, :, channel] = canvas[:, channel]
    return images.reshape(-1, SIDE, SIDE, 3)


def _shade(setting: Setting, rgb: NDArray[np.float64]) -> NDArray[np.float32]:
    """Apply haze and contrast to colours (B, 2, 3)."""
    shaded = rgb * setting.gain[:, None, None] + setting.offset[:, None, None]
    return shaded.astype(np.float32)


def paint_backgrounds(setting: Setting) -> NDArray[np.float32]:
    """Fill canvases with their windows of the materials, (B, 3, 4096) float32."""
    stock = materials(SIDE)
    tone = np.empty((len(setting), 1, SIDE, SIDE), dtype=np.float32)
    windows = zip(setting.background.tolist(), setting.window.tolist(), strict=True)
    for row, (material, (left, top, mirrored)) in enumerate(windows):
        view = stock[material, top : top + SIDE, left : left + SIDE]
        tone[row, 0] = view[:, ::-1] if mirrored else view
    colours = _shade(setting, setting.tones)
    low, span = colours[:, 0, :, None], (colours[:, 1] - colours[:, 0])[:, :, None]
    canvas = tone.reshape(-1, 1, _PIXELS) * span
    canvas += low
    return canvas


def stamp(
    canvas: NDArray[np.float32], setting: Setting, figures: Figures, rows: NDArray[np.intp]
) -> NDArray[np.bool_]:
    """Draw the figures of ``rows`` onto the canvas; return where they cover half of a pixel."""
    codes, mapping, base = _look_up(figures, rows)
    edges = _edges(codes)
    pixels = np.flatnonzero((codes > 0) | edges)
    mixed = edges.reshape(-1)[pixels]
    flat = codes.reshape(-1)[pixels]
    shares = np.stack([flat == 1, flat == 2]).astype(np.float32)
    shares[:, mixed] = _sample(mapping, base, pixels[mixed])
    main, second = shares
    cover = main + second
    rest = np.float32(1.0) - cover
    owner = pixels // _PIXELS
    place = rows[owner] * (3 * _PIXELS) + pixels % _PIXELS
    colours = _shade(setting, figures.rgb)[rows].transpose(1, 2, 0)
    values = canvas.reshape(-1)
    for channel in range(3):
        at = place + channel * _PIXELS
        below = values[at] * rest
        below += main * colours[0, channel, owner]
        below += second * colours[1, channel, owner]
        values[at] = below
    covered = np.zeros(codes.shape, dtype=np.bool_)
    covered.reshape(-1)[pixels] = cover >= 0.5
    return covered


def _look_up(
    figures: Figures, rows: NDArray[np.intp]
) -> tuple[NDArray[np.uint8], NDArray[np.float32], NDArray[np.int32]]:
    """Read the atlas at pixel centres: codes (R, 64, 64), the mapping (6, R) and bases (R,) used.

    The mapping holds (u by x, u by y, u at 0, v by x, v by y, v at 0) in texels per pixel; a base
    is where an object's texels begin.
    """
    half = TEXELS / 2.0
    cosine, sine = (figures.turn[rows] * (half / figures.scale[rows])[:, None]).T
    x, y = figures.centre[rows].T
    at_u, at_v = half - cosine * x - sine * y, half + sine * x - cosine * y
    mapping = np.stack([cosine, sine, at_u, -sine, cosine, at_v]).astype(np.float32)
    base = (figures.kind[rows] * (TEXELS * TEXELS)).astype(np.int32)
    line = np.arange(SIDE, dtype=np.float32) + np.float32(0.5)
    to_u_x, to_u_y, u, to_v_x, to_v_y, v = mapping[:, :, None]
    down_u, down_v = to_u_y * line + u, to_v_y * line + v
    across_u, across_v = to_u_x * line, to_v_x * line
    codes = _texel(
        across_u[:, None] + down_u[:, :, None],
        across_v[:, None] + down_v[:, :, None],
        base[:, None, None],
    )
    return codes, mapping, base


def _texel(
    u: NDArray[np.float32], v: NDArray[np.float32], base: NDArray[np.int32]
) -> NDArray[np.uint8]:
    """Read codes at texel positions; all beyond the atlas is outside, as its border is."""
    last = np.float32(TEXELS - 1)
    column = np.clip(u, np.float32(0.0), last).astype(np.int32)
    row = np.clip(v, np.float32(0.0), last).astype(np.int32)
    row *= np.int32(TEXELS)
    row += column
    row += base
    return atlas().codes.reshape(-1).take(row)


def _edges(codes: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Find pixels that differ from one beside, above or below: only those can be mixed."""
    edges = np.zeros(codes.shape, dtype=np.bool_)
    across = codes[:, :, 1:] != codes[:, :, :-1]
    down = codes[:, 1:] != codes[:, :-1]
    edges[:, :, 1:] |= across
    edges[:, :, :-1] |= across
    edges[:, 1:] |= down
    edges[:, :-1] |= down
    return edges


def _sample(
    mapping: NDArray[np.float32], base: NDArray[np.int32], pixels: NDArray[np.intp]
) -> NDArray[np.float32]:
    """Return the shares (2, P) of the main and second colour in flat pixels of (R, 64, 64)."""
    owner = pixels // _PIXELS
    x = (pixels % SIDE).astype(np.float32)
    y = (pixels // SIDE % SIDE).astype(np.float32)
    to_u_x, to_u_y, u, to_v_x, to_v_y, v = mapping[:, owner]
    u = u + to_u_x * x + to_u_y * y
    v = v + to_v_x * x + to_v_y * y
    base = base[owner]
    counts = np.zeros((2, len(pixels)), dtype=np.uint8)
    for step in range(_SAMPLES):
        right = np.float32((step % _FINE + 0.5) / _FINE)
        down = np.float32((step // _FINE + 0.5) / _FINE)
        at_u = u + to_u_x * right + to_u_y * down
        at_v = v + to_v_x * right + to_v_y * down
        codes = _texel(at_u, at_v, base)
        counts[0] += codes == 1
        counts[1] += codes == 2
    return counts.astype(np.float32) * np.float32(1.0 / _SAMPLES)
