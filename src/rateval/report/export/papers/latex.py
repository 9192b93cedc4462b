"""LaTeX tables with the rules of booktabs."""

from __future__ import annotations

import re
from collections.abc import Iterator

from rateval.report.export.papers.pairs import lay_out_tables
from rateval.report.export.papers.paper import Number, PaperTable
from rateval.report.export.selecting import Selection
from rateval.wording import show_controls

_SIGNS = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
    "`": r"\textasciigrave{}",
    "·": r"\textperiodcentered{}",
    "−": "$-$",
    "–": "--",
    "→": r"$\to$",
    "×": r"$\times$",
    "±": r"$\pm$",
    "Δ": r"$\Delta$",
    "\n": " ",
    "\t": " ",
}

_JOINED = re.compile("(?<=-)(?=-)|(?<=,)(?=,)|(?<=')(?=')")
"""Between two signs that the fonts would print as one: a dash, quotation marks."""


def escape(text: str) -> str:
    r"""Return text that LaTeX prints as it is.

    >>> escape("50 % of a_b & \\input{x}"), escape("a--b")
    ('50 \\% of a\\_b \\& \\textbackslash{}input\\{x\\}', 'a-{}-b')
    """
    apart = _JOINED.split(show_controls(text))
    return "{}".join("".join(_SIGNS.get(sign, sign) for sign in part) for part in apart)


def write_latex(selection: Selection, what: str) -> Iterator[str]:
    """Yield the text of the tables."""
    # \textquotedbl is of the encodings T1 and TU, which LuaLaTeX and XeLaTeX have by themselves.
    yield "% needs \\usepackage{booktabs}, and in pdfLaTeX \\usepackage[T1]{fontenc}\n"
    for table in lay_out_tables(selection, what):
        yield "\n" + _table(table)


def _table(table: PaperTable) -> str:
    columns = "l" * table.names + "r" * (len(table.head) - table.names)
    bodies = ["".join(f"    {_row(row)}\n" for row in rows) for rows in table.groups]
    caption = " ".join((table.caption, *table.notes))
    return (
        "\\begin{table}\n  \\centering\n"
        f"  \\caption{{{escape(caption)}}}\n  \\label{{{table.label}}}\n"
        f"  \\begin{{tabular}}{{{columns}}}\n    \\toprule\n"
        f"    {_row(table.head)}\n    \\midrule\n"
        + "    \\midrule\n".join(bodies)
        + "    \\bottomrule\n  \\end{tabular}\n\\end{table}\n"
    )


def _row(cells: tuple[str | Number, ...]) -> str:
    written = [escape(cell) if isinstance(cell, str) else _number(cell) for cell in cells]
    # The end of the line before takes a bracket for a length, and a star for its own.
    start = "{}" if written[0].startswith(("[", "*")) else ""
    return start + " & ".join(written) + r" \\"


def _number(number: Number) -> str:
    if not number.text[-1].isdigit():
        return escape(number.text)
    value = number.text.replace("−", "-").replace(",", "{,}")
    value = rf"\mathbf{{{value}}}" if number.strong else value
    if not number.up:
        return f"${value}$"
    if number.up == number.down:
        return rf"${value} \pm {number.up}$"
    return f"${value}^{{+{number.up}}}_{{-{number.down}}}$"
