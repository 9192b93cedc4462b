"""Text as Markdown: cells of tables, code, headings."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Sequence

NOTICE = "<!-- Made by scripts/write_reference.py (make reference); changes are lost. -->\n\n"


def cell(text: str) -> str:
    r"""Return text for a cell of a table: in one line, and with nothing that would end the cell.

    >>> cell("a | b\n<c>")
    'a \\| b &lt;c&gt;'
    """
    text = " ".join(text.split()).replace("<", "&lt;").replace(">", "&gt;")
    return text.replace("|", "\\|")


def prose(text: str) -> str:
    r"""Return a docstring's text: its literals as code, and what looks like a tag as it stands.

    >>> prose("``a`` is <b>")
    '`a` is &lt;b&gt;'
    """
    parts = re.split(r"(``?[^`]+``?)", text)
    kept = [
        f"`{part.strip('`')}`"
        if part.startswith("`")
        else part.replace("<", "&lt;").replace(">", "&gt;")
        for part in parts
    ]
    return "".join(kept)


def in_cell(text: str) -> str:
    r"""Return a docstring's text for a cell of a table.

    >>> in_cell("``a | b``\nor <c>")
    '`a \\| b` or &lt;c&gt;'
    """
    return prose(" ".join(text.split())).replace("|", "\\|")


def code(text: str) -> str:
    r"""Return text as code for a cell; empty for none.

    >>> code("a | b"), code("")
    ('`a \\| b`', '')
    """
    text = " ".join(text.split()).replace("|", "\\|")
    return f"`{text}`" if text else ""


def table(heading: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table, with a blank line after it; empty without rows.

    >>> print(table(["a"], [["b"]]), end="")
    | a |
    |---|
    | b |
    <BLANKLINE>
    """
    lines = [f"| {' | '.join(row)} |" for row in rows]
    if not lines:
        return ""
    return "\n".join([f"| {' | '.join(heading)} |", "|---" * len(heading) + "|", *lines, "", ""])


def first_line(thing: object) -> str:
    """Return what a docstring's first paragraph says of a thing, in a line."""
    return " ".join((inspect.getdoc(thing) or "").partition("\n\n")[0].split())
