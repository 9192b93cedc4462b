"""Locks between runs: files that are held while a result is made or read, or a run goes on.

The system lets go of them with the process, however it ends; so a lock that nobody holds says that
its owner is done or dead, and what it left behind may be deleted.
"""

from __future__ import annotations

import errno
import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from rateval.store.disk import TRIES, make_folder, remove, writing

FOLDER = ".locks"
"""Folder of a store's locks."""
IN_USE = "results.use"
"""Lock that runs share which may use any result; whoever deletes results has it alone."""
OF_RUN = ".run"
"""End of the name of a run's lock, which begins with that of its folder."""
POLL_S = 0.1
"""Seconds between two looks at a lock that another process holds."""
_PATIENCE_S = 1.0
"""Seconds before a wait is worth a word."""
_FLAGS = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW
_IN_THE_WAY = (errno.ENOENT, errno.EISDIR, errno.ENOTDIR, errno.ELOOP, errno.ENXIO)
"""What opening a lock may meet: no folder, or something else of its name."""

_held: set[int] = set()


def _let_go() -> None:
    # A forked child shares its parent's locks, and would keep them after the parent's death.
    for held in _held:
        with suppress(OSError):
            os.close(held)
    _held.clear()


os.register_at_fork(after_in_child=_let_go)


def can_lock(file: int) -> bool:
    """Return whether the file system of an open file has locks."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


class Locks:
    """Locks by their names, each a file in ``folder`` for as long as somebody has it.

    Where the file system has no locks, nothing is held and nobody is known to be dead. Raises
    StudyError when the folder cannot be written to.
    """

    def __init__(self, folder: Path, *, work: bool = True) -> None:
        self._folder = folder
        self._work = work

    @contextmanager
    def hold(
        self, name: str, *, shared: bool = False, waiting: Callable[[], object] = lambda: None
    ) -> Iterator[None]:
        """Hold a lock alone, or with others that share it; wait for those that don't.

        ``waiting`` is called once when that takes more than a moment.
        """
        if not self._work:
            yield
            return
        lock, started, said = self._try(name, shared), time.monotonic(), False
        while lock is None:
            time.sleep(POLL_S)
            if not said and time.monotonic() - started > _PATIENCE_S:
                waiting()
                said = True
            lock = self._try(name, shared)
        try:
            yield
        finally:
            self._release(name, lock)

    @contextmanager
    def try_hold(self, name: str) -> Iterator[bool]:
        """Hold a lock alone if nobody has it; yield whether that is so."""
        lock = self._try(name, shared=False) if self._work else None
        try:
            yield lock is not None
        finally:
            if lock is not None:
                self._release(name, lock)

    def is_held(self, name: str) -> bool:
        """Return whether somebody has a lock; nothing is made or deleted to find out.

        Where nothing may be written, those that share one aren't seen.
        """
        try:
            lock, how = self._look_at(self._folder / name)
        except OSError:
            return False
        try:
            fcntl.flock(lock, how | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        except OSError:  # a file system without locks
            return False
        finally:
            os.close(lock)
        return False

    def names(self) -> list[str]:
        """Return the names of the locks that there are files of, held or left behind."""
        with suppress(OSError):
            return sorted(entry.name for entry in os.scandir(self._folder))
        return []

    @staticmethod
    def _look_at(path: Path) -> tuple[int, int]:
        flags = os.O_NOFOLLOW | os.O_NONBLOCK
        try:
            return os.open(path, os.O_RDWR | flags), fcntl.LOCK_EX
        except OSError as error:
            if error.errno not in (errno.EACCES, errno.EPERM, errno.EROFS):
                raise
        return os.open(path, os.O_RDONLY | flags), fcntl.LOCK_SH

    def sweep(self) -> None:
        """Delete the files of locks that nobody holds, and the folder if there is none left."""
        with suppress(OSError):
            for path in list(self._folder.iterdir()):
                with self.try_hold(path.name):
                    pass
            self._folder.rmdir()

    def _try(self, name: str, shared: bool) -> int | None:
        path = self._folder / name
        how = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
        while True:
            lock = self._open(path)
            try:
                fcntl.flock(lock, how | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(lock)
                return None
            except BaseException:
                os.close(lock)
                raise
            if _is_at(lock, path):
                _held.add(lock)
                return lock
            os.close(lock)  # who had it before has deleted it meanwhile

    def _open(self, path: Path) -> int:
        with writing(path):
            for _ in range(TRIES):
                try:
                    return os.open(path, _FLAGS, 0o666)
                except OSError as error:
                    if error.errno not in _IN_THE_WAY:
                        raise
                    remove(path)
                    make_folder(self._folder)
            return os.open(path, _FLAGS, 0o666)

    def _release(self, name: str, lock: int) -> None:
        if lock not in _held:  # a forked child has let go of it already
            return
        path = self._folder / name
        with suppress(OSError):  # with others that share it, the last one deletes the file
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _is_at(lock, path):
                path.unlink()
        _held.discard(lock)
        os.close(lock)


def _is_at(lock: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(lock), os.lstat(path))
    except OSError:
        return False
