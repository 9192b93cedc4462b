"""Content-addressed results on disk: written whole or not at all, reused by their identity."""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rateval.errors import RatevalError
from rateval.json_file import write_json

FORMAT = 2
"""Version of the layout of stored results; part of every identity."""
MANIFEST = "manifest.json"
"""File of a stored result that says what determined it."""


def identify(values: Mapping[str, Any]) -> str:
    """Name JSON values by a digest of 32 hexadecimal digits, whatever the order of their keys.

    >>> identify({"a": 1, "b": [2]}) == identify({"b": [2], "a": 1})
    True
    """
    text = json.dumps(values, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class Stored:
    """Hold the result of a stage."""

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
    """Keep results under ``root/<stage>/<identity>/``.

    Raises RatevalError when ``root`` cannot be written to.
    """

    def __init__(self, root: Path, *, reuse: bool = True) -> None:
        self.root = root
        self._reuse = reuse
        self._made: set[str] = set()
        self._begun: set[str] = set()
        try:
            root.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=root):
                pass
        except OSError as error:
            raise RatevalError(
                f'run.output: "{root.parent}" cannot be written to: {error.strerror}; '
                "choose another folder with --output"
            ) from None

    def reuse_or_make(
        self, stage: str, inputs: Mapping[str, Any], write: Callable[[Path], Mapping[str, Any]]
    ) -> Stored:
        """Return the stored result of these inputs, else compute and keep it by ``make``."""
        return self.fetch(stage, inputs) or self.make(stage, inputs, write)

    def fetch(self, stage: str, inputs: Mapping[str, Any]) -> Stored | None:
        """Return the stored result of these inputs, or None."""
        identity = identify_result(stage, inputs)
        if not self._reuse and identity not in self._made:
            return None
        path = self.root / stage / identity
        try:
            manifest = json.loads((path / MANIFEST).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        return Stored(stage, identity, path, manifest["facts"], True, manifest["seconds"])

    def make(
        self, stage: str, inputs: Mapping[str, Any], write: Callable[[Path], Mapping[str, Any]]
    ) -> Stored:
        """Compute and keep a result: ``write`` fills the folder it is given and returns the facts.

        The folder appears under its final name when it is complete, so that an interruption at any
        moment leaves nothing that looks like a result.
        """
        identity = identify_result(stage, inputs)
        final = self.root / stage / identity
        final.parent.mkdir(parents=True, exist_ok=True)
        started = time.perf_counter()
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
            write_json(unfinished / MANIFEST, manifest)
            _replace(unfinished, final)
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)
        self._made.add(identity)
        return Stored(stage, identity, final, facts, False, seconds)

    def unfinished(self, stage: str, inputs: Mapping[str, Any]) -> Path:
        """Name a folder, which may not exist yet, for the state of a result that takes long.

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


def identify_result(stage: str, inputs: Mapping[str, Any]) -> str:
    """Name the result of a stage by everything that determines it."""
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
