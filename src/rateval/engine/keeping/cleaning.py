"""What dead runs left behind in a store and in folders of runs: found, and deleted."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from rateval.engine.keeping.runs import require_here
from rateval.errors import RatevalError, StudyError
from rateval.store.going import open_locks
from rateval.store.inventory import size_of
from rateval.store.leftovers import Leftover, delete_leftover, find_leftovers
from rateval.store.locks import FOLDER, Locks

WORK = "results that were being made"
STATE = "unfinished states of results that are there"
PARTS = "parts of unfinished states that were being written"
RECORD = "records that were being written"
UNFINISHED = "unfinished states, which a run would go on from"
LOCKS = "locks"


@dataclass(slots=True)
class Left:
    """Leftovers of one kind."""

    count: int = 0
    size: int = 0


@dataclass(frozen=True, slots=True)
class Leftovers:
    """What is left behind, by what it is."""

    doomed: dict[str, Left]
    """What is deleted."""
    kept: Left
    """Unfinished states, where they aren't deleted."""


def find_left(output: Path, *, unfinished: bool = False) -> Leftovers:
    """Return what nobody works on; with ``unfinished`` states of unfinished trainings, too.

    Nothing is written. Raises RatevalError where there is no store.
    """
    root = require_store(output)
    locks = Locks(root / FOLDER)
    found, kept = dict[str, Left](), Left()
    for left in find_leftovers(root):
        if locks.is_held(left.lock):
            continue
        what, paths = _sort(left, unfinished=unfinished)
        _count(found, what, sum(map(size_of, paths)), len(paths))
        if left.is_needed and not unfinished:
            kept.count += 1
            kept.size += size_of(left.path) - sum(map(size_of, left.doomed()))
    _count(found, LOCKS, 0, sum(not locks.is_held(name) for name in locks.names()))
    return Leftovers(found, kept)


def clean(output: Path, *, unfinished: bool = False) -> Leftovers:
    """Delete what ``find_left`` finds, and return it.

    Raises RatevalError where there is no store, it can't be written to, or has no locks.
    """
    root = require_store(output)
    with open_locks(root).try_hold("clean") as able:
        if not able:
            raise RatevalError(
                f"{root}: nobody may write there, its file system has no locks, or another "
                "command cleans it; nothing was deleted"
            )
    locks = open_locks(root)
    found = dict[str, Left]()
    kept = find_left(output, unfinished=unfinished).kept
    stale = sum(not locks.is_held(name) for name in locks.names())
    for left in list(find_leftovers(root)):
        what, paths = _sort(left, unfinished=unfinished)
        sizes = {path: size_of(path) for path in paths}
        with suppress(OSError, StudyError):  # it goes meanwhile
            gone = delete_leftover(left, locks, needed=unfinished and left.is_needed)
            _count(found, what, sum(sizes.get(path, 0) for path in gone), len(gone))
    locks.sweep()
    _count(found, LOCKS, 0, stale)
    return Leftovers(found, kept)


def require_store(output: Path) -> Path:
    """Return the store of a folder of runs. Raises RatevalError where it has none."""
    require_here(output)
    root = output / "store"
    if not root.is_dir():
        raise RatevalError(
            f"{output}: holds no store of results; name the folder that runs go to: --output FOLDER"
        )
    return root


def _sort(left: Leftover, *, unfinished: bool) -> tuple[str, list[Path]]:
    """Return what a leftover is, and what of it goes."""
    if not left.is_needed:
        return {"work": WORK, "state": STATE, "record": RECORD}[left.kind], left.doomed()
    return (UNFINISHED, [left.path]) if unfinished else (PARTS, left.doomed())


def _count(found: dict[str, Left], what: str, size: int, count: int) -> None:
    if count:
        left = found.setdefault(what, Left())
        left.count += count
        left.size += size
