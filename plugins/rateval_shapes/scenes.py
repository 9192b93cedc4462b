"""What each scene shows: a pure function of seed, stream and index."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rateval_shapes.backgrounds import BACKGROUNDS
from rateval_shapes.objects import OBJECTS, atlas
from rateval_shapes.settings import Setting, Style as Style, set_up
from rateval_shapes.streams import Part, Stream, between, choose, jitter, scene_keys, uniforms

Floats = NDArray[np.float64]
Integers = NDArray[np.intp]

RECIPE = "1"
"""Version of the drawing; raise it with any change that alters a pixel, a mask or a caption."""
SIDE = 64
"""Height and width of a scene in pixels."""
TARGET_SHARE = (0.10, 0.30)
"""Bounds of the target's area as a share of the image."""
DISTRACTOR_SHARE = (0.02, 0.06)
"""Bounds of the distractor's area as a share of the image."""
DISTRACTORS = 0.5
"""Probability that a scene has a distractor."""
OWN_PALETTE = 0.5
"""Probability that an object has its own two colours, else any two."""
HALF_TURN = 0.2289
"""Tangent of half the largest rotation of 0.45 rad."""

COLOURS: dict[str, tuple[int, int, int]] = {
    "white": (246, 246, 246),
    "silver": (170, 176, 184),
    "blue": (38, 84, 204),
    "purple": (128, 52, 158),
    "black": (26, 26, 28),
    "brown": (124, 76, 40),
    "red": (208, 34, 40),
    "pink": (244, 134, 186),
    "yellow": (244, 208, 40),
    "green": (40, 150, 62),
}
"""Colours that a caption may name, with their red, green and blue in [0, 255]; in a circle, so that
those beside each other are the most alike."""

_PALETTES = {
    "heart": ("red", "pink"),
    "star": ("yellow", "red"),
    "moon": ("silver", "purple"),
    "cone": ("red", "white"),
    "buoy": ("white", "blue"),
    "ball": ("purple", "yellow"),
    "leaf": ("green", "brown"),
    "flower": ("pink", "green"),
    "coin": ("brown", "yellow"),
    "bee": ("yellow", "black"),
    "gear": ("silver", "black"),
    "gem": ("blue", "pink"),
    "bolt": ("yellow", "purple"),
    "kite": ("green", "red"),
}
_NAMES = list(COLOURS)
_RGB = np.array(list(COLOURS.values()), dtype=np.float64)
_OWN = np.array([[_NAMES.index(c) for c in _PALETTES[name]] for name in OBJECTS], dtype=np.intp)


@dataclass(frozen=True, slots=True)
class Figures:
    """One object of each of B scenes; every array is (B, …)."""

    kind: Integers
    """Index into OBJECTS."""
    colour: Integers
    """(B, 2) indices into COLOURS, the main one first."""
    rgb: Floats
    """(B, 2, 3) in [0, 255], each a little off its colour's."""
    scale: Floats
    """Pixels of one unit of the atlas."""
    turn: Floats
    """(B, 2) cosine and sine of the rotation."""
    centre: Floats
    """(B, 2) pixels from the left and from the top."""


@dataclass(frozen=True, slots=True)
class Scenes(Setting):
    """Everything that B images are drawn from; every array is (B, …)."""

    target: Figures
    distractor: Figures
    crowded: NDArray[np.bool_]
    """Whether the distractor is there."""


def plan_scenes(
    seed: int,
    stream: Stream,
    indices: Sequence[int],
    *,
    objects: int,
    bias: float,
    style: Style,
) -> Scenes:
    """Decide the scenes at ``indices``.

    The target is one of the first ``objects`` objects in turn, so that classes are balanced. With
    probability ``bias`` the background is the one of the target's position, else any of the ten.

    >>> scenes = plan_scenes(0, Stream.TEST, [0, 11], objects=10, bias=0.0, style="hard")
    >>> scenes.target.kind.tolist()
    [0, 1]
    """
    keys = scene_keys(seed, stream, indices)
    target = _target(keys, np.asarray(indices, dtype=np.intp).reshape(-1) % objects)
    own, place, *looks = uniforms(keys, Part.BACKGROUND, 11)
    background = np.where(own < bias, target.kind, choose(place, len(BACKGROUNDS)))
    setting = set_up(keys, background, np.stack(looks), style)
    crowd, distractor = _distractor(keys, target)
    return Scenes(
        keys=keys,
        background=background,
        tones=setting.tones,
        window=setting.window,
        gain=setting.gain,
        offset=setting.offset,
        noise=setting.noise,
        target=target,
        distractor=distractor,
        crowded=crowd < DISTRACTORS,
    )


def pretraining_scenes(seed: int, indices: Sequence[int]) -> Scenes:
    """Decide scenes to pre-train on: all objects, any background, clean.

    >>> len(pretraining_scenes(0, range(3)))
    3
    """
    objects = len(OBJECTS)
    return plan_scenes(seed, Stream.PRETRAIN, indices, objects=objects, bias=0.0, style="clean")


def _target(keys: NDArray[np.uint64], kind: Integers) -> Figures:
    area, turn, across, down, *look = uniforms(keys, Part.TARGET, 13)
    return _figures(kind, between(area, TARGET_SHARE), turn, (across, down), np.stack(look))


def _distractor(keys: NDArray[np.uint64], target: Figures) -> tuple[Floats, Figures]:
    crowd, other, area, turn, across, down, *look = uniforms(keys, Part.DISTRACTOR, 15)
    kind = (target.kind + 1 + choose(other, len(OBJECTS) - 1)) % len(OBJECTS)
    # The far side: the last fifth of its room, away from the target in both directions.
    far = np.where(target.centre.T < SIDE / 2, 0.8, 0.0)
    places = (far[0] + 0.2 * across, far[1] + 0.2 * down)
    share = between(area, DISTRACTOR_SHARE)
    return crowd, _figures(kind, share, turn, places, np.stack(look))


def _figures(
    kind: Integers, share: Floats, turn: Floats, places: tuple[Floats, Floats], look: Floats
) -> Figures:
    """Place objects of that share of the image; ``places`` in [0, 1] choose within their room."""
    scale = np.sqrt(share * (SIDE * SIDE) / atlas().area[kind])
    rotation, sides = rotate(kind, turn)
    centre = [_place(side, scale, place) for side, place in zip(sides, places, strict=True)]
    own, main, second, *shift = look
    first = choose(main, len(COLOURS))
    # Never a neighbour in the circle of colours: the pattern has to be seen.
    other = (first + 2 + choose(second, len(COLOURS) - 3)) % len(COLOURS)
    colour = np.where((own < OWN_PALETTE)[:, None], _OWN[kind], np.stack([first, other], axis=1))
    return Figures(
        kind=kind,
        colour=colour,
        rgb=_RGB[colour] + jitter(np.stack(shift), 16.0),
        scale=scale,
        turn=rotation,
        centre=np.stack(centre, axis=1),
    )


def rotate(kind: Integers, turn: Floats) -> tuple[Floats, tuple[Floats, Floats]]:
    """Turn objects by numbers in [0, 1): the cosine and sine (B, 2), and the turned outlines.

    An outline is its points' places across and down (B, 512), in the units of the atlas.
    """
    # Half-angle form: a rotation without a sine, whose last bit differs between platforms.
    half = (turn * 2.0 - 1.0) * HALF_TURN
    cosine = (1.0 - half * half) / (1.0 + half * half)
    sine = 2.0 * half / (1.0 + half * half)
    u, v = atlas().rim[kind].transpose(1, 0, 2)
    sides = (cosine[:, None] * u - sine[:, None] * v, sine[:, None] * u + cosine[:, None] * v)
    return np.stack([cosine, sine], axis=1), sides


def _place(side: Floats, scale: Floats, place: Floats) -> Floats:
    """Choose a centre so that points ``side`` (B, P) lie within the image, or in its middle."""
    lowest = -side.min(axis=1) * scale
    highest = SIDE - side.max(axis=1) * scale
    room = np.maximum(highest - lowest, 0.0)
    middle = (lowest + highest) / 2.0
    centre: Floats = np.where(highest > lowest, lowest + room * place, middle)
    return centre
