"""A spec as it was given, and where each part of it came from."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rateval.errors import RatevalError
from rateval.spec.explain import locate


@dataclass(frozen=True, slots=True)
class Document:
    """A spec as it was given, and where each of its parts came from."""

    name: str
    """How messages call it, such as ``spec.toml``."""
    data: dict[str, Any]
    text: str
    """The TOML as written; empty for a spec given as a dict."""
    origins: dict[str, str] = field(default_factory=dict)
    """Key of ``[run]`` to what set it, such as ``--device``."""

    @property
    def overrides(self) -> dict[str, Any]:
        """Keys of ``[run]`` that something other than the spec set, with their values."""
        run = self.data.get("run", {})
        return {key: run[key] for key in self.origins if key in run}

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
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise RatevalError(
            f"{path}: no such file; give the path of a spec, or write one with `rateval init`"
        ) from None
    except UnicodeDecodeError as error:
        raise RatevalError(f"{path}: not UTF-8 text (byte {error.start})") from None
    except OSError as error:
        raise RatevalError(
            f"{path}: cannot be read: {error.strerror}; give the path of a spec"
        ) from None
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise RatevalError(f"{path}: not valid TOML: {error}") from None
    return Document(str(path), data, text)
