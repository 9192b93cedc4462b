"""What stands in a scene, and what is asked of it: whole numbers alone, nothing is drawn here."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from rateval_shapes.objects import OBJECTS
from rateval_shapes.questions.words import ANSWERS, DIRECTIONS, FEWEST, HUES, MOST, Form, ask

T = TypeVar("T")
CELLS = ((0, 0), (0, 1), (1, 0), (1, 1))
"""Row and column of the four cells of a scene; each holds one object at most."""
NUMBERS = 48
"""Random numbers that one scene may use."""


@dataclass(frozen=True, slots=True)
class Thing:
    """One object of a scene."""

    kind: int
    """Index into OBJECTS."""
    hue: int
    """Index into HUES."""
    cell: tuple[int, int]
    """One of CELLS."""


@dataclass(frozen=True, slots=True)
class Question:
    """A question about a scene, its answer, and what the answer needs."""

    form: Form
    text: str
    answer: str
    about: tuple[int, ...] | None
    """Places of the objects that are its evidence; None where it is about what isn't there, so that
    no region of the image tells the answer."""


@dataclass(frozen=True, slots=True)
class Facts:
    """A scene's objects, and two questions about them."""

    things: tuple[Thing, ...]
    questions: tuple[Question, Question]


class Draws:
    """Random numbers in [0, 1), used one after the other."""

    def __init__(self, numbers: Sequence[float]) -> None:
        self._numbers: Iterator[float] = iter(numbers)

    def below(self, options: int) -> int:
        """Return a whole number from 0 to ``options - 1``."""
        return int(next(self._numbers) * options)

    def pick(self, options: Sequence[T]) -> T:
        """Return one of them."""
        return options[self.below(len(options))]

    def some(self, options: Sequence[T], count: int) -> list[T]:
        """Return ``count`` different ones, in any order."""
        left = list(options)
        return [left.pop(self.below(len(left))) for _ in range(count)]


def find_facts(
    first: tuple[Form, int], second: tuple[Form, int], numbers: Sequence[float]
) -> Facts:
    """Make a scene in which both answers, indices into those of their form, are true.

    ``first`` is a form that says how many objects there are or where: ``place``, ``count`` or
    ``number``; ``second`` is another.
    """
    draws = Draws(numbers)
    form, answer = first
    if form == "place":
        things, question = _place(answer, draws)
    elif form == "count":
        things, question = _count(answer, draws)
    else:
        things, question = _number(answer, second[0] == "colour", draws)
    things, other = _ADDED[second[0]](things, second[1], draws)
    return Facts(tuple(things), (question, other))


def _place(answer: int, draws: Draws) -> tuple[list[Thing], Question]:
    """Put the answer alone on one side, what it is asked by, and often a third, on the other."""
    direction = draws.below(len(DIRECTIONS))
    count = FEWEST + draws.below(2)
    rest = draws.some([kind for kind in range(len(OBJECTS)) if kind != answer], count - 1)
    near, far = draws.below(2), draws.below(2)
    lines = [(near, 0), (far, 1), (1 - far, 1)]
    sides = [(along, 1 - side if direction % 2 else side) for along, side in lines]
    cells = [(side, along) if direction > 1 else (along, side) for along, side in sides]
    things = _things([answer, *rest], cells, draws)
    text = ask("place", rest[0], direction=DIRECTIONS[direction])
    return things, Question("place", text, OBJECTS[answer], (0, 1))


def _count(answer: int, draws: Draws) -> tuple[list[Thing], Question]:
    count = FEWEST + answer
    kinds = draws.some(range(len(OBJECTS)), count)
    things = _things(kinds, draws.some(CELLS, count), draws)
    return things, Question("count", ask("count"), str(count), tuple(range(count)))


def _number(answer: int, leave_one: bool, draws: Draws) -> tuple[list[Thing], Question]:
    """Put ``answer`` objects of a kind; ``leave_one`` asks for one that is alone of its kind."""
    fewest = max(FEWEST, answer + 1 if leave_one and answer != 1 else answer)
    count = fewest + draws.below(MOST + 1 - fewest)
    kind, *others = draws.some(range(len(OBJECTS)), 1 + count - answer)
    things = _things([kind] * answer + others, draws.some(CELLS, count), draws)
    about = tuple(range(answer)) or None
    return things, Question("number", ask("number", kind), str(answer), about)


def _things(kinds: Sequence[int], cells: Sequence[tuple[int, int]], draws: Draws) -> list[Thing]:
    rows = zip(kinds, cells, strict=False)
    return [Thing(kind, draws.below(len(HUES)), cell) for kind, cell in rows]


def _colour(things: list[Thing], answer: int, draws: Draws) -> tuple[list[Thing], Question]:
    kinds = [thing.kind for thing in things]
    at = draws.pick([at for at, kind in enumerate(kinds) if kinds.count(kind) == 1])
    painted = [*things]
    painted[at] = replace(things[at], hue=answer)
    text = ask("colour", kinds[at])
    return painted, Question("colour", text, ANSWERS["colour"][answer], (at,))


def _presence(things: list[Thing], answer: int, draws: Draws) -> tuple[list[Thing], Question]:
    there = sorted({thing.kind for thing in things})
    said = ANSWERS["presence"][answer]
    absent = [kind for kind in range(len(OBJECTS)) if kind not in there]
    kind = draws.pick(there if said == "yes" else absent)
    about = tuple(at for at, thing in enumerate(things) if thing.kind == kind) or None
    return things, Question("presence", ask("presence", kind), said, about)


def _relation(things: list[Thing], answer: int, draws: Draws) -> tuple[list[Thing], Question]:
    said = ANSWERS["relation"][answer]
    places = range(len(things))
    true = [
        (one, other, direction)
        for one in places
        for other in places
        for direction in DIRECTIONS
        if _is_true(things[one], things[other], direction)
    ]
    one, other, direction = draws.pick(true)
    if said == "no":
        one, other = other, one
    text = ask("relation", things[one].kind, things[other].kind, direction)
    return things, Question("relation", text, said, (one, other))


def _is_true(one: Thing, other: Thing, direction: str) -> bool:
    axis = 0 if direction in ("above", "below") else 1
    if direction in ("left of", "above"):
        return one.cell[axis] < other.cell[axis]
    return one.cell[axis] > other.cell[axis]


_ADDED = {"colour": _colour, "presence": _presence, "relation": _relation}
