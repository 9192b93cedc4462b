"""A shard on this computer or behind a URL, and a member of it as a photo's source."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from rateval.modelkit import RemoteFile, explain_url, is_remote
from rateval_datasets.images import LARGEST_FILE, UnfitError
from rateval_datasets.layout import open_file

NAME = "webdataset"


@dataclass(frozen=True, slots=True)
class Shard:
    """One tar archive as it is now."""

    name: str
    """Its path or URL, as it was given."""
    place: Path | RemoteFile
    """Its whole path, or what fetches it."""
    version: str
    """What another archive under the same name has different: size and time of change."""

    @property
    def full_name(self) -> str:
        """Its whole path or URL."""
        return self.place.url if isinstance(self.place, RemoteFile) else str(self.place)

    def open(self) -> BinaryIO:
        """Open it, fetched first where it is behind a URL. Raises OSError or ValueError."""
        if isinstance(self.place, RemoteFile):
            return self.place.open()
        return open_file(self.place)


def find_shard(name: str) -> Shard:
    """Look at a shard. Raises OSError or ValueError where there is none."""
    path = Path(name).expanduser().absolute()
    if is_remote(name):
        if why := explain_url(name):
            raise ValueError(why)
        remote = RemoteFile(name)
        if not remote.is_here:
            return Shard(name, remote, remote.version)
        path = remote.path()
    with open_file(path) as file:
        return Shard(name, path, _state(file))


def _state(file: BinaryIO) -> str:
    now = os.fstat(file.fileno())
    return f"{now.st_size} {now.st_mtime_ns}"


@dataclass(frozen=True, slots=True)
class Member:
    """A member of a shard; calling it returns its bytes."""

    shard: Shard
    name: str
    offset: int
    size: int
    """Bytes."""

    @property
    def file(self) -> Path | RemoteFile:
        """The shard's file, which may have to be fetched."""
        return self.shard.place

    def __call__(self) -> bytes:
        """Read the bytes. Raises OSError or ValueError when that can't be, UnfitError if too many.

        Threads may do so at once: each opens the shard itself.
        """
        if self.size > LARGEST_FILE:
            raise UnfitError(f"too large: {self.size:,} bytes, of at most {LARGEST_FILE:,}")
        with self.shard.open() as file:
            file.seek(self.offset)
            content = file.read(self.size)
        if len(content) < self.size:
            raise ValueError(f"{self.shard.name} ends in the middle of {self.name}")
        return content
