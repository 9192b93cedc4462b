"""Fields of entries in JSON files, each required to be what the official files have there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from rateval_datasets.layout import Layout
from rateval_datasets.questions.json_stream import entries_of, items_of

_WORDS: dict[type, str] = {str: "text", int: "a whole number", dict: "an object", list: "a list"}


def read_entries(layout: Layout, path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield key and object of each entry of a file. Raises RatevalError for any other file."""
    yield from _read(layout, path, entries_of(layout.file(path)))


def read_items(layout: Layout, path: Path, key: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield number and object of each item of the list ``key``. Raises RatevalError likewise."""
    items = enumerate(items_of(layout.file(path), key))
    yield from _read(layout, path, ((f"{key}[{at}]", item) for at, item in items))


def _read(
    layout: Layout, path: Path, found: Iterator[tuple[str, Any]]
) -> Iterator[tuple[str, dict[str, Any]]]:
    seen = set()
    try:
        for name, entry in found:
            if name in seen:
                raise layout.error(f"{path}: {name} stands there twice")
            seen.add(name)
            if not isinstance(entry, dict):
                raise layout.error(f"{path}: {name}: is no object, but {entry!s:.40}")
            yield name, entry
    except (OSError, ValueError) as error:
        raise layout.error(f"{path} cannot be read: {error}") from error


class Entry:
    """The fields of one entry."""

    def __init__(self, layout: Layout, where: str, fields: Mapping[str, Any]) -> None:
        self._layout, self._where, self._fields = layout, where, fields

    def __contains__(self, key: str) -> bool:
        return self._fields.get(key) is not None

    def text(self, key: str) -> str:
        """Return a text. Raises RatevalError where it is none."""
        return str(self._of(key, str))

    def number(self, key: str) -> int:
        """Return a whole number. Raises RatevalError where it is none."""
        return int(self._of(key, int))

    def side(self, key: str) -> int:
        """Return a number of pixels, at least one. Raises RatevalError where it is none."""
        if (found := self.number(key)) < 1:
            raise self._layout.error(f'{self._where}: "{key}" is {found}, which no image has')
        return found

    def object(self, key: str) -> Mapping[str, Any]:
        """Return an object. Raises RatevalError where it is none."""
        found: Mapping[str, Any] = self._of(key, dict)
        return found

    def part(self, key: str) -> Entry:
        """Return the fields of an object, none where it is not there. Raises RatevalError."""
        fields = {} if self._fields.get(key) is None else self.object(key)
        return Entry(self._layout, f'{self._where}: "{key}"', fields)

    def values(self, key: str) -> list[str]:
        """Return the texts that an object holds, none where it is not there. Raises likewise."""
        part = self.part(key)
        return [part.text(name) for name in part._fields]

    def file_name(self, key: str) -> str:
        """Return a text that names a file, but none elsewhere. Raises RatevalError likewise."""
        found = self.text(key)
        if not found or found in (".", "..") or set(found) & set("/\\\0"):
            raise self._layout.error(f'{self._where}: "{key}" is {found:.40}, no name of a file')
        return found

    def answers(self, key: str) -> list[str]:
        """Return answers: texts, or objects with a text "answer". Raises RatevalError likewise."""
        found = [one["answer"] if _has_answer(one) else one for one in self._of(key, list)]
        if not all(isinstance(one, str) for one in found):
            raise self._layout.error(f'{self._where}: "{key}" holds what is no answer')
        return found

    def _of(self, key: str, kind: type) -> Any:
        found = self._fields.get(key)
        if not isinstance(found, kind) or isinstance(found, bool):
            what = "is not there" if key not in self._fields else f"is {found!s:.40}"
            raise self._layout.error(f'{self._where}: "{key}" {what}, not {_WORDS[kind]}')
        return found


def _has_answer(value: Any) -> bool:
    return isinstance(value, dict) and "answer" in value
