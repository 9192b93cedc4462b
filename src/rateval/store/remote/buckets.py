"""Objects that a library of fsspec reads and writes, such as those of a bucket of S3."""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

from rateval.errors import RatevalError
from rateval.store.remote.objects import Folder, Objects, asking
from rateval.store.remote.urls import clean, explain_url, protocol_of

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

SETTLE_S = 0.5
"""Seconds after which an object is read back where a place can't refuse a second one."""


class Bucket:
    """Objects below a URL, by fsspec; retries are the library's own."""

    def __init__(self, url: str) -> None:
        import fsspec

        self._url, self.exclusive = url, True
        with asking(url):
            # What others have written meanwhile must show.
            self._system: AbstractFileSystem = fsspec.filesystem(
                protocol_of(url), use_listings_cache=False
            )
            self._root = self._system._strip_protocol(url)

    def name(self, key: str) -> str:
        """Return the whole URL of a key, for messages."""
        return "/".join(filter(None, (self._url, key)))

    def read(self, key: str) -> bytes:
        """Return what an object holds."""
        with asking(self.name(key)):
            content: bytes = self._system.cat_file(self._at(key))
            return content

    def write(self, key: str, content: bytes) -> None:
        """Write a small object in place of any other."""
        with asking(self.name(key), writing=True):
            self._system.pipe_file(self._at(key), content)

    def create(self, key: str, content: bytes) -> bool:
        """Write a small object where there is none; return whether it was written.

        Where the place can't refuse a second one, what is there after a moment has won.
        """
        with asking(self.name(key), writing=True):
            if self.exclusive:
                try:
                    self._system.pipe_file(self._at(key), content, mode="create")
                except FileExistsError:
                    return False
                except (TypeError, ValueError, NotImplementedError):
                    self.exclusive = False
                except OSError as error:
                    if _is_conflict(error):
                        return False
                    if "notimplemented" not in str(error).replace(" ", "").lower():
                        raise
                    self.exclusive = False
                else:
                    return True
            if self._system.exists(self._at(key)):
                return False
            self._system.pipe_file(self._at(key), content)
            time.sleep(SETTLE_S)
            try:
                return bool(self._system.cat_file(self._at(key)) == content)
            except FileNotFoundError:
                return False

    def upload(self, path: Path, key: str) -> None:
        """Write a file of this computer as an object."""
        with asking(self.name(key), writing=True):
            self._system.put_file(str(path), self._at(key))

    def download(self, key: str, path: Path) -> None:
        """Write an object into a file of this computer."""
        with asking(self.name(key)):
            self._system.get_file(self._at(key), str(path))

    def list(self, key: str) -> list[str]:
        """Return the names right below a key, sorted; none where there is nothing."""
        with asking(self.name(key)):
            self._system.invalidate_cache()
            try:
                found = self._system.ls(self._at(key), detail=False)
            except FileNotFoundError:
                return []
            paths = {str(path).rstrip("/") for path in found} - {self._at(key).rstrip("/")}
            return sorted(path.rpartition("/")[2] for path in paths)

    def size(self, key: str) -> int | None:
        """Return the bytes of an object, None where there is none."""
        with asking(self.name(key)):
            try:
                return int(self._system.info(self._at(key))["size"])
            except FileNotFoundError:
                return None

    def delete(self, key: str) -> None:
        """Delete an object; one that is not there is no error."""
        with asking(self.name(key), writing=True), suppress(FileNotFoundError):
            self._system.rm_file(self._at(key))

    def delete_all(self, key: str) -> None:
        """Delete everything below a key."""
        with asking(self.name(key), writing=True), suppress(FileNotFoundError):
            self._system.invalidate_cache()
            self._system.rm(self._at(key), recursive=True)

    def _at(self, key: str) -> str:
        return f"{self._root}/{key}" if key else str(self._root)


def _is_conflict(error: OSError) -> bool:
    return "conflict" in str(error).lower()


def open_objects(url: str) -> Objects:
    """Return the objects below a URL. Raises RatevalError for one that can't be used here."""
    why = explain_url(url)
    if why:
        raise RatevalError(f"{url}: {why}")
    url = clean(url)
    if protocol_of(url) == "file":
        return Folder(Path(unquote(url.removeprefix("file://"))), url)
    return Bucket(url)
