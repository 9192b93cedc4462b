"""Folders that fill up: the caches, and the runs of the current folder."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from rateval.doctor.record import Place
from rateval.store.cache import default_cache

HUGGING_FACE, RUNS = "Hugging Face", "runs"
"""Places that aren't rateval's own caches: one is read only, the other in the current folder."""
PATIENCE_S = 2.0
"""Seconds that counting the files of all places may take."""


def look_at_places(
    runs: Path, patience: float = PATIENCE_S, clock: Callable[[], float] = time.monotonic
) -> list[Place]:
    """Describe the caches and the folder of runs. Raises RatevalError where there is no cache."""
    until = clock() + patience
    return [_look(what, path, lambda: clock() < until) for what, path in _places(runs)]


def _places(runs: Path) -> Iterator[tuple[str, Path]]:
    cache = default_cache()
    yield "checkpoints", cache / "checkpoints"
    yield "fetched data", cache / "fetched"
    yield "mirrors of URLs", cache / "stores"
    with suppress(RuntimeError):  # nobody knows a home
        yield HUGGING_FACE, _hugging_face()
    yield RUNS, runs


def _hugging_face() -> Path:
    if chosen := os.environ.get("HF_HOME"):
        return Path(chosen)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "huggingface"


def _look(what: str, path: Path, patient: Callable[[], bool]) -> Place:
    size, counted = count_bytes(path, patient)
    above = next((place for place in (path, *path.absolute().parents) if place.exists()), None)
    free = None
    with suppress(OSError):
        free = shutil.disk_usage(above or path).free
    writable = above is not None and above.is_dir() and os.access(above, os.W_OK | os.X_OK)
    return Place(what, str(path), path.is_dir(), size, counted, free, writable)


def count_bytes(path: Path, patient: Callable[[], bool]) -> tuple[int, bool]:
    """Return the bytes of a folder's files, and whether patience lasted until all were counted.

    Links are not followed; what can't be looked at has none.
    """
    total, folders = 0, [str(path)]
    while folders:
        if not patient():
            return total, False
        with suppress(OSError), os.scandir(folders.pop()) as entries:
            for entry in entries:
                with suppress(OSError):  # goes meanwhile
                    if entry.is_dir(follow_symlinks=False):
                        folders.append(entry.path)
                    else:
                        total += entry.stat(follow_symlinks=False).st_size
    return total, True
