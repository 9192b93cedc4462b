"""How captions call what stands in a scene."""

from __future__ import annotations

from collections.abc import Sequence

from rateval_shapes.objects import OBJECTS
from rateval_shapes.questions.facts import Thing
from rateval_shapes.questions.words import HUES

_ALSO: dict[str, tuple[str, ...]] = {
    "moon": ("crescent",),
    "cone": ("traffic cone",),
    "buoy": ("lifebuoy",),
    "ball": ("sphere",),
    "flower": ("blossom",),
    "bee": ("bumblebee",),
    "gear": ("cog", "cogwheel"),
    "gem": ("jewel", "gemstone"),
    "bolt": ("lightning bolt",),
}

WORDINGS: tuple[tuple[str, ...], ...] = tuple((name, *_ALSO.get(name, ())) for name in OBJECTS)
"""For each of OBJECTS all that it is called, its name first."""

REFERENCES = 3
"""Captions of each scene."""
_PLAIN = ("{things}", "{things} together", "there is {things}", "one scene with {things}")
"""Frames of captions that name no colour."""
_OTHERS = ("{things}", "there is {things}", "a drawing of {things}")
"""Frames of captions that take any of an object's names."""
_HUES = tuple(HUES)


def describe(things: Sequence[Thing], numbers: Sequence[float]) -> tuple[str, str, str]:
    """Return three captions of things, by two ``numbers`` in [0, 1) and one for each thing.

    The first one says colour and name of each, the second one the name, and the third one colour
    and any of what it is called.

    >>> scene = [Thing(OBJECTS.index("star"), 4, (0, 0)), Thing(OBJECTS.index("bee"), 3, (0, 1))]
    >>> describe(scene, [0.0, 0.5, 0.9, 0.9])
    ('a red star and a black bee', 'a star and a bee', 'there is a red star and a black bumblebee')
    """
    names = [OBJECTS[thing.kind] for thing in things]
    hues = [_HUES[thing.hue] for thing in things]
    plain, other, *which = numbers
    called = [
        WORDINGS[thing.kind][int(at * len(WORDINGS[thing.kind]))]
        for thing, at in zip(things, which, strict=False)
    ]
    return (
        _list([f"{hue} {name}" for hue, name in zip(hues, names, strict=True)]),
        _pick(_PLAIN, plain).format(things=_list(names)),
        _pick(_OTHERS, other).format(
            things=_list([f"{hue} {name}" for hue, name in zip(hues, called, strict=True)])
        ),
    )


def _pick(options: Sequence[str], number: float) -> str:
    return options[int(number * len(options))]


def _list(names: Sequence[str]) -> str:
    """Return names in one phrase.

    >>> _list(["star", "bee", "red ball"])
    'a star, a bee and a red ball'
    """
    *before, last = [f"a {name}" for name in names]
    return f"{', '.join(before)} and {last}"


def vocabulary() -> list[str]:
    """Return every word that a caption can hold, sorted; a sign is a word, too.

    >>> {"star", "lightning", "purple", "and", ","} <= set(vocabulary())
    True
    """
    frames = " ".join((*_PLAIN, *_OTHERS)).format(things="").split()
    names = " ".join(name for row in WORDINGS for name in row).split()
    return sorted({*frames, *names, *HUES, "a", "and", ","})
