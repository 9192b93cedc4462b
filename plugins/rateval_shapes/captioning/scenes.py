"""What stands in scenes with captions: a pure function of seed, stream and index."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rateval_shapes.backgrounds import BACKGROUNDS
from rateval_shapes.captioning.words import describe
from rateval_shapes.objects import OBJECTS
from rateval_shapes.questions.arranging import Arranged, arrange
from rateval_shapes.questions.facts import CELLS, Draws, Thing
from rateval_shapes.questions.words import FEWEST, HUES, MOST
from rateval_shapes.settings import Style
from rateval_shapes.streams import Part, Stream, scene_keys, uniforms

RECIPE = "1"
"""Version of scenes and captions; raise it with any change that alters a pixel, a mask or a word.
"""
_NUMBERS = 2 + len(OBJECTS) + len(CELLS) + MOST
"""Random numbers that one scene may use, its captions apart."""


@dataclass(frozen=True, slots=True)
class Captioned:
    """A scene's background, its objects row by row from left to right, and captions of them."""

    background: int
    """Index into BACKGROUNDS."""
    things: tuple[Thing, ...]
    captions: tuple[str, str, str]


def plan_scenes(
    seed: int, stream: Stream, indices: Sequence[int], *, bias: float
) -> list[Captioned]:
    """Decide the scenes at ``indices``: two to four objects, no two of a kind.

    Backgrounds take turns. With probability ``bias`` the object at the background's own place in
    OBJECTS is among them, else all are any ones.

    >>> plan = plan_scenes(0, Stream.TEST_CAPTIONS, [12], bias=1.0)[0]
    >>> BACKGROUNDS[plan.background], plan.captions[0]
    ('sky', 'a blue moon and a blue leaf')
    """
    keys = scene_keys(seed, stream, indices)
    numbers = uniforms(keys, Part.FACTS, _NUMBERS).T.tolist()
    words = uniforms(keys, Part.CAPTION, 2 + MOST).T.tolist()
    return [
        _plan(int(index) % len(BACKGROUNDS), bias, row, said)
        for index, row, said in zip(indices, numbers, words, strict=True)
    ]


def _plan(
    background: int, bias: float, numbers: Sequence[float], words: Sequence[float]
) -> Captioned:
    draws = Draws(numbers[1:])
    count = FEWEST + draws.below(MOST + 1 - FEWEST)
    first = [background] if numbers[0] < bias else []
    others = [kind for kind in range(len(OBJECTS)) if kind not in first]
    kinds = [*first, *draws.some(others, count - len(first))]
    cells = draws.some(CELLS, count)
    things = [
        Thing(kind, draws.below(len(HUES)), cell) for kind, cell in zip(kinds, cells, strict=True)
    ]
    ordered = tuple(sorted(things, key=lambda thing: thing.cell))
    return Captioned(background, ordered, describe(ordered, words))


def pretraining_scenes(seed: int, indices: Sequence[int]) -> tuple[list[Captioned], Arranged]:
    """Decide scenes to pre-train on: any objects on any background, clean.

    >>> len(pretraining_scenes(0, range(3))[0])
    3
    """
    stream = Stream.PRETRAIN_CAPTIONS
    plans = plan_scenes(seed, stream, indices, bias=0.0)
    return plans, arrange_scenes(seed, stream, indices, plans, "clean")


def arrange_scenes(
    seed: int, stream: Stream, indices: Sequence[int], plans: Sequence[Captioned], style: Style
) -> Arranged:
    """Return all that the scenes at ``indices`` are drawn from, as they were planned."""
    keys = scene_keys(seed, stream, indices)
    backgrounds = [plan.background for plan in plans]
    return arrange(keys, backgrounds, [plan.things for plan in plans], style)
