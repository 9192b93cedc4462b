"""Folders of links that show what lies behind a URL under its own names.

A link leads to the fetched object, and nowhere until that is fetched. A view is called by all that
it shows, so that it never changes.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from rateval.errors import RatevalError
from rateval.store.disk import remove, writing
from rateval.store.fetched.cache import (
    PIECE,
    WHOLE,
    fetch,
    fetched_folder,
    place_of,
    read_limit,
    require_room,
)
from rateval.store.fetched.sources import Object, list_below, look
from rateval.store.remote.urls import clean, explain_url, local_path

FETCHERS = 8
"""Threads that fetch at once."""
_PICTURES = (
    *(".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".avif", ".bmp", ".gif", ".tif", ".tiff"),
    *(".jp2", ".ppm", ".pgm", ".pbm", ".pnm", ".tga", ".heic", ".heif"),
)
"""Endings, in lower case, of what is fetched when it is opened where a folder is read piece by
piece."""
_SHOWN = 24


@dataclass(frozen=True, slots=True)
class View:
    """A folder of links, and what they stand for."""

    url: str
    """Where it begins."""
    folder: Path
    """Absolute."""
    objects: Mapping[str, Object]
    """By their paths in the folder."""
    piecewise: bool
    """Whether pictures are fetched when they are opened."""

    def kind(self, name: str) -> str:
        """Return how long an object stays: in which folder of the cache it lies."""
        piece = self.piecewise and name.lower().endswith(_PICTURES)
        return PIECE if piece else WHOLE

    def place(self, name: str) -> Path:
        """Return where the object of a name lies once it is fetched."""
        return place_of(f"{self.url}/{name}", self.objects[name], self.kind(name))

    def fetch(self, name: str) -> Path:
        """Return the file of a name, fetched unless it is here. Raises as ``cache.fetch`` does."""
        return fetch(f"{self.url}/{name}", self.objects[name], self.kind(name))


_views: dict[str, View] = {}
"""Name of the folder to each view that this process has made."""


def view(url: str, *, piecewise: bool = False) -> Path:
    """Return the path of this computer that shows a file or folder behind a URL, fetched.

    ``piecewise`` leaves the pictures of a folder to whoever opens them by ``bring``. Raises
    RatevalError where nothing is there, it can't be read, or is larger than all may be.
    """
    why = explain_url(url)
    if why:
        raise RatevalError(f"{url}: {why}")
    url = clean(url)
    if (path := local_path(url)) is not None:
        return path
    try:
        found = look(url)
        above, _, name = url.rpartition("/")
        shown = _show(url, list_below(url), piecewise=piecewise) if found is None else None
        shown = shown or _show(above, {name: found or Object(0, "")}, piecewise=False)
        _fetch_whole(shown)
    except (FileNotFoundError, PermissionError, ValueError) as error:
        raise RatevalError(f"{url}: {error}; give the URL of what is there") from error
    return shown.folder if found is None else shown.folder / name


def view_beside(url: str, names: Sequence[str]) -> Path:
    """Return the path of a file that is shown with others of its folder, all of them fetched.

    Raises RatevalError where one of them isn't there.
    """
    url = clean(url)
    if (path := local_path(url)) is not None:
        return path
    above, _, own = url.rpartition("/")
    objects: dict[str, Object] = {}
    for name in (own, *names):
        try:
            found = look(f"{above}/{name}")
        except FileNotFoundError as error:
            raise RatevalError(f"{url}: names {name}: {error}; upload it, too") from error
        if found is not None:
            objects[name] = found
    shown = _show(above, objects, piecewise=False)
    try:
        _fetch_whole(shown)
    except (FileNotFoundError, PermissionError, ValueError) as error:
        raise RatevalError(f"{url}: {error}; give the URL of what is there") from error
    return shown.folder / own


def _show(url: str, objects: Mapping[str, Object], *, piecewise: bool) -> View:
    known = repr((url, piecewise, sorted(objects.items())))
    digest = hashlib.sha256(known.encode("utf-8", "surrogatepass")).hexdigest()[:16]
    last = re.sub(r"[^A-Za-z0-9._-]", "-", url.rpartition("/")[2])[:_SHOWN]
    shown = View(url, fetched_folder() / "views" / f"{last}-{digest}", objects, piecewise)
    if not shown.folder.is_dir():
        _link(shown)
    with suppress(OSError):
        os.utime(shown.folder)  # used just now
    _views[shown.folder.name] = shown
    return shown


def _link(shown: View) -> None:
    unfinished = shown.folder.with_name(f".{shown.folder.name}-{secrets.token_hex(4)}.part")
    with writing(shown.folder):
        try:
            unfinished.mkdir(parents=True)
            for name in shown.objects:
                path = unfinished / name
                path.parent.mkdir(parents=True, exist_ok=True)
                at = shown.folder / name
                path.symlink_to(os.path.relpath(shown.place(name), at.parent))
            unfinished.replace(shown.folder)
        except OSError:
            if not shown.folder.is_dir():  # another process made the same
                raise
        finally:
            remove(unfinished)


def _fetch_whole(shown: View) -> None:
    """Fetch what isn't left to whoever opens it."""
    names = [name for name in shown.objects if shown.kind(name) == WHOLE]
    require_room(shown.url, sum(shown.objects[name].size for name in names), read_limit())
    if len(names) == 1:
        shown.fetch(names[0])
        return
    with ThreadPoolExecutor(FETCHERS, thread_name_prefix="rateval-fetcher") as pool:
        try:
            for _ in pool.map(shown.fetch, names):
                pass
        finally:
            pool.shutdown(cancel_futures=True)


def find_view(path: Path) -> tuple[View, str] | None:
    """Return the view that a path lies in, and its name there; None for any other path."""
    if not _views:  # as nearly always
        return None
    folder, text = f"{fetched_folder() / 'views'}{os.sep}", str(path)
    if not text.startswith(folder):
        return None
    first, _, name = text.removeprefix(folder).partition(os.sep)
    found = _views.get(first)
    return None if found is None or name not in found.objects else (found, name)


def bring(path: Path) -> Path:
    """Return the path of a file that can be opened: fetched first where it stands for a URL.

    Raises FileNotFoundError, PermissionError or ValueError where that object alone can't be read,
    StudyError where the place can't be reached.
    """
    found = find_view(path)
    return path if found is None else found[0].fetch(found[1])


def size_of(path: Path) -> int:
    """Return a file's size in bytes, fetched or not. Raises OSError where there is none."""
    found = find_view(path)
    return path.stat().st_size if found is None else found[0].objects[found[1]].size


def call(text: str) -> str:
    """Return a text in which what lies in views is called by its URL."""
    for shown in _views.values():
        text = text.replace(str(shown.folder), shown.url)
    return text
