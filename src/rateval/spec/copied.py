"""Copies of a spec in the folders of its runs, which find the files that lie beside it."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from rateval.api.use import read_use

_HEAD = re.compile(r'\A# rateval: folder = ("(?:[^"\\\n]|\\.)*")\n(?:# .*\n)?')
_TOLD = "# Functions in files and files of prompts start from there, as seen from this copy.\n"


def copy_text(text: str, data: dict[str, Any], original: Path, folder: Path) -> str:
    """Return the text of a spec that lay in ``original`` for a copy of it in ``folder``.

    A first line says where it lay, if that has a file that the spec names: such paths start from
    the spec's folder. It is relative, so that both may be moved together.
    """
    text = _HEAD.sub("", text)
    if not text or not any(_is_there(original, word) for word in _texts(data)):
        return text
    way = json.dumps(_way(original, folder))
    return f"# rateval: folder = {way}\n{_TOLD}{text}"


def original_folder(text: str, folder: Path) -> Path:
    r"""Return where files beside a spec lie: in its ``folder``, or where a copy says.

    >>> original_folder("[study]", Path("specs")).as_posix()
    'specs'
    >>> original_folder('# rateval: folder = "../../specs"\n[study]', Path("runs/1")).as_posix()
    'specs'
    """
    head = _HEAD.match(text)
    if head is None:
        return folder
    try:
        return Path(_way(folder / json.loads(head[1]), Path()))
    except ValueError:  # a comment of somebody's own
        return folder


def _way(there: Path, start: Path) -> str:
    """Return the path of a folder from another one, both without links, else its absolute one."""
    try:
        return os.path.relpath(there.resolve(), start.resolve())
    except ValueError:  # on another drive
        return str(there.resolve())


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _texts(item)


def _is_there(folder: Path, word: str) -> bool:
    named = read_use(word)
    with suppress(OSError, ValueError, RuntimeError):  # a text that is no path
        path = Path(named.file if named else word)
        return not path.is_absolute() and (folder / path).is_file()
    return False
