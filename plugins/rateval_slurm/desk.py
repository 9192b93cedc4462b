"""The folder through which jobs and the run that submitted them tell each other of steps.

A step has a number. A job adds a line to ``<number>.progress.jsonl`` when it begins the step and
while it works on it, and writes ``<number>.end.json`` whole when the step has ended. Both are JSON,
so that the run reads nothing that could do anything.

A job that has done what it was submitted with may be given more: ``<job>.<turn>.more`` holds steps,
and ``<job>.closed`` says that the job waits for no more of them.
"""

from __future__ import annotations

import json
import os
import pickle
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from rateval.api import RatevalError, Step, StepEnd

_END = ".end.json"
_LARGEST = 16 * 2**20
"""Bytes that the end of a step may take; its traceback is what is long."""
_INTERVAL_S = 0.5
"""Seconds between two lines about one step, unless it begins or says something."""
_ENDS = TypeAdapter(StepEnd)

Numbered = tuple[tuple[int, Step], ...]
Told = tuple[Any, ...]
"""A line: ``("work", process)``, ``("begin", total)`` or ``("advance", samples, note)``."""


@dataclass(frozen=True, slots=True)
class Desk:
    """The folder of one run's steps; picklable, and used on both sides."""

    folder: Path

    def make(self) -> None:
        """Make the folder; nobody else may look into it."""
        self.folder.mkdir(mode=0o700)

    def progress(self, number: int) -> Path:
        """Return the file that a job adds lines to while it does a step."""
        return self.folder / f"{number:06}.progress.jsonl"

    def call_off(self) -> None:
        """Say that nobody waits for anything that hasn't begun."""
        with suppress(OSError):
            (self.folder / "stop").touch()

    def is_called_off(self) -> bool:
        """Return whether nobody waits for what hasn't begun."""
        return (self.folder / "stop").exists()

    def has_end(self, number: int) -> bool:
        """Return whether a step has ended."""
        return (self.folder / f"{number:06}{_END}").exists()

    def ended(self) -> set[int]:
        """Return the numbers of all steps that have ended."""
        self.refresh()
        names = (path.name for path in self.folder.iterdir() if path.name.endswith(_END))
        return {int(number) for name in names if (number := name.removesuffix(_END)).isdecimal()}

    def give(self, job: int, turn: int, steps: Numbered) -> None:
        """Give a job more steps, after those of all turns before."""
        self._write(self._more(job, turn), pickle.dumps(steps))

    def take(self, job: int, turn: int) -> Numbered | None:
        """Return the steps that a job is given as its next ones; None while there are none."""
        try:
            content = self._more(job, turn).read_bytes()
        except FileNotFoundError:
            return None
        steps: Numbered = pickle.loads(content)  # noqa: S301  # ours, as what submitit starts from
        return steps

    def close(self, job: int) -> None:
        """Say that a job waits for no more; what was given before is still done."""
        (self.folder / f"{job:06}.closed").touch()

    def is_closed(self, job: int) -> bool:
        """Return whether a job waits for no more."""
        return (self.folder / f"{job:06}.closed").exists()

    def refresh(self) -> None:
        """Have a network file system forget what it remembers of the folder."""
        with suppress(OSError):
            self.folder.chmod(0o700)

    def write_end(self, number: int, end: StepEnd) -> None:
        """Write how a step ended, whole or not at all."""
        self._write(self.folder / f"{number:06}{_END}", _ENDS.dump_json(_in_unicode(end)))

    def read_end(self, number: int, identity: str) -> StepEnd:
        """Return how a step ended; what is no end of it is an end with an error that says so."""
        path = self.folder / f"{number:06}{_END}"
        try:
            with path.open("rb") as file:
                content = file.read(_LARGEST + 1)
            end = _ENDS.validate_json(content)
        except (OSError, ValidationError) as error:
            what = f"{type(error).__name__}: " + " ".join(str(error).split())[:200]
            return StepEnd(identity, 0.0, error=f"{path}: cannot be read as a step's end; {what}")
        if end.identity != identity:
            return StepEnd(identity, 0.0, error=f"{path}: is the end of another step")
        return end

    def _more(self, job: int, turn: int) -> Path:
        return self.folder / f"{job:06}.{turn}.more"

    @staticmethod
    def _write(path: Path, content: bytes) -> None:
        part = path.with_name(f"{path.name}.{os.getpid()}.part")
        with part.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)


class Telling:
    """A monitor that adds lines to a file, no more than a few each second."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._samples, self._note = 0, ""
        self._written = 0.0
        self._write(("work", os.getpid()))

    def begin(self, total: int) -> None:
        """Write the number of samples."""
        self.flush()
        self._write(("begin", total))

    def advance(self, samples: int, note: str = "") -> None:
        """Write the samples that are done, with those of a moment ago."""
        if not samples and note:  # a line of its own
            self.flush()
            self._write(("advance", 0, note))
            return
        self._samples += samples
        self._note = note or self._note
        if time.monotonic() - self._written >= _INTERVAL_S:
            self.flush()

    def flush(self) -> None:
        """Write what is not written yet."""
        if self._samples:
            self._write(("advance", self._samples, self._note))
        self._samples, self._note = 0, ""

    def _write(self, told: Told) -> None:
        self._written = time.monotonic()
        # A step is not lost because nobody can be told how far it is.
        with suppress(OSError), self._path.open("a", encoding="ascii") as file:
            file.write(json.dumps(told) + "\n")


class Listening:
    """What a job says about a step, read as it comes."""

    def __init__(self, path: Path) -> None:
        self._path, self._read = path, 0

    def told(self) -> Iterator[Told]:
        """Yield what is new; a line that is none of ours is passed over."""
        try:
            with self._path.open("rb") as file:
                file.seek(self._read)
                content = file.read(_LARGEST)
        except OSError:
            return
        whole = content[: content.rfind(b"\n") + 1]
        self._read += len(whole)
        for line in whole.splitlines():
            if (told := _parse(line)) is not None:
                yield told


def make_folder(folder: Path, name: str) -> Path:
    """Make the folder of one run in ``folder``, for its owner alone, and return it.

    Raises RatevalError where that can't be done.
    """
    try:
        path = folder.expanduser().absolute() / name
    except RuntimeError as error:
        raise RatevalError(
            f'executor.folder = "{folder}": leads to no home folder that is known here; give the '
            "folder itself"
        ) from error
    if "%" in str(path) or not str(path).isprintable():
        raise RatevalError(
            f"executor.folder = {str(path)!r}: holds a % or a line break, which sbatch reads as "
            "something else; name another folder"
        )
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.mkdir(mode=0o700)
    except OSError as error:
        raise RatevalError(
            f'executor.folder = "{folder}": cannot be made or written to ({error.strerror}); name '
            "a folder that all nodes see, with room in it"
        ) from error
    return path


def _parse(line: bytes) -> Told | None:
    try:
        told = json.loads(line)
    except ValueError:
        return None
    match told:
        case ["work" | "begin", int()] | ["advance", int(), str()]:
            return tuple(told)
    return None


def _in_unicode(end: StepEnd) -> StepEnd:
    """Return an end whose texts JSON can hold: what is no text is written out."""
    texts: Sequence[str | None] = (end.error, end.traceback, end.culprit)
    error, traceback, culprit = (
        None if text is None else text.encode("utf-8", "backslashreplace").decode()
        for text in texts
    )
    return replace(end, error=error, traceback=traceback, culprit=culprit)
