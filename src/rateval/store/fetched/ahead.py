"""Files behind URLs fetched ahead of who opens them, by a few threads, and never many at once."""

from __future__ import annotations

import os
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from rateval.errors import RatevalError
from rateval.store.disk import TRIES
from rateval.store.fetched.cache import PIECE, fetch
from rateval.store.fetched.sources import Object, look
from rateval.store.fetched.views import FETCHERS, bring, find_view, view
from rateval.store.remote.urls import clean, protocol_of

MOST = 64
"""Files that are waited for at once; who wants more fetches them when they are opened."""


class RemoteFile:
    """A file behind a URL; calling it returns its bytes.

    It is looked at once, and is the same from then on: another object under its URL is an error.
    """

    def __init__(self, url: str) -> None:
        self.url = clean(url)
        self._known: Object | None = None

    @property
    def is_here(self) -> bool:
        """Whether it is a file of this computer, which needs no fetching."""
        return protocol_of(self.url) == "file"

    @property
    def version(self) -> str:
        """What another file under the same URL has different: its size, and a digest or time.

        Raises FileNotFoundError where there is none, RatevalError where it can't be looked at.
        """
        known = self._look()
        return f"{known.size} {known.version}"

    def path(self) -> Path:
        """Return its path on this computer, fetched unless it is here.

        Raises FileNotFoundError, PermissionError or ValueError where it alone can't be read, and
        RatevalError where the place can't be reached.
        """
        return view(self.url) if self.is_here else fetch(self.url, self._look(), PIECE)

    def open(self) -> BinaryIO:
        """Open it. Raises as ``path`` does."""
        for _ in range(TRIES):
            with suppress(FileNotFoundError):  # it goes where room is made for others
                return self.path().open("rb")
        return self.path().open("rb")

    def __call__(self) -> bytes:
        """Return its bytes. Raises as ``path`` does."""
        with self.open() as file:
            return file.read()

    def _look(self) -> Object:
        if self._known is None:
            self._known = look(self.url)
        if self._known is None:
            raise IsADirectoryError(f"{self.url}: is a folder")
        return self._known


@dataclass
class _Ahead:
    pool: ThreadPoolExecutor | None = None
    waiting: dict[object, Future[None]] = field(default_factory=dict)


_ahead = _Ahead()


def _forget() -> None:
    global _ahead
    _ahead = _Ahead()


os.register_at_fork(after_in_child=_forget)


def fetch_ahead(sources: Iterable[object]) -> None:
    """Begin to fetch those of the sources that are behind URLs; others cost nothing.

    What goes wrong is told to whoever opens the file.
    """
    for source in sources:
        remote = isinstance(source, RemoteFile)
        if not remote and not (isinstance(source, Path) and find_view(source)):
            continue
        waiting = {one: future for one, future in _ahead.waiting.items() if not future.done()}
        _ahead.waiting = waiting
        if len(waiting) >= MOST:
            return
        if source in waiting:
            continue
        if _ahead.pool is None:
            _ahead.pool = ThreadPoolExecutor(FETCHERS, thread_name_prefix="rateval-fetcher")
        waiting[source] = _ahead.pool.submit(_fetch, source)


def _fetch(source: object) -> None:
    with suppress(RatevalError, OSError, ValueError):
        if isinstance(source, RemoteFile):
            source.path()
        elif isinstance(source, Path):
            bring(source)
