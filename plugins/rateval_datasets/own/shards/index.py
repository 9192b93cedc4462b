"""The members of a shard, found once by its headers, and kept in the user's cache.

A member's bytes are read at their place; nothing is ever unpacked to a file, and nothing unpickled.
"""

from __future__ import annotations

import hashlib
import json
import tarfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, BinaryIO

from rateval.modelkit import default_cache, write_json
from rateval_datasets.layout import printable
from rateval_datasets.own.problems import problem
from rateval_datasets.own.shards.shard import NAME, Shard

_FORMAT = 1
"""Raise it when the same shard gives another index than before."""
_TEXTS = ("cls", "json", "txt")
_LARGEST_TEXT = 1 << 20
"""Bytes that a member of text may have."""
_BLOCK = 512


@dataclass(frozen=True, slots=True)
class Found:
    """A member of a shard."""

    offset: int
    """Where its bytes begin in the shard."""
    size: int
    text: str | None = None
    """What it holds, where it is text; None too where that can't be read."""


def list_members(shard: Shard, texts: frozenset[str]) -> list[tuple[str, Found]]:
    """Return name and place of each regular file of a shard, in its order.

    Of members whose ending is ``cls``, ``json``, ``txt`` or one of ``texts`` the text is known,
    too. Raises RatevalError where it is no tar archive, or is damaged.
    """
    wanted = sorted({*_TEXTS, *texts})
    state = f"{_FORMAT} {shard.full_name} {shard.version} {wanted}"
    digest = hashlib.sha256(state.encode("utf-8", "surrogatepass")).hexdigest()[:32]
    kept = default_cache() / "indices" / f"{digest}.json"
    with suppress(OSError, ValueError, LookupError, TypeError):
        rows = json.loads(kept.read_bytes())["members"]
        return [(str(name), Found(int(at), int(size), text)) for name, at, size, text in rows]
    try:
        file = shard.open()
    except (OSError, ValueError) as error:
        raise problem(NAME, f"shards: {shard.name}: cannot be read: {error}") from error
    with file:
        members = _read(shard, file, frozenset(wanted))
    rows = [[name, one.offset, one.size, one.text] for name, one in members]
    with suppress(OSError, ValueError):  # a cache that takes nothing costs the time to look again
        kept.parent.mkdir(parents=True, exist_ok=True)
        write_json(kept, {"shard": printable(shard.name), "members": rows})
    return members


def _read(shard: Shard, file: BinaryIO, texts: frozenset[str]) -> list[tuple[str, Found]]:
    found: list[tuple[str, Found]] = []
    try:
        with tarfile.open(fileobj=file, mode="r:") as archive:
            for member in archive:
                if member.isreg() and not member.issparse():
                    found.append((member.name, Found(member.offset_data, member.size)))
                archive.members.clear()  # type: ignore[attr-defined]  # else all are kept
            end = archive.offset
        file.seek(end)
        _require_end(file.read(_BLOCK), end)
        return [(name, _with_text(file, name, one, texts)) for name, one in found]
    except (tarfile.TarError, OSError, ValueError, OverflowError) as error:
        raise problem(
            NAME,
            f"shards: {shard.name}: is no tar archive that can be read whole: {error}; write it "
            "anew, not compressed",
        ) from error


def _require_end(block: bytes, at: int) -> None:
    """Require the zeros that end an archive: tarfile takes a broken header for its end."""
    if block.strip(b"\0"):
        raise ValueError(f"byte {at:,} begins no header of a member")


def _with_text(file: BinaryIO, name: str, one: Found, texts: frozenset[str]) -> Found:
    if ending_of(name) not in texts or one.size > _LARGEST_TEXT:
        return one
    file.seek(one.offset)
    try:
        return Found(one.offset, one.size, file.read(one.size).decode("utf-8-sig"))
    except UnicodeDecodeError:
        return one


def ending_of(name: str) -> str:
    """Return what follows the first dot of a member's name, in small letters.

    >>> ending_of("photos.2026/17.Mask.PNG"), ending_of("a/README")
    ('mask.png', '')
    """
    return name.rpartition("/")[2].partition(".")[2].lower()


def key_of(name: str) -> str:
    """Return a member's key: its path up to the first dot of the last part.

    >>> key_of("photos.2026/17.mask.png")
    'photos.2026/17'
    """
    folder, slash, last = name.rpartition("/")
    return folder + slash + last.partition(".")[0]


def fields_of(text: str) -> Mapping[str, Any]:
    """Return the fields of a JSON object. Raises ValueError where the text is none."""
    try:
        found = json.loads(text)
    except RecursionError as error:
        raise ValueError("lies too deep") from error
    if not isinstance(found, dict):
        raise ValueError("is no JSON object")
    return found
