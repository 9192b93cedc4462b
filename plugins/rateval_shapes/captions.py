"""Captions of scenes by templates: the target, the background or both; some name the colour."""

from __future__ import annotations

from rateval_shapes.backgrounds import BACKGROUNDS
from rateval_shapes.objects import OBJECTS
from rateval_shapes.scenes import COLOURS, Scenes
from rateval_shapes.streams import Part, choose, uniforms

_BOTH = (
    "a photo of a {object} on {background}",
    "a photo of a {object} on a {background} background",
    "a picture of a {object} in front of {background}",
    "an image of a {object} with {background} behind it",
    "a {object} and {background}",
    "there is a {object} on the {background}",
)
_OBJECT = (
    "a photo of a {object}",
    "a picture of one {object}",
    "an image of a {object}",
    "this is a {object}",
    "a drawing of the {object}",
    "the {object}",
)
_BACKGROUND = (
    "a photo of {background}",
    "a picture with {background} in it",
    "an image of {background}",
    "this is {background}",
)
_TEMPLATES = (*_BOTH, *_OBJECT, *_BACKGROUND)
_NAMES = tuple(COLOURS)
_OBJECT_ONLY = 0.3
_BACKGROUND_ONLY = 0.1


def describe(scenes: Scenes) -> list[str]:
    """Return a caption for each scene.

    Six of ten name the target and the background, three the target alone, one the background
    alone; half of those with a target name its main colour, half of these also the second one.

    >>> from rateval_shapes.scenes import pretraining_scenes
    >>> describe(pretraining_scenes(0, [0])) == describe(pretraining_scenes(0, range(9)))[:1]
    True
    """
    scope, template, colour = uniforms(scenes.keys, Part.CAPTION, 3)
    scopes = (scope >= _BACKGROUND_ONLY).astype(int) + (scope >= _BACKGROUND_ONLY + _OBJECT_ONLY)
    figures = scenes.target
    rows = zip(
        scopes.tolist(),
        template.tolist(),
        choose(colour, 4).tolist(),
        figures.kind.tolist(),
        figures.colour.tolist(),
        scenes.background.tolist(),
        strict=True,
    )
    captions = []
    for scope_of, number, quarter, kind, (main, second), background in rows:
        templates = (_BACKGROUND, _OBJECT, _BOTH)[scope_of]
        look = ("", "", f"{_NAMES[main]} ", f"{_NAMES[main]} and {_NAMES[second]} ")[quarter]
        captions.append(
            templates[int(number * len(templates))].format(
                object=look + OBJECTS[kind], background=BACKGROUNDS[background]
            )
        )
    return captions


def vocabulary() -> list[str]:
    """Return every word that a caption can hold, sorted.

    >>> {"heart", "snow", "purple", "photo"} <= set(vocabulary())
    True
    """
    frame = " ".join(_TEMPLATES).format_map({"object": "", "background": ""}).split()
    return sorted({*frame, "and", *OBJECTS, *BACKGROUNDS, *COLOURS})
