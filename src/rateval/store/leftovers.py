"""What runs left behind that are done or dead: found by locks that nobody holds, and deleted."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from rateval.errors import StudyError
from rateval.store.disk import UNFINISHED, remove
from rateval.store.locks import OF_RUN
from rateval.store.manifest import MANIFEST
from rateval.store.remote.holding import Holding

_WORK = re.compile(r"\.([0-9a-f]{32})-")
"""Name of a folder in work, which holds the identity of what it is to become or has been."""
_PARTS = ("*/.run.json-*.part", "*/.spec.toml-*.part")
"""What was being written into the folders of runs beside the store."""


@dataclass(frozen=True, slots=True)
class Leftover:
    """Something of a run that is done or dead, unless somebody has its lock."""

    kind: Literal["work", "state", "record"]
    """A result in work, the state of one that takes long, or what was written into a run."""
    path: Path
    lock: str
    result: Path
    """Where a result is to be, or is."""

    @property
    def is_needed(self) -> bool:
        """Whether it is the state of a result that isn't there yet."""
        return self.kind == "state" and not (self.result / MANIFEST).is_file()

    def doomed(self) -> list[Path]:
        """Return what of it nobody needs; of a state that is needed what was in work in it."""
        return _list_parts(self.path) if self.is_needed else [self.path]


def find_leftovers(root: Path) -> Iterator[Leftover]:
    """Yield what a store, and folders of runs beside it, have in work, of living runs, too."""
    for stage in sorted(_scan(root)):
        unfinished = stage.endswith(UNFINISHED)
        for name in _scan(root / stage):
            work = _WORK.match(name)
            if work is None and not unfinished:
                continue
            identity = name if work is None else work[1]
            yield Leftover(
                "state" if work is None else "work",
                root / stage / name,
                f"{identity}.make",
                root / stage.removesuffix(UNFINISHED) / identity,
            )
    with suppress(OSError):
        for part in [part for pattern in _PARTS for part in root.parent.glob(pattern)]:
            yield Leftover("record", part, f"{part.parent.name}{OF_RUN}", part)


def sweep(root: Path, locks: Holding) -> None:
    """Delete what nobody works on any more in a store, and in the folders of runs beside it."""
    for left in list(find_leftovers(root)):
        with suppress(OSError, StudyError):  # what cannot be looked at, or goes meanwhile
            delete_leftover(left, locks)
    for stage in _scan(root):
        _remove_empty(root / stage)
    with suppress(OSError, StudyError):
        locks.sweep()


def delete_leftover(left: Leftover, locks: Holding, *, needed: bool = False) -> list[Path]:
    """Delete what nobody needs of a leftover, or ``needed`` all; return what was deleted.

    Nothing is where somebody works on it.
    """
    with locks.try_hold(left.lock) as free:
        paths = ([left.path] if needed else left.doomed()) if free else []
        for path in paths:
            remove(path)
        if left.kind != "record":
            _remove_empty(left.path.parent)
    return paths


def remove_unfinished(root: Path, stage: str, identity: str) -> None:
    """Delete the state of a result that is there, or not wanted."""
    folder = root / f"{stage}{UNFINISHED}" / identity
    if os.path.lexists(folder):
        remove(folder)
        _remove_empty(folder.parent)


def remove_parts(folder: Path) -> None:
    """Delete what was in work inside a folder; only for whoever has the lock of what it is for."""
    for part in _list_parts(folder):
        remove(part)


def _list_parts(folder: Path) -> list[Path]:
    """Return what is hidden in a folder, but for what is in another such part."""
    found: list[Path] = []
    for part in sorted(folder.rglob(".*")):
        if not any(above in part.parents for above in found):
            found.append(part)
    return found


def _remove_empty(stage: Path) -> None:
    """Delete the folder of a stage's states where nothing is left in it."""
    if stage.name.endswith(UNFINISHED):
        with suppress(OSError):  # of others
            stage.rmdir()


def _scan(folder: Path) -> list[str]:
    with suppress(OSError), os.scandir(folder) as entries:
        return [entry.name for entry in entries]
    return []
