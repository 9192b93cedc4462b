"""A contact sheet as one PNG."""

from __future__ import annotations

import functools
import io
import math
from collections.abc import Iterable, Sequence
from typing import Any

from PIL import Image, ImageDraw, ImageFont

from rateval.inspection.sheet.tiles import Tile
from rateval.wording import show_controls

_GAP = 16
_BETWEEN = 6
_SIZE = 13
"""Height of the letters in pixels."""
_LINE = 17
_MOST_LINES = 7
_PAPER, _CARD, _INK, _DIM, _ALARM = "#ffffff", "#f0f0f4", "#1b1b1f", "#5b5b66", "#b00020"
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


def write_png(title: str, tiles: Sequence[Tile], side: int) -> bytes:
    """Return the sheet as bytes: rows of tiles, each with its words below.

    Letters that no font at hand has are escaped; the HTML shows all of them.
    """
    most = max(1, *(len(tile.pictures) for tile in tiles))
    width = most * (side + _BETWEEN) - _BETWEEN
    columns = max(1, min(len(tiles), round(math.sqrt(1.6 * len(tiles) * side / width))))
    rows = -(-len(tiles) // columns)
    lines = [_wrap_all(tile, width) for tile in tiles]
    height = side + _LINE * max(map(len, lines)) + 8
    across, down = width + _GAP, height + _GAP
    top = _GAP + 2 * _LINE
    sheet = Image.new("RGB", (across * columns + _GAP, down * rows + top), _PAPER)
    draw = ImageDraw.Draw(sheet)
    _write(draw, (_GAP, _GAP), title, _INK, _SIZE + 4)
    for at, (tile, words) in enumerate(zip(tiles, lines, strict=True)):
        left, upper = _GAP + at % columns * across, top + at // columns * down
        draw.rectangle((left - 4, upper - 4, left + width + 3, upper + height + 3), fill=_CARD)
        _place(sheet, draw, tile, (left, upper), side)
        for number, (text, colour) in enumerate(words):
            _write(draw, (left, upper + side + 4 + number * _LINE), text, colour, _SIZE)
    file = io.BytesIO()
    sheet.save(file, "PNG")
    return file.getvalue()


def _place(
    sheet: Image.Image, draw: ImageDraw.ImageDraw, tile: Tile, corner: tuple[int, int], side: int
) -> None:
    left, top = corner
    if tile.skipped:
        draw.rectangle((left, top, left + side - 1, top + side - 1), outline=_ALARM)
        _write(draw, (left + 8, top + 8), "skipped", _ALARM, _SIZE)
    for at, picture in enumerate(tile.pictures):
        # Words begin below the tile's square: pictures stand on its lower edge.
        sheet.paste(picture, (left + at * (side + _BETWEEN), top + side - picture.height))


def _wrap_all(tile: Tile, width: int) -> list[tuple[str, str]]:
    """Return the lines below a tile, each with its colour."""
    words = [(tile.label or "no label", _INK), (tile.place, _DIM)]
    words += [(line, _ALARM if tile.skipped else _DIM) for line in tile.lines]
    found = [
        (part, colour)
        for text, colour in words
        for part in _wrap(_legible(show_controls(text))[0], width)
    ]
    if len(found) > _MOST_LINES:
        found[_MOST_LINES - 1 :] = [("…", _DIM)]
    return found


def _wrap(text: str, width: int) -> Iterable[str]:
    """Yield text in lines of at most ``width`` pixels; words may be broken, as paths are long."""
    font = _legible(text)[1]
    while text:
        count = len(text)
        while count > 1 and font.getlength(text[:count]) > width - 4:
            count -= 1
        blank = text.rfind(" ", 0, count) if count < len(text) else -1
        count = blank + 1 if blank > 0 else count
        yield text[:count].rstrip()
        text = text[count:]


def _write(
    draw: ImageDraw.ImageDraw, corner: tuple[int, int], text: str, colour: str, size: int
) -> None:
    legible, font = _legible(show_controls(text), size)
    draw.text(corner, legible, fill=colour, font=font)


def _legible(text: str, size: int = _SIZE) -> tuple[str, Any]:
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
