"""Content-addressed results on disk: written whole or not at all, reused by their identity."""

from __future__ import annotations

import errno
import hashlib
import json
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rateval.errors import StudyError
from rateval.json_file import write_json

FORMAT = 2
"""Version of the layout of stored results; part of every identity."""
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)
MANIFEST = "manifest.json"
"""File of a stored result that says what determined it."""


def identify(values: Mapping[str, Any]) -> str:
    """Return a digest of 32 hexadecimal digits of JSON values, whatever the order of their keys.

    >>> identify({"a": 1, "b": [2]}) == identify({"b": [2], "a": 1})
    True
    """
    text = json.dumps(values, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class Stored:
    """The result of a stage."""

    stage: str
    identity: str
    path: Path
    """Folder with the result's files."""
    facts: Mapping[str, Any]
    """Small JSON values that belong to the result."""
    reused: bool
    seconds: float
    """What computing it took, also when it was reused."""


class Store:
    """Results under ``root/<stage>/<identity>/``.

    Raises StudyError when ``root`` cannot be written to, now or later.
    """

    def __init__(self, root: Path, *, reuse: bool = True) -> None:
        self.root = root
        self._reuse = reuse
        self._made: set[str] = set()
        self._begun: set[str] = set()
        with self._blaming_output():
            root.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=root):
                pass

    def fetch(self, stage: str, inputs: Mapping[str, Any]) -> Stored | None:
        """Return the stored result of these inputs, or None."""
        identity = identify_result(stage, inputs)
        if not self._reuse and identity not in self._made:
            return None
        return self.find(stage, identity)

    def find(self, stage: str, identity: str) -> Stored | None:
        """Return a stored result by its identity, whoever made it and when, or None.

        One whose manifest can't be read is none: it is made anew.
        """
        path = self.root / stage / identity
        try:
            manifest = json.loads((path / MANIFEST).read_text(encoding="utf-8"))
            return Stored(stage, identity, path, manifest["facts"], True, manifest["seconds"])
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            return None

    def path_of(self, stage: str, identity: str) -> Path:
        """Return the folder of a result that is known to be stored."""
        return self.root / stage / identity

    def make(
        self, stage: str, inputs: Mapping[str, Any], write: Callable[[Path], Mapping[str, Any]]
    ) -> Stored:
        """Compute and keep a result: ``write`` fills the folder it is given and returns the facts.

        The folder appears under its final name when it is complete, so that an interruption at any
        moment leaves nothing that looks like a result.
        """
        identity = identify_result(stage, inputs)
        final = self.root / stage / identity
        started = time.perf_counter()
        with self._blaming_output():
            final.parent.mkdir(parents=True, exist_ok=True)
            unfinished = Path(tempfile.mkdtemp(prefix=f".{identity}-", dir=final.parent))
        try:
            facts = dict(write(unfinished))
            seconds = round(time.perf_counter() - started, 3)
            manifest = {
                "format": FORMAT,
                "stage": stage,
                "identity": identity,
                "inputs": inputs,
                "facts": facts,
                "seconds": seconds,
            }
            with self._blaming_output():
                write_json(unfinished / MANIFEST, manifest)
                _replace(unfinished, final)
        except OSError as error:
            if error.errno not in _FULL:
                raise
            raise self._refuse(error) from error
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)
        self._made.add(identity)
        return Stored(stage, identity, final, facts, False, seconds)

    def unfinished(self, stage: str, inputs: Mapping[str, Any]) -> Path:
        """Return a folder, which may not exist yet, for the state of a result that takes long.

        Whoever makes the result keeps and deletes what is in it. It outlives an interruption, but
        not a run that reuses nothing.
        """
        identity = identify_result(stage, inputs)
        folder = self.root / f"{stage}-unfinished" / identity
        if not self._reuse and identity not in self._begun:
            shutil.rmtree(folder, ignore_errors=True)
        self._begun.add(identity)
        return folder

    def discard(self, stored: Stored) -> None:
        """Delete a result that nothing needs any more."""
        shutil.rmtree(stored.path)

    @contextmanager
    def _blaming_output(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise self._refuse(error) from None

    def _refuse(self, error: OSError) -> StudyError:
        return StudyError(
            f'run.output: "{self.root.parent}" cannot be written to: {error.strerror}; '
            "choose another folder with --output"
        )


def identify_result(stage: str, inputs: Mapping[str, Any]) -> str:
    """Return the identity of a stage's result, from everything that determines it."""
    return identify({"format": FORMAT, "stage": stage, "inputs": inputs})


def _replace(unfinished: Path, final: Path) -> None:
    unfinished.chmod(0o755)  # mkdtemp makes it private; a result is as readable as its neighbours
    if final.exists():
        shutil.rmtree(final)
    try:
        unfinished.rename(final)
    except OSError:
        if not final.exists():  # else another run made the same result meanwhile, as good as ours
            raise
