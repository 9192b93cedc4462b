"""Steps that a job left behind: how they ended, with what the job's log says."""

from __future__ import annotations

from pathlib import Path

from rateval.api import StepEnd

_TAIL = 40
"""Lines of a log that go with an error."""
_QUOTED = 3
"""Lines of a log that are part of an error's sentence."""
_BYTES = 16_384


def end_of_lost(
    identity: str, job: str, state: str, logs: tuple[Path, ...], *, begun: bool
) -> StepEnd:
    """Return the end of a step whose job is over without it.

    ``logs`` are the job's, the errors first; the last lines of the first that holds any go with it.
    """
    path, lines = logs[0], list[str]()
    for log in logs:
        if found := tail(log):
            path, lines = log, found
            break
    said = " / ".join(lines[-_QUOTED:])[-400:]
    error = (
        f"job {job} is over ({state}) and "
        + ("left this step unfinished" if begun else "never began this step")
        + f"; its log is {path}"
        + (f", and ends: {said}" if said else ", and is empty")
        + "; mend what it says (executor.memory, executor.time, executor.setup), then run the "
        "study again for what is missing"
    )
    return StepEnd(identity, 0.0, error=error, traceback="\n".join((error, *lines)))


def tail(path: Path) -> list[str]:
    """Return the last lines of a log that hold anything; none where it can't be read."""
    try:
        with path.open("rb") as file:
            file.seek(0, 2)
            file.seek(max(0, file.tell() - _BYTES))
            text = file.read().decode("utf-8", "replace")
    except OSError:
        return []
    lines = ("".join(c if c.isprintable() else " " for c in line) for line in text.splitlines())
    return [line.rstrip() for line in lines if line.strip()][-_TAIL:]
