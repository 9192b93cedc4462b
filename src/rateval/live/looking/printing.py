"""One photo explained on a terminal: tables, and where there is room a small drawing of the map."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from rich.console import RenderableType
from rich.style import Style

from rateval.console import Console, Text
from rateval.live.looking.heat import colour
from rateval.live.looking.texts import TextLook
from rateval.live.looking.values import Look, explain_edit, explain_verdict
from rateval.report.terminal.layout import add_number, add_row, make_table, show_number

_WIDE = 60
"""Columns of a terminal from which on the map is drawn."""
_LARGEST = 24
"""Rows of patches that are drawn at most; of more, means of several."""
_SHADES = " ░▒▓█"


def show_look(look: Look | TextLook, console: Console) -> Iterator[RenderableType]:
    """Yield what a photo's prediction rests on, for the terminal behind ``console``."""
    yield Text.assemble(
        (look.image, "bold"), f"  {look.model} ({look.architecture}), {look.method}"
    )
    if isinstance(look, TextLook) and look.question:
        yield Text(look.question, style="bold")
    count = len(look.notes)
    sentences = list(look.sentences())
    yield from map(Text, sentences[: len(sentences) - count])
    if isinstance(look, Look):
        yield Text()
        yield _classes(look)
    if look.judged:
        yield Text()
        yield from (Text(explain_verdict(one)) for one in look.judged)
    if look.edits:
        yield Text()
        yield _edits(look)
    if console.is_terminal and console.width >= _WIDE and console.encoding.startswith("utf"):
        yield Text()
        of = f" for {look.explained}" if look.explained else ""
        yield Text(f"relevance{of} by {look.attribution}", style="dim")
        yield draw_map(look.relevance, coloured=_shows_colours(console))
    for note in look.notes:  # a command in it must come out in one piece, to be pasted
        yield Text(f"note: {note}", style="yellow", no_wrap=True, overflow="ignore")


def _classes(look: Look) -> RenderableType:
    table = make_table("class")
    add_number(table, "%")
    for name, share in look.top():
        mark = " (label)" if name == look.label else ""
        add_row(table, name + mark, show_number(100 * share, ".1f"))
    return table


def _shows_colours(console: Console) -> bool:
    """Return whether there are enough colours for a scale: of sixteen, neighbours are no steps."""
    return console.color_system in ("256", "truecolor") and not console.no_color


def _edits(look: Look | TextLook) -> RenderableType:
    table = make_table("edited", "background of", "answer")
    for edit in look.edits:
        add_row(table, edit.title, edit.donor, explain_edit(edit, look.prediction))
    return table


def draw_map(relevance: NDArray[np.floating], *, coloured: bool) -> Text:
    r"""Draw a map: two rows a line in colours, or one row a line in shades, two signs a patch.

    >>> draw_map(np.eye(2), coloured=False).plain
    '██  \n  ██'
    >>> draw_map(np.eye(2), coloured=True).plain
    '▀▀▀▀'
    """
    shown = _shrink(np.asarray(relevance, dtype=np.float64))
    text = Text()
    if not coloured:
        levels = np.round(shown * (len(_SHADES) - 1)).astype(int)
        return Text("\n".join("".join(2 * _SHADES[at] for at in row) for row in levels.tolist()))
    if len(shown) % 2:
        shown = np.vstack([shown, np.zeros_like(shown[:1])])
    colours = colour(shown)
    for at in range(0, len(shown), 2):
        text.append("\n" if at else "")
        for upper, lower in zip(colours[at].tolist(), colours[at + 1].tolist(), strict=True):
            style = Style(color=_name(upper), bgcolor=_name(lower))
            text.append("▀▀", style)
    return text


def _name(rgb: list[int]) -> str:
    return "#{:02x}{:02x}{:02x}".format(*rgb)


def _shrink(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return means of blocks such that no side is longer than ``_LARGEST``."""
    step = -(-max(values.shape) // _LARGEST)
    if step == 1:
        return values
    rows, columns = (range(0, length, step) for length in values.shape)
    return np.array([[values[r : r + step, c : c + step].mean() for c in columns] for r in rows])
