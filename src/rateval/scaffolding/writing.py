"""New files on disk: all of them or none, and never in the place of others."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from rateval.errors import RatevalError
from rateval.wording import list_some


def write_files(folder: Path, files: Mapping[str, str]) -> None:
    """Write files into a folder, which is made. Raises RatevalError where one is there already."""
    there = sorted(path for path in files if _is_there(folder / path))
    if there:
        raise RatevalError(
            f"{folder}: has {list_some(there)} already, and nothing is overwritten; give another "
            "name or folder, or move what is there"
        )
    try:
        for path, text in files.items():
            file = folder / path
            file.parent.mkdir(parents=True, exist_ok=True)
            with file.open("x", encoding="utf-8", newline="\n") as opened:
                opened.write(text)
    except OSError as error:
        raise RatevalError(
            f"{error.filename or folder}: cannot be written: {error.strerror}; "
            "give another folder by --folder"
        ) from None


def _is_there(path: Path) -> bool:
    return path.exists() or path.is_symlink()
