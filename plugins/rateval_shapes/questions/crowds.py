"""Scenes of two to four objects with questions: a pure function of seed, stream and index."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rateval_shapes.backgrounds import BACKGROUNDS
from rateval_shapes.questions.facts import CELLS, NUMBERS, Draws, Facts, Thing, find_facts
from rateval_shapes.questions.words import (
    ANSWERS,
    HUES,
    Form,
    bound_answers,
    bound_backgrounds,
)
from rateval_shapes.scenes import SIDE, Figures, rotate
from rateval_shapes.settings import Floats, Setting, Style, set_up
from rateval_shapes.streams import Part, Stream, between, jitter, scene_keys, uniforms

RECIPE = "1"
"""Version of scenes and questions; raise it with any change that alters a pixel, a mask or a word.
"""
MIDDLE = (28.0, 36.0)
"""Bounds of the pixel where columns, and rows, of a scene's cells meet."""
FILLED = (0.85, 1.0)
"""Bounds of an object's larger side as a share of its cell's smaller one."""
SHADE = 0.6
"""Factor on an object's colour that makes the second colour of its pattern."""

PAIRS: tuple[tuple[Form, Form], ...] = (
    ("number", "colour"),
    ("place", "relation"),
    ("count", "relation"),
    ("number", "presence"),
    ("place", "colour"),
    ("count", "presence"),
    ("number", "colour"),
    ("place", "relation"),
    ("count", "relation"),
    ("number", "presence"),
    ("place", "presence"),
    ("count", "colour"),
)
"""Forms of the two questions about a scene, in turn, each form as often as the others. A relation
needs two objects that are alone of their kind, which ``number`` may not leave."""

_RGB = np.array(list(HUES.values()), dtype=np.float64)
_BLACK = list(HUES).index("black")


@dataclass(frozen=True, slots=True)
class Plan:
    """What is decided of a scene before it is made."""

    forms: tuple[Form, Form]
    answers: tuple[int, int]
    """Indices into the answers of each form."""
    background: int
    """Index into BACKGROUNDS."""

    def answer(self, member: int) -> str:
        """Return the answer to one of both questions."""
        return ANSWERS[self.forms[member]][self.answers[member]]


@dataclass(frozen=True, slots=True)
class Crowds(Setting):
    """Everything that B images with questions are drawn from."""

    facts: tuple[Facts, ...]
    figures: tuple[Figures, ...]
    """What stands in each of CELLS, (B, …) each."""
    there: NDArray[np.bool_]
    """(B, 4): whether anything does."""


def asked_first(index: int) -> int:
    """Return which of a scene's two questions is asked where only one is: they take turns.

    >>> asked_first(11), asked_first(12), asked_first(24)
    (0, 1, 0)
    """
    return index // len(PAIRS) % 2


def plan_crowds(
    seed: int, stream: Stream, indices: Sequence[int], *, per_image: int, bias: float
) -> list[Plan]:
    """Decide forms, answers and backgrounds of the scenes at ``indices``.

    Answers to the question that is asked first take turns. With probability ``bias`` the background
    is one that is bound to it, else any of the ten; where both questions are asked the other's
    answer is then one that the background is bound to.

    >>> plan = plan_crowds(0, Stream.TRAIN_QUESTIONS, [4], per_image=1, bias=1.0)[0]
    >>> plan.forms, plan.answer(0), plan.background
    (('place', 'colour'), 'buoy', 4)
    """
    keys = scene_keys(seed, stream, indices)
    rows = uniforms(keys, Part.ASKED, 3).T.tolist()
    return [
        _plan(int(at), Draws(row[1:]), row[0] < bias, per_image)
        for at, row in zip(indices, rows, strict=True)
    ]


def _plan(index: int, draws: Draws, bound: bool, per_image: int) -> Plan:
    forms = PAIRS[index % len(PAIRS)]
    first = asked_first(index)
    answers = [0, 0]
    # Scenes beside each other begin their turns at different answers.
    turn = index // (2 * len(PAIRS)) + index % len(PAIRS)
    answers[first] = turn % len(ANSWERS[forms[first]])
    backgrounds = bound_backgrounds(forms[first], answers[first])
    background = draws.pick(backgrounds if bound else range(len(BACKGROUNDS)))
    other = forms[1 - first]
    both = bound and per_image == 2
    possible = bound_answers(other, background) if both else range(len(ANSWERS[other]))
    answers[1 - first] = draws.pick(possible)
    return Plan(forms, (answers[0], answers[1]), background)


def make_crowds(
    seed: int,
    stream: Stream,
    indices: Sequence[int],
    *,
    per_image: int,
    bias: float,
    style: Style,
) -> Crowds:
    """Decide everything of the scenes at ``indices``."""
    plans = plan_crowds(seed, stream, indices, per_image=per_image, bias=bias)
    keys = scene_keys(seed, stream, indices)
    numbers = uniforms(keys, Part.FACTS, NUMBERS).T.tolist()
    facts = tuple(
        find_facts((plan.forms[0], plan.answers[0]), (plan.forms[1], plan.answers[1]), row)
        for plan, row in zip(plans, numbers, strict=True)
    )
    background = np.array([plan.background for plan in plans], dtype=np.intp)
    setting = set_up(keys, background, uniforms(keys, Part.BACKGROUND, 9), style)
    figures, there = _arrange(keys, facts)
    return Crowds(
        keys=keys,
        background=background,
        tones=setting.tones,
        window=setting.window,
        gain=setting.gain,
        offset=setting.offset,
        noise=setting.noise,
        facts=facts,
        figures=figures,
        there=there,
    )


def pretraining_crowds(seed: int, indices: Sequence[int]) -> Crowds:
    """Decide scenes to pre-train on: any background, clean; both questions of each may be asked.

    >>> len(pretraining_crowds(0, range(3)))
    3
    """
    stream = Stream.PRETRAIN_QUESTIONS
    return make_crowds(seed, stream, indices, per_image=2, bias=0.0, style="clean")


def _arrange(
    keys: NDArray[np.uint64], facts: Iterable[Facts]
) -> tuple[tuple[Figures, ...], NDArray[np.bool_]]:
    """Place what stands in each cell: it fits into the cell, so that nothing overlaps."""
    middles = between(uniforms(keys, Part.LAYOUT, 2), MIDDLE)
    looks = uniforms(keys, Part.THINGS, 7 * len(CELLS)).reshape(len(CELLS), 7, len(keys))
    things = [{thing.cell: thing for thing in one.things} for one in facts]
    figures = [
        _figures([one.get(cell) for one in things], cell, middles, look)
        for cell, look in zip(CELLS, looks, strict=True)
    ]
    there = [[cell in one for cell in CELLS] for one in things]
    return tuple(figures), np.array(there, dtype=np.bool_).reshape(len(keys), len(CELLS))


def _figures(
    things: Sequence[Thing | None], cell: tuple[int, int], middles: Floats, look: Floats
) -> Figures:
    """Place the objects of one cell of B scenes; where there is none any stands for it."""
    kind = np.array([0 if one is None else one.kind for one in things], dtype=np.intp)
    hue = np.array([0 if one is None else one.hue for one in things], dtype=np.intp)
    turn, size, across, down, *shift = look
    rotation, sides = rotate(kind, turn)
    lows = [np.where(at == 0, 0.0, middle) for at, middle in zip(cell[::-1], middles, strict=True)]
    highs = [
        np.where(at == 0, middle, SIDE) for at, middle in zip(cell[::-1], middles, strict=True)
    ]
    longest = np.maximum(*(side.max(axis=1) - side.min(axis=1) for side in sides))
    room = np.minimum(*(high - low for low, high in zip(lows, highs, strict=True)))
    scale = between(size, FILLED) * room / longest
    centre = []
    for side, low, high, place in zip(sides, lows, highs, (across, down), strict=True):
        lowest = low - side.min(axis=1) * scale
        centre.append(lowest + (high - side.max(axis=1) * scale - lowest) * place)
    main = _RGB[hue] + jitter(np.stack(shift), 16.0)[:, 0]
    # Black has no darker shade.
    second = np.where((hue == _BLACK)[:, None], main + 60.0, main * SHADE)
    return Figures(
        kind=kind,
        colour=np.stack([hue, hue], axis=1),
        rgb=np.stack([main, second], axis=1),
        scale=scale,
        turn=rotation,
        centre=np.stack(centre, axis=1),
    )
