"""The folder of this computer that stands for a URL: what is read and made there lies in it."""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rateval.errors import RatevalError, StudyError
from rateval.json_file import read_json, write_json
from rateval.store.cache import default_cache
from rateval.store.remote.urls import clean, explain_url, is_url

if TYPE_CHECKING:
    from rateval.store.remote.objects import Objects

_MARK = "mirror.json"
"""File of a mirror that says which URL it stands for."""
_SHOWN = 24
"""Letters of a URL's last part that a mirror is called by."""


@dataclass(frozen=True, slots=True)
class Mirror:
    """A URL, and the folder of this computer that stands for it."""

    url: str
    folder: Path
    """Absolute."""

    @property
    def objects(self) -> Objects:
        """What lies behind the URL. Raises StudyError where it can't be reached."""
        found = _objects.get(self.url)
        if found is None:
            # Whoever keeps everything here doesn't wait for fsspec.
            from rateval.store.remote.buckets import open_objects

            found = _objects[self.url] = open_objects(self.url)
        return found

    def key(self, path: Path) -> str:
        """Return the key of what lies at a path of the mirror; empty for the mirror itself."""
        key = path.absolute().relative_to(self.folder).as_posix()
        return "" if key == "." else key

    def name(self, path: Path) -> str:
        """Return the URL of what lies at a path of the mirror."""
        return "/".join(filter(None, (self.url, self.key(path))))


_objects: dict[str, Objects] = {}
# Connections and their threads don't outlive a fork.
os.register_at_fork(after_in_child=_objects.clear)


def local_folder(output: Path | str) -> Path:
    """Return the folder of this computer for the output of runs: its mirror for a URL.

    Raises RatevalError for a URL that can't be used, StudyError where no mirror can be made.
    """
    if not isinstance(output, str) or not is_url(output):
        return Path(output)
    url = clean(output)
    why = explain_url(url)
    if why:
        raise RatevalError(f"{output}: {why}")
    folder = _mirrors() / _call(url)
    try:
        if not (folder / _MARK).is_file():
            folder.mkdir(parents=True, exist_ok=True)
            write_json(folder / _MARK, {"url": url})
    except OSError as error:
        raise StudyError(
            f"{folder}: cannot be written to: {os.strerror(error.errno or 0)}; what {url} holds is "
            "kept there as well: make room, or set RATEVAL_CACHE to another folder"
        ) from None
    return folder


def find_mirror(path: Path) -> Mirror | None:
    """Return the mirror that a path lies in, None where it lies in none."""
    try:
        mirrors, path = _mirrors(), path.absolute()
    except RatevalError:  # no cache, no mirror; who needs one is told so
        return None
    if not path.is_relative_to(mirrors) or path == mirrors:
        return None
    folder = mirrors / path.relative_to(mirrors).parts[0]
    if not (folder / _MARK).is_file():
        return None
    return Mirror(str(read_json(folder / _MARK).get("url", "")), folder)


def name_place(path: Path) -> str:
    """Return how people call what lies at a path: by its URL where it lies in a mirror.

    >>> name_place(Path("runs/first"))
    'runs/first'
    """
    mirror = find_mirror(path)
    return str(path) if mirror is None else mirror.name(path)


def _mirrors() -> Path:
    return (default_cache() / "stores").absolute()


def _call(url: str) -> str:
    """Return the name of the mirror of a URL.

    >>> _call("s3://bucket/runs")
    'runs-0863ef5cf26d'
    """
    last = re.sub(r"[^A-Za-z0-9._-]", "-", url.rpartition("/")[2])[:_SHOWN]
    return f"{last}-{hashlib.sha256(url.encode()).hexdigest()[:12]}"
