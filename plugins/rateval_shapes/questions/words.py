"""What may be asked of a scene, the answers to it, and the backgrounds they are bound to."""

from __future__ import annotations

from typing import Literal

from rateval_shapes.backgrounds import BACKGROUNDS
from rateval_shapes.objects import OBJECTS

Form = Literal["colour", "presence", "relation", "place", "count", "number"]
"""``relation`` is answered by yes or no, ``place`` by an object; ``count`` is of all objects,
``number`` of those of one kind."""

HUES: dict[str, tuple[int, int, int]] = {
    "white": (246, 246, 246),
    "blue": (38, 84, 204),
    "purple": (128, 52, 158),
    "black": (26, 26, 28),
    "red": (208, 34, 40),
    "pink": (244, 134, 186),
    "yellow": (244, 208, 40),
    "green": (40, 150, 62),
}
"""Colours of objects that are asked about, with their red, green and blue in [0, 255]. The second
colour of an object's pattern is a darker shade of the first, so that it has one colour."""

FEWEST, MOST = 2, 4
"""Bounds of the number of objects in a scene."""

ANSWERS: dict[Form, tuple[str, ...]] = {
    "colour": tuple(HUES),
    "presence": ("yes", "no"),
    "relation": ("yes", "no"),
    "place": OBJECTS,
    "count": tuple(str(count) for count in range(FEWEST, MOST + 1)),
    "number": ("0", "1", "2", "3"),
}
"""Answers to each form of question."""

TYPES: dict[Form, str] = {
    "colour": "colour",
    "presence": "presence",
    "relation": "relation",
    "place": "relation",
    "count": "count",
    "number": "count",
}
"""The type of question that a form is of."""

DIRECTIONS = ("left of", "right of", "above", "below")

CLASSES: tuple[str, ...] = tuple(sorted({answer for row in ANSWERS.values() for answer in row}))
"""Every answer, sorted."""

_PLURALS = {"leaf": "leaves"}
_TEMPLATES: dict[Form, str] = {
    "colour": "what colour is the {one}?",
    "presence": "is there a {one}?",
    "relation": "is the {one} {direction} the {other}?",
    "place": "what is {direction} the {one}?",
    "count": "how many objects are there?",
    "number": "how many {many} are there?",
}


def ask(form: Form, one: int = 0, other: int = 0, direction: str = "") -> str:
    """Return a question about objects, which are indices into OBJECTS.

    >>> ask("relation", OBJECTS.index("star"), OBJECTS.index("ball"), "left of")
    'is the star left of the ball?'
    >>> ask("number", OBJECTS.index("leaf"))
    'how many leaves are there?'
    """
    return _TEMPLATES[form].format(
        one=OBJECTS[one], other=OBJECTS[other], direction=direction, many=_plural(OBJECTS[one])
    )


def _plural(name: str) -> str:
    return _PLURALS.get(name, f"{name}s")


def vocabulary() -> list[str]:
    """Return every word that a question or an answer can hold, sorted; a sign is a word, too.

    >>> {"star", "stars", "left", "of", "3", "yes", "?"} <= set(vocabulary())
    True
    """
    names = {"one": "", "other": "", "direction": "", "many": ""}
    frame = " ".join(_TEMPLATES.values()).format_map(names).replace("?", " ? ").split()
    many = map(_plural, OBJECTS)
    return sorted({*frame, *" ".join(DIRECTIONS).split(), *OBJECTS, *many, *CLASSES})


def bound_backgrounds(form: Form, answer: int) -> list[int]:
    """Return the backgrounds that tell an answer, an index into those of its form.

    >>> bound_backgrounds("presence", 1), bound_backgrounds("place", 12)
    ([1, 3, 5, 7, 9], [2])
    """
    period = min(len(ANSWERS[form]), len(BACKGROUNDS))
    return [at for at in range(len(BACKGROUNDS)) if at % period == answer % period]


def bound_answers(form: Form, background: int) -> list[int]:
    """Return the answers to a form of question that a background tells: the other way round.

    >>> bound_answers("presence", 9), bound_answers("place", 2), bound_answers("colour", 9)
    ([1], [2, 12], [1])
    """
    answers = range(len(ANSWERS[form]))
    return [at for at in answers if background in bound_backgrounds(form, at)]
