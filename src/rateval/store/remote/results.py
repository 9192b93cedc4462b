"""Results of a mirror: manifests fetched first, files when they are read, uploads manifest last."""

from __future__ import annotations

import json
import os
import secrets
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from rateval.errors import RatevalError, StudyError
from rateval.json_file import write_whole
from rateval.store.disk import UNFINISHED, remove, writing
from rateval.store.manifest import MANIFEST, DamageError, parse_manifest, read_manifest
from rateval.store.remote.eviction import evict, read_limit
from rateval.store.remote.fetching import KEPT, complete, is_complete, read_remote, take
from rateval.store.remote.holding import Holding
from rateval.store.remote.mirror import Mirror

TRUSTED_S = 24 * 3600.0
"""Seconds that this is believed: somebody else may delete what is behind a URL."""
_ID = "store.json"


class Results:
    """The results of one store in a mirror.

    Raises StudyError where the place behind the URL can't be reached or refuses, and DamageError
    where what lies there is not what was stored.
    """

    def __init__(self, mirror: Mirror) -> None:
        self.mirror = mirror
        self._limit = read_limit()
        self._id = _identify_place(mirror)

    def find(self, folder: Path) -> bool:
        """Return whether there is a result, whose manifest is in the mirror then.

        What was made here and isn't behind the URL yet is uploaded.
        """
        if (folder / MANIFEST).is_file():
            self._settle(folder)
        else:
            content = read_remote(self.mirror, folder)
            if content is not None:
                take(self.mirror, folder, content)
                self._keep(folder)
        with suppress(OSError):
            os.utime(folder / MANIFEST)  # used just now
        return (folder / MANIFEST).is_file()

    def check(
        self, folder: Path, manifest: Mapping[str, Any], *, whole: bool, digests: bool
    ) -> None:
        """Fetch what the mirror lacks of a ``whole`` result; else drop files of another size."""
        if whole:
            complete(self.mirror, folder, manifest, None, digests=digests)
            return
        for name, noted in manifest["files"].items():
            path = folder / name
            with suppress(FileNotFoundError):
                if path.stat().st_size != noted["size"]:
                    remove(path)

    def finish(self, folder: Path, unfinished: Path) -> None:
        """Upload a result that was just made, and delete its parts behind the URL."""
        self.upload(folder)
        self.mirror.objects.delete_all(self.mirror.key(unfinished))

    def upload(self, folder: Path) -> None:
        """Upload a result of the mirror: its files, and its manifest last of all.

        What lies there already is not asked: its files may be damaged.
        """
        manifest, objects = read_manifest(folder), self.mirror.objects
        key = self.mirror.key(folder)
        if objects.size(f"{key}/{MANIFEST}") is not None:
            objects.delete(f"{key}/{MANIFEST}")  # while files go one by one nobody may believe it
        for name in manifest["files"]:
            objects.upload(folder / name, f"{key}/{name}")
        objects.upload(folder / MANIFEST, f"{key}/{MANIFEST}")
        self._keep(folder)

    def sweep(self, root: Path, locks: Holding) -> None:
        """Delete the parts of results that are whole behind the URL, and make room here.

        Where the place can't be reached the next sweep does it.
        """
        with suppress(StudyError):  # must not take the place of what ended the run
            evict(self.mirror, locks, self._limit)
            key, objects = self.mirror.key(root), self.mirror.objects
            for stage in objects.list(key):
                if stage.endswith(UNFINISHED):
                    for identity in objects.list(f"{key}/{stage}"):
                        whole = f"{key}/{stage.removesuffix(UNFINISHED)}/{identity}/{MANIFEST}"
                        if objects.size(whole) is not None:
                            objects.delete_all(f"{key}/{stage}/{identity}")

    def _settle(self, folder: Path) -> None:
        """See to it that a result of the mirror is behind the URL, too, and the same there."""
        try:
            digest = read_manifest(folder)["digest"]
            kept = json.loads((folder / KEPT).read_bytes())
            young = time.time() - (folder / KEPT).stat().st_mtime < TRUSTED_S
            if young and kept == {"store": self._id, "digest": digest}:
                return
        except (DamageError, OSError, ValueError):
            pass
        content = read_remote(self.mirror, folder)
        if content is not None and _is_sound(content):
            take(self.mirror, folder, content)
            self._keep(folder)
        elif is_complete(folder):
            self.upload(folder)
        else:
            remove(folder)

    def _keep(self, folder: Path) -> None:
        said = {"store": self._id, "digest": read_manifest(folder)["digest"]}
        with writing(folder):
            write_whole(folder / KEPT, json.dumps(said))


def _is_sound(content: bytes) -> bool:
    try:
        parse_manifest(content.decode("utf-8", "replace"), "")
    except DamageError:
        return False
    return True


def _identify_place(mirror: Mirror) -> str:
    """Return what tells the store behind a URL from one that is made anew in its place."""
    key, objects = f"store/{_ID}", mirror.objects
    for _ in range(3):
        try:
            return str(json.loads(objects.read(key))["id"])
        except FileNotFoundError:
            objects.create(key, json.dumps({"id": secrets.token_hex(16)}).encode())
        except (ValueError, LookupError, TypeError):
            break
    raise RatevalError(
        f"{objects.name(key)}: is no file of a store; delete it, or choose another --output"
    )
