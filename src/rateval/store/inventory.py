"""What is in a store: its results by stage and identity, what they take, and their deletion."""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from rateval.store.disk import UNFINISHED, remove
from rateval.store.locks import Locks

IDENTITY = re.compile(r"[0-9a-f]{32}")
"""The shape of an identity, the name of a result's folder."""
_NAMED = re.compile(rb"(?<![0-9a-f])[0-9a-f]{32}(?![0-9a-f])")


@dataclass(frozen=True, slots=True)
class Result:
    """The folder of a result, whole or not."""

    stage: str
    identity: str
    path: Path


def list_stages(root: Path) -> list[str]:
    """Return the folders of a store that results may lie in; none where there is no store."""
    with suppress(OSError), os.scandir(root) as entries:
        names = sorted(entry.name for entry in entries if entry.is_dir())
        return [name for name in names if name[0] != "." and not name.endswith(UNFINISHED)]
    return []


def list_results(root: Path) -> Iterator[Result]:
    """Yield every result of a store, in the order of stages and identities."""
    for stage in list_stages(root):
        with suppress(OSError), os.scandir(root / stage) as entries:
            names = [entry.name for entry in entries if IDENTITY.fullmatch(entry.name)]
            yield from (Result(stage, name, root / stage / name) for name in sorted(names))


def find_names(content: bytes) -> frozenset[str]:
    """Return whatever in a file has the form of an identity: all that it names, and maybe more.

    >>> sorted(find_names(b'{"identity": "0123456789abcdef0123456789abcdef", "seed": 12}'))
    ['0123456789abcdef0123456789abcdef']
    """
    return frozenset(found.decode() for found in _NAMED.findall(content))


def size_of(path: Path) -> int:
    """Return the bytes of a file, or of all files in a folder; what can't be looked at has none.

    Links are not followed.
    """
    try:
        if path.is_symlink() or not path.is_dir():
            return path.lstat().st_size
    except OSError:
        return 0
    return _size_within(str(path))


def _size_within(folder: str) -> int:
    total = 0
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            with suppress(OSError):  # goes meanwhile
                if entry.is_dir(follow_symlinks=False):
                    total += _size_within(entry.path)
                else:
                    total += entry.stat(follow_symlinks=False).st_size
    return total


def delete_result(result: Result, locks: Locks) -> bool:
    """Delete a result unless somebody makes or reads it; return whether it was deleted.

    It loses its name first, so that an interruption leaves what looks like no result, and is swept
    away. Raises OSError where that may not be.
    """
    identity, path = result.identity, result.path
    with (
        locks.try_hold(f"{identity}.make") as unmade,
        locks.try_hold(f"{identity}.read") as unread,
    ):
        if not (unmade and unread):
            return False
        aside = path.with_name(f".{identity}-{secrets.token_hex(4)}")
        path.rename(aside)
        remove(aside)
    with suppress(OSError):  # of others
        path.parent.rmdir()
    return True
