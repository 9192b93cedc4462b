"""Markdown tables, in the dialect of GitHub."""

from __future__ import annotations

from collections.abc import Iterator

from rateval.report.export.papers.pairs import lay_out_tables
from rateval.report.export.papers.paper import Number, PaperTable
from rateval.report.export.selecting import Selection
from rateval.wording import show_controls

_ESCAPED = frozenset("\\`*_{}[]<>#|~!$@")


def escape(text: str) -> str:
    r"""Return text that Markdown prints as it is, in a table and elsewhere.

    >>> escape("a|b *c*\n<i> &amp; www.x")
    'a\\|b \\*c\\* \\<i\\> &amp;amp; www\\.x'
    """
    line = " ".join(show_controls(text).splitlines()).replace("\t", " ")
    signs = ("\\" + sign if sign in _ESCAPED else sign for sign in line.replace("&", "&amp;"))
    return "".join(signs).replace("www.", "www\\.").replace("://", ":\\//")


def write_markdown(selection: Selection, what: str) -> Iterator[str]:
    """Yield the text of the tables."""
    for at, table in enumerate(lay_out_tables(selection, what)):
        yield ("\n" if at else "") + _table(table)


def _table(table: PaperTable) -> str:
    marks = [":--"] * table.names + ["--:"] * (len(table.head) - table.names)
    rows = [row for group in table.groups for row in group]
    lines = [_row(table.head), f"| {' | '.join(marks)} |", *map(_row, rows)]
    caption = escape(" ".join((table.caption, *table.notes)))
    return caption + "\n\n" + "\n".join(lines) + "\n"


def _row(cells: tuple[str | Number, ...]) -> str:
    written = [escape(cell) if isinstance(cell, str) else write_number(cell) for cell in cells]
    return f"| {' | '.join(written)} |"


def write_number(number: Number) -> str:
    """Return a number with its interval.

    >>> write_number(Number("41.0", "5.5", "5.3", strong=True)), write_number(Number("3", "1", "1"))
    ('**41.0** +5.5 −5.3', '3 ± 1')
    """
    value = f"**{number.text}**" if number.strong else number.text
    if not number.up:
        return value
    if number.up == number.down:
        return f"{value} ± {number.up}"
    return f"{value} +{number.up} −{number.down}"
