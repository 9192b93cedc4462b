"""Lists and annotations in text changed as hands, editors and scripts change them."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from faults.verdict import MARKUP

NUMBERS = (
    "0", "-1", "99999", "9" * 400, "9" * 5000, "1e308", "-1e308", "nan", "inf", "1.5", "", " ", "x",
    "0x10", "٣", "1_0", "3\0", "\x1b[31m", MARKUP, "[/x]", "31", "2",
)  # fmt: skip
"""What may stand where a number stood."""
_NUMBER = re.compile(r"(?<![\w.])\d+(?![\w.])")
_BOMB = (
    '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">'
    + "".join(
        f'<!ENTITY {b} "{f"&{a};" * 10}">' for a, b in zip("abcdefgh", "bcdefghi", strict=True)
    )
    + "]>"
)


def _number(text: str, which: int, much: int) -> tuple[str, str]:
    found = list(_NUMBER.finditer(text))
    if not found:
        return text, "no number"
    at, new = found[which % len(found)], NUMBERS[much % len(NUMBERS)]
    changed = text[: at.start()] + new + text[at.end() :]
    return changed, f"number {at[0]} at {at.start()} replaced by {new[:20]!r}"


def _lines(change: Callable[[list[str], int], None]) -> Callable[[str, int, int], tuple[str, str]]:
    def edit(text: str, which: int, much: int) -> tuple[str, str]:
        lines = text.splitlines(keepends=True)
        if not lines:
            return text, "no line"
        change(lines, which % len(lines))
        return "".join(lines), f"line {which % len(lines) + 1}"

    return edit


def _swap(lines: list[str], at: int) -> None:
    lines[at], lines[0] = lines[0], lines[at]


def _twice(lines: list[str], at: int) -> None:
    lines.insert(at, lines[at])


def _gone(lines: list[str], at: int) -> None:
    del lines[at]


def _odd(lines: list[str], at: int) -> None:
    lines[at] = f'\x1b[31m "{MARKUP}\n'


def _deep(text: str, which: int, much: int) -> tuple[str, str]:
    depth = 100_000
    return "<a>" * depth + text + "</a>" * depth, f"{depth:,} elements deep"


def _bomb(text: str, which: int, much: int) -> tuple[str, str]:
    return _BOMB + text.replace("<folder>x", "<folder>&i;").replace(" 1", " &i;"), "entities"


EDITS: dict[str, Callable[[str, int, int], tuple[str, str]]] = {
    "number": _number,
    "line gone": _lines(_gone),
    "line twice": _lines(_twice),
    "lines swapped": _lines(_swap),
    "odd line": _lines(_odd),
    "deep": _deep,
    "entities": _bomb,
}
ENCODINGS = ("utf-16", "latin-1", "utf-8-sig", "utf-32")
"""What editors save as."""


def edit_text(file: Path, how: str, which: int, much: int) -> str:
    """Change a text file in one place, and say how in words."""
    text, words = EDITS[how](file.read_text(encoding="utf-8", errors="replace"), which, much)
    file.write_text(text, encoding="utf-8")
    return f"{file.parent.name}/{file.name}: {how}, {words}"


def encode(file: Path, encoding: str) -> str:
    """Save a text file as another program would, with a letter beyond ASCII in it."""
    text = file.read_text(encoding="utf-8", errors="replace")
    file.write_bytes(text.replace("a", "ä", 1).encode(encoding, "replace"))
    return f"{file.parent.name}/{file.name}: as {encoding}"
