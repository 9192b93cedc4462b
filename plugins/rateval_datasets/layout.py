"""The folders and files of a dataset's official archives, and what is missing of them."""

from __future__ import annotations

import os
import re
import stat
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, NamedTuple

from rateval.api import RatevalError
from rateval.modelkit import bring, list_some

IMAGE_SUFFIXES = (".jpeg", ".jpg", ".png")
"""Endings of image files, in lower case."""
_LARGEST_LIST = 1 << 28
"""Bytes that a list may have; the largest of the datasets read has 10 MB."""
_BINARY = getattr(os, "O_BINARY", 0)
"""A flag that Windows needs."""
_UNREADABLE = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f\ud800-\udfff]")
"""Control characters but the tab, and bytes that are no UTF-8."""


class Line(NamedTuple):
    """A line of a text file that is not blank."""

    number: int
    """From 1, blank ones counted."""
    text: str
    """Without spaces at its ends."""


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
        return self._first(candidates, Path.is_dir, "folder")

    def file(self, *candidates: Path) -> Path:
        """Return the first candidate that is a file. Raises RatevalError when none is."""
        return self._first(candidates, Path.is_file, "file")

    def _first(
        self, candidates: Sequence[Path], is_there: Callable[[Path], bool], what: str
    ) -> Path:
        for path in candidates:
            try:
                if is_there(path):
                    return path
            except (OSError, ValueError) as error:  # too long, a NUL, or not allowed
                why = getattr(error, "strerror", None) or error
                raise self.error(f"{path} cannot be opened: {why}") from error
        raise self.error(f"no such {what}: {' or '.join(map(str, candidates))}")

    def error(self, what: str) -> RatevalError:
        """Return an error that says what is wrong, how the dataset should lie and where it is."""
        return RatevalError(
            f"{self.dataset}: {shorten(printable(what))}; its folder must hold {self.tree}, as the "
            f"official archives unpack; get them from {self.source} and give their folder as root "
            "(docs/datasets.md)"
        )

    def wrong(self, path: Path, line: int, what: str) -> RatevalError:
        """Return an error about one line of a list."""
        return self.error(f"{path}:{line}: {what}")

    def lines(self, path: Path) -> list[Line]:
        """Read the lines of a text file that are not blank.

        Raises RatevalError when it is missing, no UTF-8 text, or holds control characters.
        """
        try:
            data = read_file(self.file(path), _LARGEST_LIST)
        except (OSError, ValueError) as error:
            raise self.error(f"{path} cannot be read: {error}") from error
        try:
            text = data.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            line = data.count(b"\n", 0, error.start) + 1
            raise self.wrong(path, line, explain_encoding(data, error)) from error
        split = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
        for at, whole in enumerate(split, 1):
            if strange := _UNREADABLE.search(whole):
                code = f"U+{ord(strange[0]):04X}"
                raise self.wrong(path, at, f"control character {code}; save the list as UTF-8 text")
        return [Line(at, whole.strip()) for at, whole in enumerate(split, 1) if whole.strip()]

    def check_names(self, names: Sequence[str], where: Sequence[str], *, distinct: bool) -> None:
        """Require names of classes that can stand in a prompt and, if ``distinct``, differ.

        ``where`` says, for each, what it was made of. Raises RatevalError.
        """
        for name, source in zip(names, where, strict=True):
            if not name.strip() or _UNREADABLE.search(name):
                why = "is empty" if not name.strip() else "holds what is no text in UTF-8"
                raise self.error(f'the class name "{name}" of {source} {why}; rename it')
        counts = Counter(names)
        twice = [name for name, count in counts.items() if count > 1]
        if distinct and twice:
            sources = [at for name, at in zip(names, where, strict=True) if counts[name] > 1]
            raise self.error(
                f"class names occur twice: {list_some(twice)}; make them differ, for their prompts "
                f"are equal ({list_some(sources)})"
            )


def explain_encoding(data: bytes, error: UnicodeDecodeError) -> str:
    """Return what is wrong with bytes that are no UTF-8, and what they may be."""
    wide = data.startswith((b"\xff\xfe", b"\xfe\xff")) or b"\0" in data
    seems = "UTF-16" if wide else "Latin-1"
    return f"no UTF-8 text: the byte 0x{data[error.start]:02x}; it may be {seems}: save it as UTF-8"


def printable(text: str) -> str:
    r"""Return a text with what is no valid Unicode escaped, such as names that are no UTF-8.

    >>> printable("caf\udce9.jpg") == "caf" + chr(92) + "udce9.jpg"
    True
    """
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def shorten(text: str, most: int = 1000) -> str:
    """Return a text without its middle where it is longer than a person reads.

    >>> shorten("one, two, three", 8)
    'one, … hree'
    """
    if len(text) <= most:
        return text
    return f"{text[: most // 2].rstrip()} … {text[-(most // 2) :].lstrip()}"


def explain_path(path: str) -> str | None:
    r"""Return why a list's path of an image isn't <class>/<name>.<ending>; None when it is.

    >>> explain_path("cat/a.jpg")
    >>> explain_path("cat\\a.jpg")
    'cat\\a.jpg is not <class>/<name>.jpg: write "/" in place of the backslash'
    """
    folder, _, name = path.partition("/")
    if {folder, name} & {"", ".", ".."} or "/" in name:
        slash = ': write "/" in place of the backslash' if "\\" in path else ""
        return f"{path} is not <class>/<name>.jpg{slash}"
    return None


def open_file(path: Path) -> BinaryIO:
    """Open a file to read its bytes, but neither a pipe, a socket nor a device: they may hang.

    One that stands for a file behind a URL is fetched first. Raises OSError or ValueError.
    """
    path = bring(path)
    # Without this flag, which not every system has, a pipe waits for somebody who writes.
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | _BINARY)
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        return os.fdopen(descriptor, "rb")
    os.close(descriptor)
    raise ValueError(f"no regular file: {path}")


def read_file(path: Path, most: int) -> bytes:
    """Read a file of at most ``most`` bytes. Raises OSError, or ValueError for a larger one."""
    with open_file(path) as file:
        if (size := os.fstat(file.fileno()).st_size) > most:
            raise ValueError(f"the file has {size:,} bytes, more than {most:,}")
        return file.read(most)


def names_in(folder: Path) -> set[str]:
    """Return everything in a folder, by one listing and no look at the files themselves.

    A folder that is not there holds nothing. Raises RatevalError when it cannot be listed.

    >>> names_in(Path("no such folder"))
    set()
    """
    return {entry.name for entry in _entries(folder)}


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except (FileNotFoundError, NotADirectoryError):
        return []
    except (OSError, ValueError) as error:
        raise RatevalError(f"{printable(str(folder))} cannot be listed: {error}") from error


def folders_in(folder: Path) -> list[str]:
    """Return the folders in a folder, sorted, without the hidden ones.

    The kind of an entry comes with the listing, so this costs no look at each of them; only links
    are followed. Raises RatevalError when it cannot be listed.
    """
    return sorted(e.name for e in _entries(folder) if not e.name.startswith(".") and _is_folder(e))


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link in a circle
        return False


def images_in(folder: Path, suffixes: tuple[str, ...] = IMAGE_SUFFIXES) -> list[str]:
    """Return the images in a folder by their endings, sorted, without the hidden ones.

    ImageNet holds 1.3 million files: one listing of each folder is quick even on a network disk,
    a look at each file is not.
    """
    return sorted(
        name
        for name in names_in(folder)
        if name.lower().endswith(suffixes) and not name.startswith(".")
    )
