"""Room in a mirror: what was used longest ago goes, once it is seen to be whole behind the URL."""

from __future__ import annotations

import os
import re
import secrets
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from rateval.errors import RatevalError
from rateval.store.disk import remove
from rateval.store.manifest import MANIFEST, DamageError, read_manifest
from rateval.store.remote.fetching import KEPT, read_remote
from rateval.store.remote.holding import Holding
from rateval.store.remote.mirror import Mirror

VARIABLE = "RATEVAL_MIRROR_GIB"
_DEFAULT_GIB = 50.0
IN_USE_S = 3600.0
"""Seconds since its last use in which a result stays."""
_STORED = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class _Kept:
    path: Path
    used: float
    size: int


def read_limit() -> int:
    """Return the bytes that a mirror may have. Raises RatevalError where the variable says none."""
    return parse_gib(VARIABLE, _DEFAULT_GIB)  # of 0 nothing stays that is uploaded


def parse_gib(variable: str, default: float) -> int:
    """Return the bytes that a variable of the environment says in GiB.

    Raises RatevalError where it says none.
    """
    text = os.environ.get(variable, "")
    try:
        limit = float(text or default)
        if not limit >= 0:
            raise ValueError
        return int(limit * 2**30)
    except (ValueError, OverflowError):
        raise RatevalError(f"{variable} = {text!r}: must be a number of GiB, such as 20") from None


def evict(mirror: Mirror, locks: Holding, limit: int, in_use: float = IN_USE_S) -> None:
    """Delete results of a mirror until it has no more than ``limit`` bytes, if that can be.

    Stays: what is used, and what is not behind the URL in the same manifest with all its files.
    """
    found = list(_list(mirror.folder / "store"))
    size = sum(one.size for one in found)
    for one in sorted(found, key=lambda one: one.used):
        if size <= limit:
            return
        if time.time() - one.used < in_use or not (one.path / KEPT).is_file():
            continue
        with locks.try_hold(f"{one.path.name}.read") as free:
            if free and _is_safe(mirror, one.path):
                aside = one.path.with_name(f".{one.path.name}-{secrets.token_hex(4)}")
                one.path.rename(aside)
                remove(aside)
                size -= one.size


def _list(store: Path) -> Iterator[_Kept]:
    for path in store.glob(f"*/*/{MANIFEST}"):
        if _STORED.fullmatch(path.parent.name):
            with suppress(OSError):  # another run deletes it just now
                files = [one.stat() for one in path.parent.rglob("*") if one.is_file()]
                size = sum(one.st_size for one in files)
                yield _Kept(path.parent, path.stat().st_mtime, size)


def _is_safe(mirror: Mirror, folder: Path) -> bool:
    """Return whether a result is behind the URL as it is here, whose files are looked for."""
    try:
        files = read_manifest(folder)["files"]
    except DamageError:
        return False
    if read_remote(mirror, folder) != (folder / MANIFEST).read_bytes():
        return False
    key, objects = mirror.key(folder), mirror.objects
    return all(objects.size(f"{key}/{name}") == noted["size"] for name, noted in files.items())
