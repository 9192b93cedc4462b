"""Tables look as rich's own do."""

from __future__ import annotations

import io

import pytest
from hypothesis import given, settings, strategies as st
from rich import box
from rich.console import Console, RenderableType
from rich.table import Table as Theirs

from rateval.console import Console as OurConsole, Text
from rateval.report.terminal.table import Table

texts = st.text(st.sampled_from("ab [/]é界−"), max_size=8).map(str.strip)
tables = st.integers(1, 5).flatmap(
    lambda count: st.lists(st.lists(texts, min_size=count, max_size=count), min_size=1, max_size=4)
)


def lines(table: RenderableType, width: int = 200, *, colour: bool = False) -> list[str]:
    console = Console(
        file=io.StringIO(),
        width=width,
        force_terminal=colour,
        color_system="standard" if colour else None,
    )
    console.print(table, crop=False)
    assert isinstance(console.file, io.StringIO)
    return [line.rstrip() for line in console.file.getvalue().split("\n")]


@given(tables, st.integers(1, 2))
@settings(max_examples=60, deadline=None)
def test_a_table_that_fits_is_set_as_rich_sets_it(rows: list[list[str]], gap: int) -> None:
    ours = Table(gap=gap)
    theirs = Theirs(
        box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, gap - 1, 0, 0), show_edge=False
    )
    for place, heading in enumerate(f"{name}." for name in rows[0]):
        ours.add_column(Text(heading), "right" if place % 2 else "left", folds=not place)
        theirs.add_column(Text(heading), justify="right" if place % 2 else "left", no_wrap=True)
    for row in rows[1:]:
        ours.add_row(*map(Text, row))
        theirs.add_row(*map(Text, row))
    assert lines(ours) == lines(theirs)


@pytest.mark.parametrize("width", range(18, 38))
def test_labels_are_folded_and_not_lost(width: int) -> None:
    table = Table(gap=1)
    table.add_column(Text("model"), folds=True)
    table.add_column(Text("method"), folds=True)
    table.add_column(Text("PT"), "right")
    table.add_row(Text("clip"), Text("fine-tuning_of_everything"), Text("12.3"))
    table.add_row(Text("clip"), Text("zs"), Text("4.5"))
    drawn = lines(table, width)
    assert max(map(len, drawn)) <= width
    start = drawn[0].index("method")
    end = width - len(" 12.3")
    first = drawn[2:-2]
    assert "".join(line[start:end].strip() for line in first) == "fine-tuning_of_everything"
    assert [line.split()[-1] for line in (first[0], drawn[-2])] == ["12.3", "4.5"]


def test_styles_of_columns_and_cells_add_up() -> None:
    table = Table(gap=2)
    table.add_column(Text("a"), style="dim")
    table.add_column(Text("b"))
    table.add_row(Text("x"), Text("y", style="red"))
    assert "\x1b[2mx" in lines(table, colour=True)[2]
    assert "\x1b[31my" in lines(table, colour=True)[2]


def test_the_rule_is_ascii_where_the_terminal_is() -> None:
    table = Table(gap=2)
    table.add_column(Text("name"))
    table.add_row(Text("x"))
    buffer = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    console = Console(file=buffer, width=80)
    console.print(table)
    buffer.flush()
    assert buffer.buffer.getvalue().split(b"\n")[1] == b"----"


def test_columns_stay_straight_where_the_encoding_lacks_a_sign() -> None:
    table = Table(gap=2)
    table.add_column(Text("naïve"))
    table.add_column(Text("PT"), "right")
    table.add_row(Text("界"), Text("1−"))
    table.add_row(Text("plain"), Text("22"))
    buffer = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    OurConsole(file=buffer, width=80).print(table)
    buffer.flush()
    drawn = buffer.buffer.getvalue().decode("ascii").split("\n")
    assert drawn == ["na\\xefve  PT", "------------", "\\u754c    1-", "plain     22", ""]
