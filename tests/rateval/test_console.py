"""Everything is printed verbatim: no markup, nothing raw, in the stream's encoding."""

from __future__ import annotations

import io

import pytest
from rich.console import Console as RichConsole
from rich.table import Table
from rich.text import Text as RichText

from rateval.console import Console, Text
from rateval.errors import OutputError

HOSTILE = "a[/x][bold]\x1b[31m\x9b2J\u202e\r:smile:"
SHOWN = r"a[/x][bold]\x1b[31m\x9b2J\u202e\r:smile:"


class Stream(io.StringIO):
    def __init__(self, encoding: str = "utf-8", error: OSError | None = None) -> None:
        super().__init__()
        self._encoding, self._error = encoding, error

    @property
    def encoding(self) -> str:  # type: ignore[override]  # of a stream that is no StringIO
        return self._encoding

    def write(self, text: str) -> int:
        if self._error:
            raise self._error
        text.encode(self.encoding)
        return super().write(text)


def printed(shown: object, encoding: str = "utf-8") -> str:
    stream = Stream(encoding)
    console = Console(file=stream, width=100, force_terminal=True, color_system="standard")
    console.print(shown)
    return stream.getvalue()


def table_of(*cells: object) -> Table:
    table = Table()
    table.add_column("−")
    table.add_row(*cells)  # type: ignore[arg-type]  # whatever rich can render
    return table


@pytest.mark.parametrize(
    "shown",
    [HOSTILE, Text(HOSTILE), Text().append(HOSTILE), Text.assemble((HOSTILE, "bold"))],
    ids=["str", "text", "append", "assemble"],
)
def test_nothing_is_markup_or_raw(shown: object) -> None:
    assert SHOWN in printed(shown)
    assert SHOWN in printed(table_of(shown))


def test_what_others_lay_out_by_rich_is_not_raw_either() -> None:
    assert r"a\x1b]0;x\u202e" in printed(RichText("a\x1b]0;x\u202e"))
    assert "\x1b[2J" not in printed(table_of(RichText("b\x1b[2J")))


def test_styles_still_work_where_there_is_a_terminal() -> None:
    assert "\x1b[1ma\x1b[0m" in printed(Text("a", "bold"))


@pytest.mark.parametrize(
    ("encoding", "line"),
    [
        ("utf-8", "ViT · 1e−3 … é 中 ✓"),
        ("ascii", r"ViT * 1e-3 ... \xe9 \u4e2d +"),
        ("latin-1", r"ViT · 1e-3 ... é \u4e2d +"),
        ("cp1252", r"ViT · 1e-3 … é \u4e2d +"),
    ],
)
def test_what_the_encoding_lacks_is_drawn_or_escaped(encoding: str, line: str) -> None:
    text = "ViT · 1e−3 … é 中 ✓"
    assert line in printed(Text(text), encoding=encoding)
    assert line in printed(text, encoding=encoding)
    assert line in printed(RichText(text), encoding=encoding)


def test_columns_stay_straight_in_ascii() -> None:
    table = Table("x", "y")
    for cell in ("中文", "a", "±1"):
        table.add_row(Text(cell, "bold"), Text("|"))
    stream = Stream("ascii")
    Console(file=stream, width=60).print(table)
    lines = stream.getvalue().splitlines()
    assert len({len(line) for line in lines}) == 1
    assert r"\u4e2d\u6587" in stream.getvalue()


def test_file_names_that_are_no_text_are_escaped() -> None:
    assert r"a\udcffb" in printed("a\udcffb")


def test_a_style_stays_where_it_was_when_signs_are_replaced() -> None:
    text = Text("é", "").append("x", "bold").append("…y")
    assert r"\xe9" + "\x1b[1mx\x1b[0m...y" in printed(text, encoding="ascii")


def test_a_stream_that_cannot_be_written_to_is_an_error_of_ours() -> None:
    stream = Stream(error=OSError(28, "No space left on device"))
    with pytest.raises(OutputError, match="cannot be written to: No space left on device"):
        Console(file=stream).print("x")
    with pytest.raises(BrokenPipeError):
        Console(file=Stream(error=BrokenPipeError(32, "Broken pipe"))).print("x")


def test_markup_is_there_for_who_asks_for_it() -> None:
    stream = Stream()
    Console(file=stream).print("[bold]x[/bold]", markup=True)
    assert stream.getvalue() == "x\n"
    assert isinstance(Console(), RichConsole)
