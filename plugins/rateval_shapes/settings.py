"""What surrounds the objects of a scene: its background, its light and its sensor."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from rateval_shapes.backgrounds import PERIOD, TONES
from rateval_shapes.streams import Part, between, choose, jitter, uniforms

Style = Literal["clean", "hard"]
Floats = NDArray[np.float64]

HAZE = (0.15, 0.45)
"""Bounds of the haze's share of a hard scene's colours."""
LIGHT = (130.0, 230.0)
"""Bounds of the haze's grey level."""
CONTRAST = (0.7, 1.0)
"""Bounds of a hard scene's contrast, as a factor."""
NOISE = (8.0, 30.0)
"""Bounds of the largest change of a hard scene's value by the sensor, in levels."""


@dataclass(frozen=True, slots=True)
class Setting:
    """All of B scenes but their objects; every array is (B, …)."""

    keys: NDArray[np.uint64]
    background: NDArray[np.intp]
    """Index into BACKGROUNDS."""
    tones: Floats
    """(B, 2, 3) in [0, 255]: the background's two colours."""
    window: NDArray[np.intp]
    """(B, 3): left and top in the material, and 1 where the window is mirrored."""
    gain: Floats
    """Factor on all colours: haze and low contrast."""
    offset: Floats
    """Added to all colours after the factor, in levels."""
    noise: Floats
    """Largest change of a value by the sensor, in levels."""

    def __len__(self) -> int:
        return len(self.keys)


def set_up(
    keys: NDArray[np.uint64], background: NDArray[np.intp], looks: Floats, style: Style
) -> Setting:
    """Decide how the backgrounds (B,) look, by ``looks``, (9, B) numbers in [0, 1)."""
    left, top, mirror, *shift = looks
    gain, offset, noise = _style(keys, style)
    window = [choose(left, PERIOD), choose(top, PERIOD), choose(mirror, 2)]
    return Setting(
        keys=keys,
        background=background,
        tones=TONES[background] + jitter(np.stack(shift), 14.0),
        window=np.stack(window, axis=1),
        gain=gain,
        offset=offset,
        noise=noise,
    )


def _style(keys: NDArray[np.uint64], style: Style) -> tuple[Floats, Floats, Floats]:
    """Draw gain, offset and noise, each (B,)."""
    if style == "clean":
        return np.ones(len(keys)), np.zeros(len(keys)), np.zeros(len(keys))
    haze, light, contrast, noise = uniforms(keys, Part.STYLE, 4)
    haze = between(haze, HAZE)
    contrast = between(contrast, CONTRAST)
    # Contrast shrinks towards the middle grey, haze then mixes with a light of its own.
    offset = 128.0 * (1.0 - contrast) * (1.0 - haze) + haze * between(light, LIGHT)
    return contrast * (1.0 - haze), offset, between(noise, NOISE)
