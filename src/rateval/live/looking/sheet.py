"""Pictures side by side with words below them, as one PNG."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image, ImageDraw

from rateval.inspection.sheet.lettering import LINE, SIZE, legible, wrap, write
from rateval.live.looking.heat import legend
from rateval.wording import show_controls

SIDE = 260
"""Pixels of a picture's longer side."""
_GAP = 16
_ROW = 4
"""Pictures in a row at most."""
_PAPER, _CARD, _INK, _DIM = "#ffffff", "#f0f0f4", "#1b1b1f", "#5b5b66"
_LEGEND = (96, 10)


@dataclass(frozen=True, slots=True)
class Panel:
    """A picture with its words."""

    picture: Image.Image
    title: str
    lines: tuple[str, ...] = ()
    legend: bool = False
    """Whether it shows relevance, whose colours are told."""


def draw_sheet(title: str, panels: Sequence[Panel], caption: Sequence[str]) -> bytes:
    """Return a PNG: the title, rows of panels, and a caption over the whole width below.

    Letters that no font at hand has are escaped.
    """
    columns = min(len(panels), _ROW)
    width = columns * (SIDE + _GAP) + _GAP
    words = [_wrap_all(panel) for panel in panels]
    rows = [range(at, min(at + columns, len(panels))) for at in range(0, len(panels), columns)]
    heights = [SIDE + 8 + LINE * max(len(words[at]) for at in row) for row in rows]
    lines = [part for line in caption for part in _wrap(line, width - 2 * _GAP)]
    top = _GAP + 2 * LINE
    height = top + sum(heights) + _GAP * len(rows) + LINE * len(lines) + _GAP
    sheet = Image.new("RGB", (width, height), _PAPER)
    draw = ImageDraw.Draw(sheet)
    write(draw, (_GAP, _GAP), title, _INK, SIZE + 4)
    for row, room in zip(rows, heights, strict=True):
        for place, at in enumerate(row):
            corner = (_GAP + place * (SIDE + _GAP), top)
            _place(sheet, draw, panels[at], words[at], corner, room)
        top += room + _GAP
    for number, line in enumerate(lines):
        write(draw, (_GAP, top + number * LINE), line, _INK, SIZE)
    file = io.BytesIO()
    sheet.save(file, "PNG")
    return file.getvalue()


def _place(
    sheet: Image.Image,
    draw: ImageDraw.ImageDraw,
    panel: Panel,
    words: Sequence[tuple[str, str]],
    corner: tuple[int, int],
    height: int,
) -> None:
    left, top = corner
    draw.rectangle((left - 4, top - 4, left + SIDE + 3, top + height + 3), fill=_CARD)
    picture = fit(panel.picture)
    sheet.paste(picture, (left + (SIDE - picture.width) // 2, top + SIDE - picture.height))
    for number, (text, colour) in enumerate(words):
        write(draw, (left, top + SIDE + 4 + number * LINE), text, colour, SIZE)
    if panel.legend:
        below = top + SIDE + 6 + (len(words) - 1) * LINE
        sheet.paste(legend(*_LEGEND), (left + SIDE - _LEGEND[0], below))


def fit(picture: Image.Image) -> Image.Image:
    """Return a picture, its longer side resized to ``SIDE``; small ones show their pixels.

    >>> fit(Image.new("RGB", (64, 32))).size
    (260, 130)
    """
    scale = SIDE / max(picture.size)
    size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    how = Image.Resampling.NEAREST if scale >= 2 else Image.Resampling.BICUBIC
    return picture.resize(size, how)


def _wrap_all(panel: Panel) -> list[tuple[str, str]]:
    """Return the lines below a panel, each with its colour; the last is beside the legend."""
    words = [(part, _INK) for part in _wrap(panel.title, SIDE)]
    words += [(part, _DIM) for line in panel.lines for part in _wrap(line, SIDE)]
    return [*words, ("none to most relevant", _DIM)] if panel.legend else words


def _wrap(text: str, width: int) -> list[str]:
    return list(wrap(legible(show_controls(text))[0], width))
