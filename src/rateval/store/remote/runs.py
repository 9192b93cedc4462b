"""Folders of runs of a mirror: claimed, uploaded while they are written, fetched to be read."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from rateval.errors import RatevalError
from rateval.json_file import write_whole
from rateval.store.disk import writing
from rateval.store.remote.mirror import find_mirror, local_folder
from rateval.store.remote.urls import clean, explain_url, is_url

RECORD = "run.json"
_SPEC = "spec.toml"
_CLAIM = ".claim"


class Publisher:
    """What uploads the files of a run's folder that have changed; elsewhere it does nothing.

    Raises StudyError where the place behind the URL refuses.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._mirror = find_mirror(folder)
        self._done: dict[str, tuple[int, int]] = {}

    def publish(self) -> None:
        """Upload what has changed, the record last of all."""
        if self._mirror is None:
            return
        with writing(self._folder):
            files = [path for path in self._folder.iterdir() if path.is_file()]
        for path in sorted(files, key=lambda path: (path.name == RECORD, path.name)):
            if path.name.startswith("."):
                continue
            found = path.stat()
            now = found.st_size, found.st_mtime_ns
            if self._done.get(path.name) != now:
                self._mirror.objects.upload(path, self._mirror.key(path))
                self._done[path.name] = now


def claim(folder: Path) -> bool:
    """Return whether a new folder of a run is nobody else's behind its URL, either."""
    mirror = find_mirror(folder)
    if mirror is None:
        return True
    who = f"{os.uname().nodename} {os.getpid()}\n".encode()
    return mirror.objects.create(f"{mirror.key(folder)}/{_CLAIM}", who)


def fetch_run(place: str | Path) -> Path:
    """Return the path of a run, whose record is fetched into a mirror where ``place`` is a URL.

    Raises RatevalError where there is no such run, or it can't be read.
    """
    text = str(place)
    if not is_url(text) or (isinstance(place, Path) and place.exists()):
        return Path(place)
    url = clean(text)
    why = explain_url(url)
    if why:
        raise RatevalError(f"{text}: {why}")
    url = url.removesuffix(f"/{RECORD}")
    output, _, name = url.rpartition("/")
    why = explain_url(output)
    if why:
        raise RatevalError(f"{text}: holds no run; give the URL that `rateval run` printed")
    folder = local_folder(output) / name
    mirror = find_mirror(folder)
    assert mirror is not None
    try:
        content = mirror.objects.read(f"{name}/{RECORD}")
    except FileNotFoundError:
        runs = [one for one in mirror.objects.list("") if one != "store"]
        there = f"; {output} has {', '.join(runs[-10:])}" if runs else ""
        raise RatevalError(
            f"{text}: holds no run that can be read{there}; give the URL that `rateval run` printed"
        ) from None
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        _put(folder / RECORD, content)
        with suppress(FileNotFoundError):  # of a call from Python
            _put(folder / _SPEC, mirror.objects.read(f"{name}/{_SPEC}"))
    return folder


def _put(path: Path, content: bytes) -> None:
    if not path.is_file() or path.read_bytes() != content:
        write_whole(path, content)
