"""Tables and notes of the terminal's report, as elements of a page with the same numbers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rich.console import RenderableType
from rich.padding import Padding

from rateval.console import Text
from rateval.report.html.markup import Child, Html, tag
from rateval.report.html.tables import scrolling
from rateval.report.terminal.table import Table

ROWS_SHOWN = 300
"""Rows of one table; the terminal's report has all of them."""


def convert(parts: Iterable[RenderableType], rows: int = ROWS_SHOWN) -> Iterator[Html]:
    """Yield the elements for these parts: a text before a table is its caption.

    Tables have ``rows`` rows at most, and say how many they leave out.
    """
    title = ""
    for part in parts:
        if isinstance(part, Table):
            yield _table(part, title, rows)
            title = ""
            continue
        text = part.renderable if isinstance(part, Padding) else part
        plain = text.plain if isinstance(text, Text) else ""
        if title:
            yield tag("p", title, class_="left-out")
        title = ""
        if isinstance(part, Padding):
            yield tag("p", plain, class_="left-out")
        else:
            title = plain
    if title:
        yield tag("p", title, class_="left-out")


def _table(table: Table, title: str, most: int) -> Html:
    heads = [
        tag("th", heading, scope="col", class_=_class(right)) for heading, right in table.headings()
    ]
    sides = [right for _, right in table.headings()]
    found = table.texts()
    left = len(found) - most
    rows: list[Child] = []
    for cells in found[:most]:
        made = [
            tag("td", text, class_=_class(right)) for text, right in zip(cells, sides, strict=False)
        ]
        rows.append(tag("tr", *made))
    caption = " ".join(title.split()) + (f" · {left} more rows in run.json" if left > 0 else "")
    shown = tag(
        "table",
        tag("caption", caption),
        tag("thead", tag("tr", *heads)),
        tag("tbody", *rows),
    )
    return scrolling(shown, caption)


def _class(right: bool) -> str | None:
    return "number" if right else None
