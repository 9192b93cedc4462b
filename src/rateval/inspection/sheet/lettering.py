"""Words in a picture: in a font of this system that has their letters, escaped where none has."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from typing import Any

from PIL import ImageDraw, ImageFont

from rateval.wording import show_controls

SIZE = 13
"""Height of the letters in pixels."""
LINE = 17
"""From one line to the next."""
_FONTS = (
    "DejaVuSans.ttf",
    "NotoSans-Regular.ttf",
    "Arial.ttf",
    "arial.ttf",
    "NotoSansCJK-Regular.ttc",
    "Arial Unicode.ttf",
    "msyh.ttc",
)
"""Fonts of systems, of which the first that has a text's letters is taken."""
_NO_LETTER = "\uffff"


def wrap(text: str, width: int) -> Iterable[str]:
    """Yield text in lines of at most ``width`` pixels; words may be broken, as paths are long."""
    font = legible(text)[1]
    while text:
        count = len(text)
        while count > 1 and font.getlength(text[:count]) > width - 4:
            count -= 1
        blank = text.rfind(" ", 0, count) if count < len(text) else -1
        count = blank + 1 if blank > 0 else count
        yield text[:count].rstrip()
        text = text[count:]


def write(
    draw: ImageDraw.ImageDraw, corner: tuple[int, int], text: str, colour: str, size: int
) -> None:
    """Write one line of text with its upper left corner at ``corner``."""
    shown, font = legible(show_controls(text), size)
    draw.text(corner, shown, fill=colour, font=font)


def legible(text: str, size: int = SIZE) -> tuple[str, Any]:
    """Return text that can be drawn, and the font for it."""
    text = " ".join(text.split())
    fonts = _load_fonts(size)
    for font in fonts:
        if all(_has(font, letter) for letter in text):
            return text, font
    best = max(fonts, key=lambda font: sum(_has(font, letter) for letter in text))
    escaped = "".join(
        letter if _has(best, letter) else letter.encode("ascii", "backslashreplace").decode()
        for letter in text
    )
    return escaped, best


@functools.cache
def _load_fonts(size: int) -> tuple[Any, ...]:
    found = []
    for name in _FONTS:
        try:
            found.append(ImageFont.truetype(name, size))
        except OSError:
            continue
    return (*found, ImageFont.load_default(size))


@functools.cache
def _has(font: Any, letter: str) -> bool:
    """Return whether a font draws a letter as something else than the sign for none."""
    if letter == " ":
        return True
    shape, missing = font.getmask(letter), font.getmask(_NO_LETTER)
    return (shape.size, bytes(shape)) != (missing.size, bytes(missing))
