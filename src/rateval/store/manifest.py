"""The manifest of a stored result: what made it, its facts, and a digest of each of its files."""

from __future__ import annotations

import hashlib
import json
import stat
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from rateval.errors import RatevalError
from rateval.json_file import format_json, write_whole
from rateval.store.disk import digest_file

FORMAT = 3
"""Version of the layout of stored results; part of every identity."""
MANIFEST = "manifest.json"
"""File of a stored result that says what determined it, and what belongs to it."""
_DIGEST = '  "digest": "'


class DamageError(Exception):
    """What is wrong with a stored result: the file, and how it differs from what was stored."""


def seal(folder: Path, content: Mapping[str, Any]) -> None:
    """Write the manifest of a finished folder: ``content``, every file's size and sha256, its own.

    Raises OSError when it cannot be written.
    """
    files = {
        path.relative_to(folder).as_posix(): {
            "size": path.stat().st_size,
            "sha256": digest_file(path),
        }
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != MANIFEST
    }
    write_whole(folder / MANIFEST, _sign(format_json({**content, "files": files})))


def read_manifest(folder: Path) -> dict[str, Any]:
    """Return the manifest of a result. Raises DamageError when it is not as it was written."""
    path = folder / MANIFEST
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise DamageError(f"{path}: is no file")
        text = path.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        raise DamageError(f"{path}: is missing") from None
    except OSError as error:
        raise DamageError(f"{path}: cannot be read: {error.strerror}") from None
    return parse_manifest(text, str(path))


def parse_manifest(text: str, name: str) -> dict[str, Any]:
    """Return what the text of a manifest says, which messages call ``name``.

    Raises DamageError when it is not as it was written.
    """
    if not _is_signed(text):
        raise DamageError(f"{name}: {_explain(text)}")
    content: dict[str, Any] = json.loads(text)
    return content


def check_files(
    folder: Path,
    manifest: Mapping[str, Any],
    *,
    digests: bool,
    names: Collection[str] | None = None,
) -> None:
    """Raise DamageError unless files are there in their size, with ``digests`` in every bit.

    ``names`` are those that are looked at, all when None.
    """
    for name, noted in manifest["files"].items():
        if names is None or name in names:
            _check_file(folder / name, noted["size"], noted["sha256"] if digests else None)


def require_whole(folder: Path, names: Collection[str] | None = None) -> dict[str, Any]:
    """Return the manifest of a result that is going to be read, as a whole or only ``names``.

    Raises RatevalError when it is not what was stored.
    """
    try:
        manifest = read_manifest(folder)
        check_files(folder, manifest, digests=True, names=names)
    except DamageError as flaw:
        raise RatevalError(
            f"{flaw}; this result must be computed anew: delete {folder}, and run the spec again"
        ) from None
    return manifest


def _check_file(path: Path, size: int, digest: str | None) -> None:
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):
            raise DamageError(f"{path}: is no file")
        if found.st_size != size:
            what = "is cut" if found.st_size else "is empty"
            what = "has grown" if found.st_size > size else what
            raise DamageError(f"{path}: {what}: {found.st_size:,} bytes of {size:,}")
        if digest is not None and digest_file(path) != digest:
            raise DamageError(f"{path}: was changed since it was stored")
    except FileNotFoundError:
        raise DamageError(f"{path}: is missing") from None
    except OSError as error:
        raise DamageError(f"{path}: cannot be read: {error.strerror}") from None


def _sign(text: str) -> str:
    r"""Add to a JSON object the digest of all that stands before.

    >>> _is_signed(_sign('{\n  "a": 1\n}\n')), _is_signed(_sign('{\n  "a": 1\n}\n') + " ")
    (True, False)
    """
    content = text.removesuffix("\n}\n") + ",\n"
    return content + _signature(content)


def _is_signed(text: str) -> bool:
    content, mark, rest = text.rpartition(_DIGEST)
    return mark + rest == _signature(content)


def _signature(content: str) -> str:
    return f'{_DIGEST}{hashlib.sha256(content.encode()).hexdigest()}"\n}}\n'


def _explain(text: str) -> str:
    if not text:
        return "is empty"
    try:
        found = json.loads(text)["format"]
    except (ValueError, RecursionError, TypeError, KeyError):
        return "was cut or changed since it was stored"
    if found != FORMAT:
        return f"is of format {found}, and this rateval reads format {FORMAT}"
    return "was changed since it was stored"
