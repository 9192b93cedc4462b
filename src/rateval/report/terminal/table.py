"""A table of short texts under a rule, laid out in a time that grows as its rows do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Literal

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderResult
from rich.segment import Segment
from rich.style import Style
from rich.text import Text as RichText

from rateval.console import Text

_Line = list[Segment]


@dataclass(slots=True)
class _Column:
    heading: Text
    justify: Literal["left", "right"]
    folds: bool
    """Whether a cell that doesn't fit is broken into lines; else the table grows too wide."""
    style: str
    width: int = field(init=False)

    def __post_init__(self) -> None:
        self.width = self.heading.cell_len


class Table:
    """Rows of texts in columns with a rule below their headings.

    It looks as rich's own table does. That one sets each cell as a page of its own, which takes
    milliseconds for every row: half a minute for the largest studies.
    """

    def __init__(self, *, gap: int) -> None:
        self._gap = gap
        """Blanks between two columns."""
        self._columns: list[_Column] = []
        self._rows: list[Sequence[Text]] = []

    def add_column(
        self,
        heading: Text,
        justify: Literal["left", "right"] = "left",
        *,
        folds: bool = False,
        style: str = "",
    ) -> None:
        """Add a column; give all of them before the first row."""
        self._columns.append(_Column(heading, justify, folds, style))

    def add_row(self, *cells: Text) -> None:
        """Add a row: one text for each of the first columns, the others stay empty."""
        for column, cell in zip(self._columns, cells, strict=False):
            # The longest line counts; nearly every cell has one.
            longest = max(map(cell_len, cell.plain.split("\n")))
            column.width = max(column.width, longest)
        self._rows.append(cells)

    @property
    def width(self) -> int:
        """Columns of a terminal that it takes where no cell is folded."""
        return sum(column.width for column in self._columns) + self._gap * (len(self._columns) - 1)

    def headings(self) -> list[tuple[str, bool]]:
        """Return each column's heading, and whether its cells stand to the right."""
        return [(column.heading.plain, column.justify == "right") for column in self._columns]

    def texts(self) -> list[list[str]]:
        """Return the plain text of each row's cells."""
        return [[cell.plain for cell in row] for row in self._rows]

    def fitted(self, encoding: str) -> Table:
        """Return the table as an encoding can write it, set by what then stands in its cells."""
        table = Table(gap=self._gap)
        for column in self._columns:
            heading = column.heading.fitted(encoding)
            table.add_column(heading, column.justify, folds=column.folds, style=column.style)
        for cells in self._rows:
            table.add_row(*(cell.fitted(encoding) for cell in cells))
        return table

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield the lines of the table."""
        table = self if options.encoding.startswith("utf") else self.fitted(options.encoding)
        return table._lines(console, options)

    def _lines(self, console: Console, options: ConsoleOptions) -> Iterator[Segment]:
        setter = _Setter(console, self._columns, self._widths(options.max_width), self._gap)
        yield from setter.row([column.heading for column in self._columns], heading=True)
        rule = "-" if options.ascii_only else "─"
        yield Segment(rule * (sum(setter.widths) + self._gap * (len(setter.widths) - 1)) + "\n")
        for cells in self._rows:
            yield from setter.row(cells)

    def _widths(self, limit: int) -> list[int]:
        """Return the columns' widths; the widest of those that fold give way to the limit."""
        widths = [column.width for column in self._columns]
        excess = sum(widths) + self._gap * (len(widths) - 1) - limit
        folding = [at for at, column in enumerate(self._columns) if column.folds]
        while excess > 0 and any(widths[at] > 1 for at in folding):
            widest = max(folding, key=widths.__getitem__)
            widths[widest] -= 1
            excess -= 1
        return widths


class _Setter:
    """How rows become lines, once the widths of the columns are known."""

    def __init__(
        self, console: Console, columns: Sequence[_Column], widths: list[int], gap: int
    ) -> None:
        self.widths = widths
        self._spaced = [*(width + gap for width in widths[:-1]), *widths[-1:]]
        self._console, self._columns = console, columns
        self._styles: dict[str | Style, Style] = {}

    def row(self, cells: Sequence[Text], *, heading: bool = False) -> Iterator[Segment]:
        """Yield a row: one line, or more where a cell is folded."""
        places = range(min(len(cells), len(self.widths)))
        set_cells = [self._set(cells[at], at, heading=heading) for at in places]
        for line in zip_longest(*set_cells):
            for width, segments in zip_longest(self._spaced, line):
                yield from segments or [Segment(" " * width)]
            yield Segment("\n")

    def _set(self, cell: Text, at: int, *, heading: bool) -> list[_Line]:
        """Return the lines of a cell, each with the blanks around it and up to the next column."""
        column = self._columns[at]
        base = "table.header" if heading else column.style
        if "\n" not in cell.plain and not cell.spans and cell_len(cell.plain) <= self.widths[at]:
            style = self._style(base) + self._style(cell.style)
            return [[Segment("".join(self._pad(cell, at)), style)]]
        lines = cell.wrap(
            self._console,
            self.widths[at],
            overflow="fold" if column.folds else "ignore",
            no_wrap=not column.folds,
        )
        return [self._render(line, at, self._style(base)) for line in lines]

    def _render(self, line: RichText, at: int, style: Style) -> _Line:
        before, _, after = self._pad(line, at)
        segments = Segment.apply_style(line.render(self._console), style)
        return [Segment(before), *segments, Segment(after)]

    def _pad(self, line: RichText, at: int) -> tuple[str, str, str]:
        blanks = " " * (self.widths[at] - line.cell_len)
        gap = " " * (self._spaced[at] - self.widths[at])
        if self._columns[at].justify == "right":
            return blanks, line.plain, gap
        return "", line.plain, blanks + gap

    def _style(self, style: str | Style) -> Style:
        found = self._styles.get(style)
        if found is None:
            found = self._styles[style] = self._console.get_style(style, default="")
        return found
