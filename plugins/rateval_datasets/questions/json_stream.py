"""Large JSON files, read one entry after the other: memory holds one entry, not the file."""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from rateval_datasets.layout import open_file

_CHUNK = 1 << 20
"""Bytes read at once."""
_LARGEST_ENTRY = 1 << 26
"""Characters that one entry may have; those of the datasets read have a few thousand."""
_OF_NUMBERS = "+-.0123456789Ee"
"""Signs of which numbers are made; so is nothing, the end of the window."""
_BLANK = re.compile(r"[ \t\n\r]*")


def entries_of(path: Path) -> Iterator[tuple[str, Any]]:
    """Yield key and value of each entry of a file's object, in its order.

    Raises OSError, or ValueError where it is no such file.
    """
    with open_file(path) as file:
        yield from _Reader(file).entries()


def items_of(path: Path, key: str) -> Iterator[Any]:
    """Yield each item of the list that is the value of ``key`` in a file's object.

    What stands before that list is read and left; what stands behind it isn't read. Raises OSError,
    or ValueError where there is no such list.
    """
    with open_file(path) as file:
        yield from _Reader(file).items(key)


class _Reader:
    """The text of a file, of which a window is held."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")()
        self._scan = json.JSONDecoder().raw_decode
        self._text, self._at, self._gone = "", 0, 0
        self._ended = False

    def entries(self) -> Iterator[tuple[str, Any]]:
        """Yield key and value of each entry of the object that begins here."""
        self._expect("{")
        if self._peek() == "}":
            return
        while True:
            key = self._key()
            yield key, self._value()
            if self._expect(",}") == "}":
                return

    def items(self, key: str) -> Iterator[Any]:
        """Yield each item of the list below ``key``."""
        self._expect("{")
        while self._peek() != "}":
            if self._key() == key:
                yield from self._list()
                return
            self._value()
            if self._expect(",}") == "}":
                break
        raise ValueError(f'there is no "{key}" in it')

    def _list(self) -> Iterator[Any]:
        self._expect("[")
        if self._peek() == "]":
            return
        while True:
            yield self._value()
            if self._expect(",]") == "]":
                return

    def _key(self) -> str:
        if self._peek() != '"':
            raise self._wrong('a name in "quotes"')
        key = self._value()
        self._expect(":")
        return str(key)

    def _value(self) -> Any:
        self._peek()
        while True:
            try:
                value, end = self._scan(self._text, self._at)
            except RecursionError as error:
                raise ValueError(f"is nested too deep at character {self._place:,}") from error
            except ValueError as error:
                if not self._more():
                    raise self._wrong("a value") from error
                continue
            # A number may go on behind the window: "0." of "0.5" reads as 0.
            goes_on = self._text[end : end + 1] in _OF_NUMBERS
            if not goes_on or isinstance(value, str | list | dict) or not self._more():
                self._at = end
                return value

    def _expect(self, signs: str) -> str:
        sign = self._peek()
        if sign == "" or sign not in signs:
            raise self._wrong(" or ".join(signs))
        self._at += 1
        return sign

    def _peek(self) -> str:
        """Return the next sign that is no blank; nothing at the end of the file."""
        while True:
            found = _BLANK.match(self._text, self._at)
            self._at = self._at if found is None else found.end()
            if self._at < len(self._text):
                return self._text[self._at]
            if not self._more():
                return ""

    def _more(self) -> bool:
        """Read on, and drop what was used; False at the end of the file."""
        if self._ended:
            return False
        if len(self._text) - self._at > _LARGEST_ENTRY:
            raise self._wrong(f"a value of at most {_LARGEST_ENTRY:,} characters")
        # As much again as the window holds: an entry of many chunks is not tried at each of them.
        data = self._file.read(max(_CHUNK, len(self._text) - self._at))
        self._ended = not data
        self._gone += self._at
        self._text = self._text[self._at :] + self._decoder.decode(data, final=self._ended)
        self._at = 0
        return True

    @property
    def _place(self) -> int:
        return self._gone + self._at + 1

    def _wrong(self, wanted: str) -> ValueError:
        found = self._text[self._at : self._at + 20] or "the end of the file"
        return ValueError(f"is no JSON: {found!r} at character {self._place:,}, not {wanted}")
