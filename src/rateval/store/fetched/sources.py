"""What lies behind the URLs that a spec names: looked at, listed and downloaded, never changed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from rateval.errors import RatevalError
from rateval.store.remote.objects import asking
from rateval.store.remote.urls import clean, explain_url, protocol_of
from rateval.wording import is_control, meant

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

_VERSIONS = ("ETag", "etag", "md5Hash", "generation", "mtime", "LastModified", "updated", "created")
"""What libraries call something that another object of the same name has different."""


class Object(NamedTuple):
    """An object as it is now."""

    size: int
    """Bytes."""
    version: str
    """Its digest or time, as far as the place tells one."""


def look(url: str) -> Object | None:
    """Return the object of a URL; None where a folder of objects is there.

    Raises FileNotFoundError where neither is there, RatevalError where nothing can be looked at.
    """
    with _opened(url) as (system, path):
        found = system.info(path)
        return None if found.get("type") == "directory" else _object(found)


def explain_absent(url: str) -> str:
    """Return why nothing is found behind a URL, and what was meant; empty if something is there.

    Nothing is fetched.
    """
    try:
        look(url)
    except FileNotFoundError:
        return f"no such object{_find_near(clean(url))}"
    except RatevalError as error:
        return str(error).removeprefix(f"{url}: ")
    return ""


def list_below(url: str) -> dict[str, Object]:
    """Return the objects below a URL by their paths there, sorted.

    Raises RatevalError where a name can be no path here, or nothing can be listed.
    """
    with _opened(url) as (system, path):
        system.invalidate_cache()
        found: dict[str, dict[str, Any]] = system.find(path, detail=True)
    start = len(str(path).rstrip("/")) + 1
    objects: dict[str, Object] = {}
    for name, info in sorted(found.items()):
        below = name[start:]
        if below.endswith("/") or not below or info.get("type") == "directory":
            continue  # what stands for an empty folder
        if not _is_path(below):
            raise RatevalError(f"{url}: holds {below!r:.200}, which can be no path here; rename it")
        objects[below] = _object(info)
    return objects


def download(url: str, to: Path) -> None:
    """Write an object into a file.

    Raises FileNotFoundError where it is gone, PermissionError where it alone may be kept from us,
    and StudyError where the place can't be reached.
    """
    refused = None
    with _opened(url) as (system, path):
        try:
            system.get_file(path, str(to))
        except PermissionError as error:
            refused = error
    if refused is not None:
        raise PermissionError(f"{url}: cannot be read: {refused}") from refused


@contextmanager
def _opened(url: str) -> Iterator[tuple[AbstractFileSystem, str]]:
    why = explain_url(url)
    if why:
        raise RatevalError(f"{url}: {why}")
    import fsspec  # who keeps everything here doesn't wait for it

    with asking(url):
        # It keeps one for each process, and after a fork none.
        system = fsspec.filesystem(protocol_of(url), use_listings_cache=False)
        try:
            yield system, str(system._strip_protocol(clean(url)))
        except FileNotFoundError:
            raise FileNotFoundError(f"no such object: {url}") from None


def _object(info: dict[str, Any]) -> Object:
    version = next((str(info[name]) for name in _VERSIONS if info.get(name)), "")
    return Object(int(info.get("size") or 0), version)


def _is_path(name: str) -> bool:
    """Return whether a name leads to a file below a folder, whatever lies there.

    >>> _is_path("cat/1.jpg"), _is_path("../1.jpg"), _is_path("cat//1.jpg")
    (True, False, False)
    """
    parts = name.split("/")
    odd = {"", ".", ".."} & {*parts} or any(map(is_control, name))
    return not odd and all(len(part.encode("utf-8", "replace")) <= 255 for part in parts)


def _find_near(url: str) -> str:
    above, _, name = url.rpartition("/")
    if explain_url(above):
        return "; give the URL of one that is there"
    try:
        with _opened(above) as (system, path):
            found = system.ls(path, detail=False)
    except (FileNotFoundError, RatevalError):
        return f": there is no {above}; give the URL of one that is there"
    hint = meant(name, [str(one).rstrip("/").rpartition("/")[2] for one in found])
    return f"; {hint}" if hint else "; give the URL of one that is there"
