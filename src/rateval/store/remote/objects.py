"""Objects under keys, in a bucket or a folder: each is there as a whole, or not at all."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Protocol, TypeVar

from rateval.errors import RatevalError, StudyError
from rateval.json_file import write_whole
from rateval.store.disk import TRIES, remove

T = TypeVar("T")


class Objects(Protocol):
    """Objects by keys such as ``store/infer/ab/manifest.json``, below one place.

    Raises StudyError where the place can't be reached or refuses, FileNotFoundError for an object
    that is not there and is read.
    """

    exclusive: bool
    """Whether ``create`` is sure that nobody else made the same object, as far as it is known."""

    def name(self, key: str) -> str:
        """Return the whole URL or path of a key, for messages."""

    def read(self, key: str) -> bytes:
        """Return what an object holds."""

    def write(self, key: str, content: bytes) -> None:
        """Write a small object in place of any other."""

    def create(self, key: str, content: bytes) -> bool:
        """Write a small object where there is none; return whether it was written."""

    def upload(self, path: Path, key: str) -> None:
        """Write a file of this computer as an object."""

    def download(self, key: str, path: Path) -> None:
        """Write an object into a file of this computer."""

    def list(self, key: str) -> list[str]:
        """Return the names right below a key, sorted; none where there is nothing."""

    def size(self, key: str) -> int | None:
        """Return the bytes of an object, None where there is none."""

    def delete(self, key: str) -> None:
        """Delete an object; one that is not there is no error."""

    def delete_all(self, key: str) -> None:
        """Delete everything below a key."""


@contextmanager
def asking(name: str, *, writing: bool = False) -> Iterator[None]:
    """Say which place can't be read or written: a StudyError in place of a library's errors.

    FileNotFoundError passes where something is read.

    >>> with asking("s3://bucket/runs"):
    ...     raise PermissionError("Forbidden")
    Traceback (most recent call last):
    rateval.errors.StudyError: s3://bucket/runs: cannot be read: Forbidden; look at the address, \
the network and the credentials of the environment, and run it again: what is finished is kept
    """
    try:
        yield
    except RatevalError:
        raise
    except Exception as error:  # botocore's and google's have no base in common but this one
        if isinstance(error, FileNotFoundError) and not writing:
            raise
        text = _read_number(error) or str(error)
        why = " ".join(text.split()).rstrip(".") or type(error).__name__
        raise StudyError(
            f"{name}: cannot be {'written to' if writing else 'read'}: {why}; look at the address, "
            "the network and the credentials of the environment, and run it again: what is "
            "finished is kept"
        ) from error


def _read_number(error: Exception) -> str:
    """Return what the system said; empty where a library says more by the system's numbers."""
    if isinstance(error, OSError) and error.errno and error.filename is not None:
        return os.strerror(error.errno)
    return ""


class Folder:
    """Objects that are files of a folder, such as one that several computers mount."""

    exclusive = True  # O_EXCL holds on NFS, too, where nothing can be locked

    def __init__(self, root: Path, url: str = "") -> None:
        self._root, self._url = root, url

    def name(self, key: str) -> str:
        """Return the whole URL or path of a key, for messages."""
        return "/".join(filter(None, (self._url or str(self._root), key)))

    def read(self, key: str) -> bytes:
        """Return what an object holds."""
        with asking(self.name(key)):
            try:
                return (self._root / key).read_bytes()
            except (IsADirectoryError, NotADirectoryError):
                raise FileNotFoundError(key) from None

    def write(self, key: str, content: bytes) -> None:
        """Write a small object in place of any other."""
        with asking(self.name(key), writing=True):
            self._in_room(key, lambda path: write_whole(path, content))

    def create(self, key: str, content: bytes) -> bool:
        """Write a small object where there is none; return whether it was written."""
        with asking(self.name(key), writing=True):
            return self._in_room(key, lambda path: _create(path, content))

    def upload(self, path: Path, key: str) -> None:
        """Write a file of this computer as an object."""
        with asking(self.name(key), writing=True):
            self._in_room(key, lambda to: _copy(path, to))

    def download(self, key: str, path: Path) -> None:
        """Write an object into a file of this computer."""
        with asking(self.name(key)):
            _copy(self._root / key, path)

    def list(self, key: str) -> list[str]:
        """Return the names right below a key, sorted; none where there is nothing."""
        with asking(self.name(key)):
            try:
                return sorted(path.name for path in (self._root / key).iterdir())
            except (FileNotFoundError, NotADirectoryError):
                return []

    def size(self, key: str) -> int | None:
        """Return the bytes of an object, None where there is none."""
        with asking(self.name(key)):
            try:
                return (self._root / key).stat().st_size
            except (FileNotFoundError, NotADirectoryError):
                return None

    def delete(self, key: str) -> None:
        """Delete an object; one that is not there is no error."""
        with asking(self.name(key), writing=True), suppress(FileNotFoundError, NotADirectoryError):
            (self._root / key).unlink()
            with suppress(OSError):  # of others
                for folder in (self._root / key).relative_to(self._root).parents[:-1]:
                    (self._root / folder).rmdir()

    def delete_all(self, key: str) -> None:
        """Delete everything below a key."""
        with asking(self.name(key), writing=True):
            remove(self._root / key)

    def _in_room(self, key: str, write: Callable[[Path], T]) -> T:
        path = self._root / key
        for _ in range(TRIES):
            # Somebody else may delete the empty folder just now: then it is neither there nor to be
            # made, or is gone again.
            with suppress(FileExistsError):
                path.parent.mkdir(parents=True, exist_ok=True)
            with suppress(FileNotFoundError):
                return write(path)
        return write(path)


def _create(path: Path, content: bytes) -> bool:
    part = path.with_name(f".{path.name}-{secrets.token_hex(4)}.part")
    try:
        part.write_bytes(content)
        os.link(part, path)  # whole at once, and refused where the name is taken
    except FileExistsError:
        return False
    except FileNotFoundError:
        raise
    except OSError:  # a file system without links
        try:
            file = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666)
        except FileExistsError:
            return False
        with os.fdopen(file, "wb") as opened:
            opened.write(content)
    finally:
        part.unlink(missing_ok=True)
    return True


def _copy(path: Path, to: Path) -> None:
    part = to.with_name(f".{to.name}-{secrets.token_hex(4)}.part")
    try:
        with path.open("rb") as read, part.open("wb") as written:
            while block := read.read(1 << 20):
                written.write(block)
        part.replace(to)
    finally:
        part.unlink(missing_ok=True)
