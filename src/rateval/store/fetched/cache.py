"""Fetched objects on this computer's disk: each whole or not at all, all of them within a limit.

An object is called by its URL, size and version, so that another one under the same URL is another
file. What was used longest ago goes first.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import threading
import time
from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from rateval.errors import RatevalError
from rateval.store.cache import default_cache
from rateval.store.disk import remove, writing
from rateval.store.fetched.sources import Object, download
from rateval.store.remote.eviction import parse_gib

VARIABLE = "RATEVAL_FETCHED_GIB"
_DEFAULT_GIB = 50.0
WHOLE, PIECE = "whole", "pieces"
"""Folders of what must stay for as long as somebody may open it by its path, and of what is fetched
again whenever it is opened."""
IN_USE_S = {WHOLE: 3600.0, PIECE: 60.0}
"""Seconds since its last use in which an object stays."""
_OLD_S = 30 * 24 * 3600.0
_DEAD_S = 24 * 3600.0
"""Seconds after which a download has no process any more."""


def read_limit() -> int:
    """Return the bytes that fetched objects may have. Raises RatevalError where none is said."""
    return parse_gib(VARIABLE, _DEFAULT_GIB)


def fetched_folder() -> Path:
    """Return the folder of what was fetched, absolute."""
    return (default_cache() / "fetched").absolute()


def place_of(url: str, wanted: Object, kind: str) -> Path:
    """Return where an object lies once it is fetched."""
    text = f"{url}\n{wanted.size}\n{wanted.version}"
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]
    return fetched_folder() / kind / digest[:2] / digest


@dataclass
class _Room:
    """What this process knows of the space that is taken."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    seen: Path | None = None
    """Folder that was looked at."""
    added: int = 0
    """Bytes since then."""


_room = _Room()
_fetching: defaultdict[Path, threading.Lock] = defaultdict(threading.Lock)


def _forget() -> None:
    global _room
    _room = _Room()
    _fetching.clear()


os.register_at_fork(after_in_child=_forget)


def fetch(url: str, wanted: Object, kind: str) -> Path:
    """Return the file of an object, fetched unless it is here.

    Raises FileNotFoundError or PermissionError where it alone can't be read, ValueError where it
    has changed meanwhile, StudyError where the place or the disk refuses, and RatevalError, of a
    piece ValueError, where it is larger than all may be.
    """
    path = place_of(url, wanted, kind)
    if _use(path):
        return path
    with _fetching[path]:  # several threads want the same
        if not _use(path):
            _fetch(url, wanted, path)
    _fetching.pop(path, None)
    return path


def _use(path: Path) -> bool:
    try:
        os.utime(path)
    except OSError:
        return False
    return True


def _fetch(url: str, wanted: Object, path: Path) -> None:
    limit = read_limit()
    try:
        require_room(url, wanted.size, limit)
    except RatevalError as error:
        if path.is_relative_to(fetched_folder() / WHOLE):
            raise
        raise ValueError(str(error)) from None  # one of many, which is left out
    _make_room(limit, wanted.size)
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}-{secrets.token_hex(4)}.part")
    try:
        download(url, part)
        size = part.stat().st_size
        if size != wanted.size:
            raise ValueError(f"{url}: was changed while it was read; run it again")
        with writing(path):
            part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def require_room(url: str, size: int, limit: int) -> None:
    """Raise RatevalError where something is larger than all that is fetched may be."""
    if size > limit:
        raise RatevalError(
            f"{url}: has {size:,} bytes, more than the {limit:,} that fetched files may have; set "
            f"{VARIABLE} to more GiB, or give a path of this computer"
        )


def _make_room(limit: int, size: int) -> None:
    """Delete what was used longest ago, where this process has fetched much since it looked."""
    with _room.lock:
        folder = fetched_folder()
        _room.added += size
        if _room.seen == folder and _room.added <= limit // 20:
            return
        evict(folder, limit - size)
        _room.seen, _room.added = folder, 0


def evict(folder: Path, limit: int) -> None:
    """Delete fetched objects until they have ``limit`` bytes, but none that is in use.

    Folders of links go, too, which nobody has asked for in a month.
    """
    found: list[tuple[float, int, Path, float]] = []
    now = time.time()
    for view in (folder / "views").glob("*"):
        with suppress(OSError):
            if now - view.stat().st_mtime >= _OLD_S:
                remove(view)
    for kind, in_use in IN_USE_S.items():
        for path in (folder / kind).glob("*/*"):
            with suppress(OSError):  # another process deletes it just now
                state = path.stat()
                dead = path.name.startswith(".")  # once its process is
                keep = _DEAD_S if dead else in_use
                found.append((state.st_mtime, state.st_size, path, keep))
    left = sum(size for _, size, _, _ in found)
    for used, size, path, keep in sorted(found):
        if left <= limit:
            return
        if now - used >= keep:
            with suppress(OSError):
                path.unlink()
                left -= size
