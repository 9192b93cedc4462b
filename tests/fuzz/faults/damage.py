"""Files damaged as disks, copies and people damage them, and described in words."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from faults.values import as_json, change

PARTS = 10_000
"""Places in a file are counted in this many parts of its length."""
_BLOCK = 64
_INSERTED = (b"\0" * 7, b"\xff\xfe", b"\x1b[31m", b"\n", b"'\"<", b"9" * 400)


def flip(file: Path, at: int, much: int) -> str:
    """Flip one bit."""
    content = bytearray(file.read_bytes())
    if not content:
        return "nothing to flip"
    place = min(at * len(content) // PARTS, len(content) - 1)
    content[place] ^= 1 << much % 8
    file.write_bytes(content)
    return f"bit {much % 8} of byte {place} of {len(content)} flipped"


def cut(file: Path, at: int, much: int) -> str:
    """Cut the end off."""
    content = file.read_bytes()
    place = at * len(content) // PARTS
    file.write_bytes(content[:place])
    return f"cut after {place} of {len(content)} bytes"


def drop(file: Path, at: int, much: int) -> str:
    """Take bytes out."""
    content = file.read_bytes()
    place, count = at * len(content) // PARTS, 1 + much % 16
    file.write_bytes(content[:place] + content[place + count :])
    return f"{count} bytes taken out at {place} of {len(content)}"


def insert(file: Path, at: int, much: int) -> str:
    """Put bytes in."""
    content = file.read_bytes()
    place, more = at * len(content) // PARTS, _INSERTED[much % len(_INSERTED)]
    file.write_bytes(content[:place] + more + content[place:])
    return f"{more[:8]!r} put in at {place} of {len(content)}"


def zero(file: Path, at: int, much: int) -> str:
    """Lose a block: zeros stand in its place."""
    content = file.read_bytes()
    place = at * len(content) // PARTS
    end = min(place + _BLOCK, len(content))
    file.write_bytes(content[:place] + bytes(end - place) + content[end:])
    return f"zeros from {place} to {end} of {len(content)}"


def empty(file: Path, at: int, much: int) -> str:
    """Leave nothing but the name."""
    file.write_bytes(b"")
    return "emptied"


def delete(file: Path, at: int, much: int) -> str:
    """Delete the file."""
    file.unlink()
    return "deleted"


def delete_folder(file: Path, at: int, much: int) -> str:
    """Delete the folder that the file is in."""
    shutil.rmtree(file.parent)
    return "deleted with its folder"


def folder(file: Path, at: int, much: int) -> str:
    """Put a folder in the place of the file."""
    file.unlink()
    file.mkdir()
    return "a folder in its place"


def loop(file: Path, at: int, much: int) -> str:
    """Put a link to itself in the place of the file."""
    file.unlink()
    file.symlink_to(file.name)
    return "a link to itself in its place"


def pipe(file: Path, at: int, much: int) -> str:
    """Put a named pipe in the place of the file: nobody will ever write into it."""
    file.unlink()
    os.mkfifo(file)
    return "a pipe in its place"


def neighbour(file: Path, at: int, much: int) -> str:
    """Put another file of the same ending in its place, from elsewhere in the tree."""
    root = file.parent.parent.parent
    others = sorted(path for path in root.rglob(f"*{file.suffix}") if path != file)
    others = [path for path in others if path.is_file() and not path.is_symlink()]
    if not others:
        return empty(file, at, much)
    other = others[much % len(others)]
    shutil.copyfile(other, file)
    return f"{other.relative_to(root)} in its place"


BYTES = {
    "flip": flip, "cut": cut, "drop": drop, "insert": insert, "zero": zero, "empty": empty,
}  # fmt: skip
"""What happens to bytes."""
ENTRIES = {
    "delete": delete, "delete folder": delete_folder, "folder": folder, "loop": loop, "pipe": pipe,
    "neighbour": neighbour,
}  # fmt: skip
"""What happens to the entry of a folder."""
ALL = BYTES | ENTRIES


def damage(file: Path, how: str, at: int, much: int) -> str:
    """Damage a file, and say how in words."""
    return f"{file.parent.name}/{file.name}: {ALL[how](file, at, much)}"


def edit_json(file: Path, which: int, how: str, odd: str) -> str:
    """Change a value in a JSON file, and say how in words; what is no JSON is left alone."""
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except ValueError:
        return f"{file.name}: no JSON"
    changed, words = change(content, which, how, odd)
    file.write_bytes(as_json(changed).encode("utf-8", "surrogatepass"))
    return f"{file.parent.name}/{file.name}: {words}"


def files_in(folder: Path, *patterns: str) -> Sequence[Path]:
    """Return the files of a folder that match a pattern, in an order that never changes."""
    found = {path for pattern in patterns for path in folder.rglob(pattern)}
    return sorted(path for path in found if path.is_file() and not path.is_symlink())
