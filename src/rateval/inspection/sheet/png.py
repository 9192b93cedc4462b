"""A contact sheet as one PNG."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence

from PIL import Image, ImageDraw

from rateval.inspection.sheet.lettering import LINE, SIZE, legible, wrap, write
from rateval.inspection.sheet.tiles import Tile
from rateval.wording import show_controls

_GAP = 16
_BETWEEN = 6
_MOST_LINES = 7
_PAPER, _CARD, _INK, _DIM, _ALARM = "#ffffff", "#f0f0f4", "#1b1b1f", "#5b5b66", "#b00020"


def write_png(title: str, tiles: Sequence[Tile], side: int) -> bytes:
    """Return the sheet as bytes: rows of tiles, each with its words below.

    Letters that no font at hand has are escaped; the HTML shows all of them.
    """
    most = max(1, *(len(tile.pictures) for tile in tiles))
    width = most * (side + _BETWEEN) - _BETWEEN
    titled = any(tile.titles for tile in tiles)
    fitting = 1 if titled else round(math.sqrt(1.6 * len(tiles) * side / width))
    columns = max(1, min(len(tiles), fitting))
    rows = -(-len(tiles) // columns)
    lines = [_wrap_all(tile, width) for tile in tiles]
    below = side + LINE * titled
    height = below + LINE * max(map(len, lines)) + 8
    across, down = width + _GAP, height + _GAP
    top = _GAP + 2 * LINE
    sheet = Image.new("RGB", (across * columns + _GAP, down * rows + top), _PAPER)
    draw = ImageDraw.Draw(sheet)
    write(draw, (_GAP, _GAP), title, _INK, SIZE + 4)
    for at, (tile, words) in enumerate(zip(tiles, lines, strict=True)):
        left, upper = _GAP + at % columns * across, top + at // columns * down
        draw.rectangle((left - 4, upper - 4, left + width + 3, upper + height + 3), fill=_CARD)
        _place(sheet, draw, tile, (left, upper), side)
        for number, (text, colour) in enumerate(words):
            write(draw, (left, upper + below + 4 + number * LINE), text, colour, SIZE)
    file = io.BytesIO()
    sheet.save(file, "PNG")
    return file.getvalue()


def _place(
    sheet: Image.Image, draw: ImageDraw.ImageDraw, tile: Tile, corner: tuple[int, int], side: int
) -> None:
    left, top = corner
    if tile.skipped:
        draw.rectangle((left, top, left + side - 1, top + side - 1), outline=_ALARM)
        write(draw, (left + 8, top + 8), "skipped", _ALARM, SIZE)
    for at, picture in enumerate(tile.pictures):
        # Words begin below the tile's square: pictures stand on its lower edge.
        sheet.paste(picture, (left + at * (side + _BETWEEN), top + side - picture.height))
    for at, title in enumerate(tile.titles):
        (shown, *_) = wrap(legible(show_controls(title))[0], side)
        write(draw, (left + at * (side + _BETWEEN), top + side + 3), shown, _DIM, SIZE)


def _wrap_all(tile: Tile, width: int) -> list[tuple[str, str]]:
    """Return the lines below a tile, each with its colour."""
    words = [(tile.label or "no label", _INK), (tile.place, _DIM)]
    words += [(line, _ALARM if tile.skipped else _DIM) for line in tile.lines]
    found = [
        (part, colour)
        for text, colour in words
        for part in wrap(legible(show_controls(text))[0], width)
    ]
    if len(found) > _MOST_LINES:
        found[_MOST_LINES - 1 :] = [("…", _DIM)]
    return found
