"""What runs left behind that are done or dead: found by locks that nobody holds, and deleted."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from pathlib import Path

from rateval.errors import StudyError
from rateval.store.disk import remove
from rateval.store.manifest import MANIFEST
from rateval.store.remote.holding import Holding
from rateval.store.remote.results import UNFINISHED

_WORK = re.compile(r"\.([0-9a-f]{32})-")
"""Name of a folder in work, which holds the identity of what it is to become or has been."""
_PARTS = ("*/.run.json-*.part", "*/.spec.toml-*.part")
"""What was being written into the folders of runs beside the store."""


def sweep(root: Path, locks: Holding) -> None:
    """Delete what nobody works on any more in a store, and in the folders of runs beside it."""
    for stage in list(root.iterdir()):
        unfinished = stage.name.endswith(UNFINISHED)
        with suppress(OSError, StudyError):  # what cannot be looked at, or goes meanwhile
            with os.scandir(stage) as entries:
                names = [entry.name for entry in entries if unfinished or entry.name[0] == "."]
            for name in names:
                _sweep(stage / name, root, locks)
            if unfinished:
                stage.rmdir()  # where nothing is left in it
    with suppress(OSError, StudyError):
        for part in [part for pattern in _PARTS for part in root.parent.glob(pattern)]:
            with locks.try_hold(f"{part.parent.name}.run") as free:
                if free:
                    remove(part)
        locks.sweep()


def remove_unfinished(root: Path, stage: str, identity: str) -> None:
    """Delete the state of a result that is there, or not wanted."""
    folder = root / f"{stage}{UNFINISHED}" / identity
    if os.path.lexists(folder):
        remove(folder)
        with suppress(OSError):  # of others
            folder.parent.rmdir()


def remove_parts(folder: Path) -> None:
    """Delete what was in work inside a folder; only for whoever has the lock of what it is for."""
    for part in sorted(folder.rglob(".*")):
        remove(part)


def _sweep(path: Path, root: Path, locks: Holding) -> None:
    work = _WORK.match(path.name)
    if work is None and not path.parent.name.endswith(UNFINISHED):
        return
    identity = path.name if work is None else work[1]
    with locks.try_hold(f"{identity}.make") as free:
        if not free:
            return
        stage = path.parent.name.removesuffix(UNFINISHED)
        if work is not None:
            remove(path)
        elif (root / stage / identity / MANIFEST).is_file():
            remove_unfinished(root, stage, identity)
        else:
            remove_parts(path)
