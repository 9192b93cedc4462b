"""Which runs go on, as their locks say; nothing is written to find out."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from rateval.store.locks import FOLDER, IN_USE, OF_RUN, Locks


def open_locks(root: Path) -> Locks:
    """Return the locks of a store; none are held where it can't be written to, or has none."""
    return Locks(root / FOLDER, work=os.access(root, os.W_OK) and has_locks(root))


def has_locks(root: Path) -> bool:
    """Return whether the file system of a folder has locks, which tell the dead from the living."""
    try:
        folder = os.open(root, os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(folder, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    finally:
        os.close(folder)
    return True


def goes_on(run: Path) -> bool:
    """Return whether the run of a folder goes on: whoever does it holds its lock."""
    run = run.resolve()
    return Locks(run.parent / "store" / FOLDER).is_held(f"{run.name}{OF_RUN}")


def list_going(root: Path) -> list[str]:
    """Return the names of the folders of runs that use a store just now."""
    locks = Locks(root / FOLDER)
    names = [name for name in locks.names() if name.endswith(OF_RUN)]
    return [name.removesuffix(OF_RUN) for name in names if locks.is_held(name)]


def is_used(root: Path) -> bool:
    """Return whether any run, or a command that works on one, uses a store just now."""
    return bool(list_going(root)) or Locks(root / FOLDER).is_held(IN_USE)
