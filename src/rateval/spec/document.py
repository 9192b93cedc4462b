"""A spec as it was given, and where each part of it came from."""

from __future__ import annotations

import codecs
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rateval.errors import RatevalError
from rateval.spec.copied import copy_text, original_folder
from rateval.spec.explain import locate
from rateval.spec.toml_text import parse_toml

LARGEST = 64 << 20
"""Bytes of a spec at most."""


@dataclass(frozen=True, slots=True)
class Document:
    """A spec as it was given, and where each of its parts came from."""

    name: str
    """How messages call it, such as ``spec.toml``."""
    data: dict[str, Any]
    text: str
    """The TOML as written; empty for a spec given as a dict."""
    origins: dict[str, str] = field(default_factory=dict)
    """Key of ``[run]``, or ``report.pictures``, to what set it, such as ``--device``."""
    folder: Path = Path()
    """Where it lies, and files of components and prompts with it; for a dict the current one, for
    a run's copy that of the spec."""

    @property
    def overrides(self) -> dict[str, Any]:
        """Keys that something other than the spec set, with their values, as origins name them."""
        found = {}
        for name in self.origins:
            table, _, key = name.rpartition(".")
            there = self.data.get(table or "run", {})
            if key in there:
                found[name] = there[key]
        return found

    def copy_for(self, folder: Path) -> str:
        """Return the text for a copy in another folder, which finds the files that lie beside."""
        return copy_text(self.text, self.data, self.folder, folder)

    def where(self, loc: Sequence[str | int], *, value: bool) -> str:
        """Return a place in this document as text, with its value if there is one to show."""
        path, found, known = locate(self.data, loc)
        origin = self.origins.get(str(loc[1])) if len(loc) > 1 and loc[0] == "run" else None
        prefix = origin or f"{self.name}: {path}"
        return f"{prefix} = {_show(found)}" if value and known else prefix


def _show(value: object) -> str:
    text = json.dumps(value, default=str, ensure_ascii=False)
    return text if len(text) <= 60 else text[:57] + "..."


def read_document(path: Path) -> Document:
    """Read a spec file. Raises RatevalError when there is no readable TOML in it."""
    if not str(path).isascii() and any("\ud800" <= sign <= "\udfff" for sign in str(path)):
        raise RatevalError(f"{path}: a run's record can't hold a name that isn't UTF-8; rename it")
    try:
        content = _read(path)
        text = content.decode("utf-8-sig")  # some editors begin a file with a mark
    except FileNotFoundError:
        raise RatevalError(
            f"{path}: no such file; give the path of a spec, or write one with `rateval init`"
        ) from None
    except UnicodeDecodeError as error:
        raise RatevalError(f"{path}: {_explain_encoding(content, error.start)}") from None
    except (OSError, ValueError) as error:  # NUL in a path is a ValueError
        why = getattr(error, "strerror", None) or error
        raise RatevalError(f"{path}: cannot be read: {why}; give the path of a spec") from None
    data = parse_toml(text, str(path))
    return Document(str(path), data, text, folder=original_folder(text, path.parent))


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        content = file.read(LARGEST + 1)
    if len(content) > LARGEST:
        raise RatevalError(f"{path}: is larger than {LARGEST >> 20} MiB, and so no spec")
    return content


def _explain_encoding(content: bytes, at: int) -> str:
    if content[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        return "is UTF-16 text; save it as UTF-8"
    line = content.count(b"\n", 0, at) + 1
    return f"not UTF-8 text (line {line}, byte {at}); save it as UTF-8"
