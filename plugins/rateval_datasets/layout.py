"""The folders and files of a dataset's official archives, and what is missing of them."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from rateval.api import RatevalError

IMAGE_SUFFIXES = (".jpeg", ".jpg", ".png")
"""Endings of image files, in lower case."""


@dataclass(frozen=True, slots=True)
class Layout:
    """How one dataset lies on disk, for its error messages."""

    dataset: str
    """Name of the component."""
    tree: str
    """What ``root`` must hold."""
    source: str
    """Where to get it."""

    def folder(self, *candidates: Path) -> Path:
        """Return the first candidate that is a folder. Raises RatevalError when none is."""
        return self._first(candidates, [path for path in candidates if path.is_dir()], "folder")

    def file(self, *candidates: Path) -> Path:
        """Return the first candidate that is a file. Raises RatevalError when none is."""
        return self._first(candidates, [path for path in candidates if path.is_file()], "file")

    def _first(self, candidates: Iterable[Path], found: list[Path], what: str) -> Path:
        if found:
            return found[0]
        raise self.error(f"no such {what}: {' or '.join(map(str, candidates))}")

    def error(self, what: str) -> RatevalError:
        """Return an error that says what is wrong, how the dataset should lie and where it is."""
        return RatevalError(
            f"{self.dataset}: {what}; its folder must hold {self.tree}, as the official archives "
            f"unpack; get them from {self.source} and give their folder as root (docs/datasets.md)"
        )

    def lines(self, path: Path) -> list[str]:
        """Read the lines of a text file that are not blank.

        Raises RatevalError when it is missing or no UTF-8 text.
        """
        try:
            text = self.file(path).read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            raise self.error(f"{path} cannot be read: {error}") from error
        return [line.strip() for line in text.splitlines() if line.strip()]


def names_in(folder: Path) -> set[str]:
    """Return everything in a folder, by one listing and no look at the files themselves.

    A folder that is not there holds nothing.

    >>> names_in(Path("no such folder"))
    set()
    """
    try:
        with os.scandir(folder) as entries:
            return {entry.name for entry in entries}
    except (FileNotFoundError, NotADirectoryError):
        return set()


def folders_in(folder: Path) -> list[str]:
    """Return the folders in a folder, sorted, without the hidden ones.

    The kind of an entry comes with the listing, so this costs no look at each of them; only links
    are followed.
    """
    with os.scandir(folder) as entries:
        return sorted(e.name for e in entries if not e.name.startswith(".") and e.is_dir())


def images_in(folder: Path) -> list[str]:
    """Return the images in a folder by their endings, sorted, without the hidden ones.

    ImageNet holds 1.3 million files: one listing of each folder is quick even on a network disk,
    a look at each file is not.
    """
    return sorted(
        name
        for name in names_in(folder)
        if name.lower().endswith(IMAGE_SUFFIXES) and not name.startswith(".")
    )
