"""What must hold of every command, whatever it was given: the oracle of all targets.

It exits with 0, with 1 and named failures, or with 2 and a message; it prints no traceback, ends in
time and within its memory, leaves no process, and prints nothing that steers a terminal.
"""

from __future__ import annotations

import json
import re
import unicodedata
from pathlib import Path

from faults.command import GIB, Done

_FRAME = re.compile(r'File "[^"]*?([\w.-]+/[\w.-]+\.py)", line (\d+), in (\S+)')
_RAISED = re.compile(r"^([A-Za-z_][\w.]*(?:Error|Exception|Exit|Interrupt|Warning|Iteration))\b")
_MOST_MEMORY = int(1.5 * GIB)
_LONGEST_MESSAGE = 20_000
MARKUP = "zq[b]kx[/b]vj"
"""A text that loses its middle where it is read as markup."""
SWALLOWED = "zqkxvj"
_KILLED_WORKER = "BrokenProcessPool: "
"""The one error that is told by its Python name: what it was is in the text that follows."""


class FaultError(AssertionError):
    """Something that must not be, with a signature that the same fault has again."""

    def __init__(self, signature: str, text: str) -> None:
        super().__init__(f"{signature}\n{text}")
        self.signature = signature


def require_good_end(done: Done) -> None:
    """Raise FaultError unless a command ended as every command must."""
    said = f"$ rateval {' '.join(done.job.arguments)}"[:500] + f"\n{shorten(done.err)}"
    if done.hung:
        raise FaultError(f"hang: over {done.job.limit_s:.0f} s", said)
    if done.code < 0:
        raise FaultError(f"killed by signal {-done.code}", said)
    for text in (done.err, done.out):
        if "Traceback (most recent call last)" in text:
            raise FaultError(f"traceback: {place_of(text)}", said)
    if done.code not in (0, 1, 2):
        raise FaultError(f"exit code {done.code}", said)
    if done.code == 2:
        _require_message(done, said)
    if done.peak > _MOST_MEMORY:
        raise FaultError("memory", f"{done.peak / GIB:.1f} GiB\n{said}")
    if done.survivors:
        raise FaultError("processes that outlive their run", said)
    _require_clean_text(done, said)


def _require_message(done: Done, said: str) -> None:
    """A message names what it is about, is of a length that a person reads, and is no repr."""
    _, found, message = done.err.partition("error: ")
    if "usage: " in done.err:
        return  # argparse
    if not found or not message.strip():
        raise FaultError("exit code 2 without a message", said)
    if len(message) > _LONGEST_MESSAGE:
        raise FaultError("a message that nobody reads", f"{len(message):,} characters\n{said}")
    if ": " not in message:
        raise FaultError("a message that names nothing", said)


def _require_clean_text(done: Done, said: str) -> None:
    for name, text in (("stdout", done.out), ("stderr", done.err)):
        for character in set(text):
            if character != "\n" and unicodedata.category(character) in ("Cc", "Cs"):
                raise FaultError(f"control character {character!r} on {name}", repr(text)[-2000:])
        if SWALLOWED in text:
            raise FaultError(f"text read as markup on {name}", said)


def require_told_failures(output: Path) -> None:
    """Raise FaultError when a step of a run here failed by a bug: a Python name, no sentence."""
    for file in sorted(output.glob("*/steps.jsonl")):
        for line in file.read_text(encoding="utf-8").splitlines():
            error = json.loads(line).get("error")
            if error and _RAISED.match(error) and not error.startswith(_KILLED_WORKER):
                log = file.with_name("run.log")
                trace = log.read_text(encoding="utf-8") if log.exists() else ""
                raise FaultError(
                    f"failure that is a bug: {place_of(trace)}", f"{error}\n{shorten(trace)}"
                )


def shorten(text: str) -> str:
    """Return the first and the last lines of a text, each of a length that a person reads."""
    lines = [line[:400] for line in text.splitlines() if set(line) - set(" ^~")]
    return "\n".join(lines if len(lines) < 40 else [*lines[:6], "…", *lines[-30:]])


def place_of(trace: str) -> str:
    """Return where a traceback comes from and what was raised, as ``folder/file.py:name Error``.

    That is the last frame of rateval's own.

    >>> place_of('File "/a/rateval/store/x.py", line 3, in read\\nKeyError: 1')
    'store/x.py:read KeyError'
    """
    frames = _FRAME.findall(trace)
    ours = re.compile(r"/(?:rateval|src/rateval|plugins/rateval)")
    own = [
        frame
        for frame, line in zip(frames, _FRAME.finditer(trace), strict=True)
        if ours.search(line[0]) and "tests/fuzz/" not in line[0]
    ]
    file, _, function = (own or frames or [("?", "", "?")])[-1]
    raised = [found[1] for line in trace.splitlines() if (found := _RAISED.match(line))]
    return f"{file}:{function} {raised[-1] if raised else '?'}"
