"""Files of results fetched into a mirror, each looked at bit by bit before it has its name."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from rateval.errors import RatevalError
from rateval.json_file import write_whole
from rateval.store.disk import digest_file, remove, writing
from rateval.store.manifest import MANIFEST, DamageError, parse_manifest, read_manifest
from rateval.store.remote.mirror import Mirror, find_mirror

KEPT = ".uploaded"
"""File beside a manifest that says where it was uploaded to; its time, when that was last seen."""


def bring(folder: Path, names: Collection[str] | None = None) -> None:
    """Fetch what the mirror lacks of a result, or of some of its files; elsewhere do nothing.

    What is not behind the URL either stays away. Raises RatevalError for what is damaged there.
    """
    mirror = find_mirror(folder)
    if mirror is None:
        return
    try:
        if not (folder / MANIFEST).is_file():
            content = read_remote(mirror, folder)
            if content is None:
                return
            take(mirror, folder, content)
        manifest = read_manifest(folder)
        known = None if names is None else [name for name in names if name in manifest["files"]]
        complete(mirror, folder, manifest, known, digests=False)
    except DamageError as flaw:
        raise RatevalError(
            f"{flaw}; this result must be computed anew: run the spec again with --fresh"
        ) from None


def fetched(path: Path) -> Path:
    """Return the path of a result's file, after fetching it where it is missing in a mirror."""
    if not path.exists():
        bring(path.parent, (path.name,))
    return path


def is_complete(folder: Path) -> bool:
    """Return whether the mirror has every file of a result, in its size."""
    try:
        files = read_manifest(folder)["files"]
    except DamageError:
        return False
    return all(_is_there(folder / name, noted, digest=False) for name, noted in files.items())


def read_remote(mirror: Mirror, folder: Path) -> bytes | None:
    """Return the manifest of a result behind the URL; None where there is none."""
    try:
        return mirror.objects.read(f"{mirror.key(folder)}/{MANIFEST}")
    except FileNotFoundError:
        return None


def take(mirror: Mirror, folder: Path, content: bytes) -> None:
    """Put a manifest into the mirror, and out of it whatever is other than it says."""
    name = f"{mirror.name(folder)}/{MANIFEST}"
    noted = parse_manifest(content.decode("utf-8", "replace"), name)["files"]
    with writing(folder):
        if (folder / MANIFEST).is_file() and (folder / MANIFEST).read_bytes() == content:
            return
        had = {}
        with suppress(DamageError):
            had = read_manifest(folder)["files"]
        for other in had.keys() | noted.keys():
            if had.get(other) != noted.get(other):
                remove(folder / other)
        folder.mkdir(parents=True, exist_ok=True)
        write_whole(folder / MANIFEST, content)


def complete(
    mirror: Mirror,
    folder: Path,
    manifest: Mapping[str, Any],
    names: Collection[str] | None,
    *,
    digests: bool,
) -> None:
    """Fetch each file that the mirror lacks, or has in another size, or with ``digests`` changed.

    ``names`` are those that are looked at, all when None. Raises DamageError for what is damaged
    behind the URL.
    """
    for name, noted in manifest["files"].items():
        asked = names is None or name in names
        if asked and not _is_there(folder / name, noted, digest=digests):
            _download(mirror, folder, name, noted)


def _is_there(path: Path, noted: Mapping[str, Any], *, digest: bool) -> bool:
    try:
        if path.stat().st_size != noted["size"]:
            return False
        return not digest or digest_file(path) == noted["sha256"]
    except OSError:
        return False


def _download(mirror: Mirror, folder: Path, name: str, noted: Mapping[str, Any]) -> None:
    path = folder / name
    # Begins with a point, so that it goes with what a dead run left.
    part = path.with_name(f".{path.name}-{secrets.token_hex(4)}.part")
    try:
        with writing(path):
            path.parent.mkdir(parents=True, exist_ok=True)
        mirror.objects.download(f"{mirror.key(folder)}/{name}", part)
        if not _is_there(part, noted, digest=True):
            raise DamageError(f"{mirror.name(path)}: was changed since it was stored")
        with writing(path):
            part.replace(path)
    except FileNotFoundError:
        raise DamageError(f"{mirror.name(path)}: is missing") from None
    finally:
        part.unlink(missing_ok=True)
