"""Files behind URLs fetched ahead of who opens them, by a few threads, and never many at once."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from queue import Full, Queue
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


class _Fetchers:
    """Threads that fetch what was put into a short line; they begin with the first one.

    They end with the process, whatever they have in hand: nobody waits for what isn't needed.
    """

    def __init__(self) -> None:
        self.line: Queue[object] = Queue(MOST)
        self._waiting: set[object] = set()
        self._lock = threading.Lock()
        self._begun = False

    def put(self, source: object) -> bool:
        """Put a source into the line unless it stands there; return whether there was room."""
        with self._lock:
            if source in self._waiting:
                return True
            try:
                self.line.put_nowait(source)
            except Full:
                return False
            self._waiting.add(source)
            if not self._begun:
                self._begun = True
                for _ in range(FETCHERS):
                    threading.Thread(target=self._work, name="rateval-fetcher", daemon=True).start()
            return True

    def close(self) -> None:
        """End the threads once they have done what stands in the line."""
        self.line.join()
        for _ in range(FETCHERS if self._begun else 0):
            self.line.put(None)

    def _work(self) -> None:
        while (source := self.line.get()) is not None:
            try:
                _fetch(source)
            finally:
                with self._lock:
                    self._waiting.discard(source)
                self.line.task_done()


_fetchers = _Fetchers()


def _forget() -> None:
    global _fetchers
    _fetchers = _Fetchers()


os.register_at_fork(after_in_child=_forget)


def fetch_ahead(sources: Iterable[object]) -> None:
    """Begin to fetch those of the sources that are behind URLs; others cost nothing.

    What goes wrong is told to whoever opens the file.
    """
    for source in sources:
        remote = isinstance(source, RemoteFile)
        shown = isinstance(source, Path) and find_view(source) is not None
        if (remote or shown) and not _fetchers.put(source):
            return


def _fetch(source: object) -> None:
    with suppress(RatevalError, OSError, ValueError):
        if isinstance(source, RemoteFile):
            source.path()
        elif isinstance(source, Path):
            bring(source)
