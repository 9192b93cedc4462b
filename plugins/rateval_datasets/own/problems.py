"""Errors about people's own data, each with its place, what is allowed and what to do."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from rateval.api import RatevalError
from rateval.modelkit import list_some, meant
from rateval_datasets.layout import explain_encoding, printable, read_file, shorten

_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")


def problem(component: str, what: str) -> RatevalError:
    """Return an error of a reader in one line: its name, what is wrong, and where to read more.

    >>> str(problem("folder", "root = photos: no images"))
    'folder: root = photos: no images (docs/datasets.md)'
    """
    line = _CONTROLS.sub(" ", printable(what))
    return RatevalError(f"{component}: {shorten(line)} (docs/datasets.md)")


def read_text(component: str, key: str, path: Path, most: int) -> str:
    """Read the text of a param's file, at most ``most`` bytes. Raises RatevalError, naming both."""
    try:
        data = read_file(path, most)
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        why = explain_encoding(data, error)
        raise problem(component, f"{key} = {path}:{line}: {why}") from error
    except (OSError, ValueError) as error:
        raise problem(component, f"{key} = {path}: cannot be read: {error}") from error


def find_meant(column: str, columns: Iterable[str]) -> str:
    """Return which column was meant by a name that is none, or which there are.

    >>> find_meant("Question", ["image", "question"]), find_meant("asked", ["image", "question"])
    ('did you mean "question"?', 'there are image, question')
    """
    columns = list(columns)
    return meant(column, columns) or f"there are {list_some(columns)}"
