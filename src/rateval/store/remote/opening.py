"""What a store asks for when it is opened: locks that work there, and what is behind a URL."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from rateval.store.locks import FOLDER, Locks, can_lock
from rateval.store.manifest import check_files
from rateval.store.remote.holding import Holding
from rateval.store.remote.leases import Leases
from rateval.store.remote.mirror import find_mirror
from rateval.store.remote.objects import Folder
from rateval.store.remote.results import Results


class _Both:
    """Locks of this computer, and leases behind a URL for what other computers must know.

    Who reads, reads the mirror, which no other computer changes; who shares a lock, as makers of
    shards do, shares it on this computer: elsewhere the same may be made, too, never damaged.
    """

    def __init__(self, here: Holding, there: Holding) -> None:
        self._here, self._there = here, there

    @contextmanager
    def hold(
        self, name: str, *, shared: bool = False, waiting: Callable[[], object] = lambda: None
    ) -> Iterator[None]:
        with self._here.hold(name, shared=shared, waiting=waiting):
            if shared or name.endswith(".read"):
                yield
                return
            with self._there.hold(name, shared=shared, waiting=waiting):
                yield

    @contextmanager
    def try_hold(self, name: str) -> Iterator[bool]:
        with self._here.try_hold(name) as free:
            if not free or name.endswith(".read"):
                yield free
                return
            with self._there.try_hold(name) as free_there:
                yield free_there

    def sweep(self) -> None:
        self._here.sweep()
        self._there.sweep()


class Behind(Protocol):
    """What of a store's results is somewhere else; ``Results`` says more."""

    def find(self, folder: Path) -> bool:
        """Return whether there is a result, which can be checked then."""

    def check(
        self, folder: Path, manifest: Mapping[str, Any], *, whole: bool, digests: bool
    ) -> None:
        """Raise DamageError unless the files are there, with ``digests`` in every bit."""

    def finish(self, folder: Path, unfinished: Path) -> None:
        """Keep a result that was just made, and nothing that is unfinished of it."""

    def sweep(self, root: Path, locks: Holding) -> None:
        """Delete what nobody needs any more."""


class _Nothing:
    """A store that is a folder of its own: nothing is behind it."""

    def find(self, folder: Path) -> bool:
        return os.path.lexists(folder)

    def check(
        self, folder: Path, manifest: Mapping[str, Any], *, whole: bool, digests: bool
    ) -> None:
        check_files(folder, manifest, digests=digests)

    def finish(self, folder: Path, unfinished: Path) -> None:
        pass

    def sweep(self, root: Path, locks: Holding) -> None:
        pass


def open_behind(root: Path) -> Behind:
    """Return what is behind a store: results behind a URL where it lies in a mirror, or nothing."""
    mirror = find_mirror(root)
    return _Nothing() if mirror is None else Results(mirror)


def open_locks(root: Path) -> Holding:
    """Return the locks of a store: leases where its file system has none.

    Raises OSError where nothing can be written there.
    """
    with tempfile.TemporaryFile(dir=root) as probe:
        work = can_lock(probe.fileno())
    here: Holding = Locks(root / FOLDER) if work else Leases(Folder(root), FOLDER)
    mirror = find_mirror(root)
    if mirror is None:
        return here
    return _Both(here, Leases(mirror.objects, f"{mirror.key(root)}/{FOLDER}", sharing=False))
