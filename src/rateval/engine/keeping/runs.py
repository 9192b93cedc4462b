"""The runs of a folder, as their records and locks tell of them; no result is opened."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from rateval.errors import RatevalError
from rateval.json_file import require_regular
from rateval.records.format import READABLE, require_format
from rateval.records.run import FILE_NAME, STEPS_NAME
from rateval.store.going import goes_on, has_locks
from rateval.store.inventory import find_names
from rateval.store.remote.urls import local_path, url_of

State = Literal[
    "running", "finished", "failed", "interrupted", "dead", "running or dead", "unreadable"
]
"""How a run is: ``dead`` says that it is running, and nobody holds its lock; where the file system
has no locks, it may be either."""
GOES_ON_BY: tuple[State, ...] = ("failed", "interrupted", "dead")
"""States of a run that is worth being started again."""
_STATUSES = ("running", "finished", "interrupted", "failed")


@dataclass(frozen=True, slots=True)
class RunFolder:
    """One run, as far as its folder tells of it."""

    path: Path
    state: State
    names: frozenset[str]
    """Whatever in its files has the form of an identity: all that it names, and nothing else that
    a store has a result of."""
    is_whole: bool = True
    """Whether its record could be read to its end, so that ``names`` has everything."""
    why: str = ""
    """Why it is unreadable."""
    study: str = ""
    started: datetime | None = None
    seconds: float | None = None
    """What it took, or as far as it has told."""
    done: int = 0
    """Cells that were predicted and explained."""
    planned: int = 0
    failures: int = 0
    asked: str = ""
    """What was asked of it, in one text: runs of the same study are equal in it."""
    parent: str | None = None
    """Name of the folder of the run that it scores anew."""


def require_here(output: Path) -> None:
    """Raise RatevalError for a folder of runs that was written as a URL."""
    if url := url_of(output):
        here = local_path(url)
        use = "report, compare and gate take a run's URL" if here is None else f"give {here}"
        raise RatevalError(f"{url}: runs are listed and kept in folders of this computer; {use}")


def list_runs(output: Path) -> list[RunFolder]:
    """Return the runs of a folder, the newest first, those that can't be read last.

    Raises RatevalError when there is no such folder, or it can't be looked at.
    """
    require_here(output)
    try:
        folders = sorted(path for path in output.iterdir() if path.name != "store")
    except OSError as error:
        raise RatevalError(
            f"{output}: no folder of runs that can be read ({error.strerror}); name the folder "
            "that runs go to: --output FOLDER"
        ) from None
    if (output / FILE_NAME).is_file():
        raise RatevalError(
            f"{output}: is a run itself; name the folder that holds it: --output {output.parent}"
        )
    runs = [read_run(path) for path in folders if _is_run(path)]
    first = datetime.min.replace(tzinfo=UTC)
    return sorted(runs, key=lambda run: (run.started or first, run.path.name), reverse=True)


def _is_run(path: Path) -> bool:
    with suppress(OSError):  # of somebody whose folders others may not look into
        return path.is_dir() and ((path / FILE_NAME).exists() or goes_on(path))
    return False


def list_named(output: Path) -> frozenset[str]:
    """Return what folders without a record name, such as one that lost it, in their steps."""
    found: set[str] = set()
    with suppress(OSError):
        for path in output.iterdir():
            if path.name != "store" and not (path / FILE_NAME).exists():
                found |= find_names(_read(path / STEPS_NAME))
    return frozenset(found)


def read_run(path: Path) -> RunFolder:
    """Return what a folder tells of its run, that it is unreadable among it."""
    going = goes_on(path)
    try:
        require_regular(path / FILE_NAME)
        content = (path / FILE_NAME).read_bytes()
    except OSError as error:
        if going and isinstance(error, FileNotFoundError):  # it has only begun
            return RunFolder(path, "running", frozenset())
        return _unreadable(path, frozenset(), str(error.strerror or error), going, whole=False)
    names = find_names(content) | find_names(_read(path / STEPS_NAME))
    try:
        told = json.loads(content)
    except (ValueError, RecursionError):
        why = "is empty" if not content else "was cut or changed: it is no JSON"
        return _unreadable(path, names, why, going, whole=False)
    try:
        if not isinstance(told, dict) or told.get("format") not in READABLE:
            require_format(path / FILE_NAME, content)
            raise ValueError("format")
        return _describe(path, told, names, going)
    except RatevalError as error:
        why = str(error).removeprefix(f"{path / FILE_NAME}: ")
    except (ValueError, TypeError, LookupError, AttributeError):
        why = "is no run's record"
    return _unreadable(path, names, why, going)


def _unreadable(
    path: Path, names: frozenset[str], why: str, going: bool, *, whole: bool = True
) -> RunFolder:
    return RunFolder(path, "running" if going else "unreadable", names, whole, why)


def _describe(path: Path, told: Mapping[str, Any], names: frozenset[str], going: bool) -> RunFolder:
    """Return a run of a readable format. Raises ValueError and its like where something is odd."""
    if told["status"] not in _STATUSES:
        raise ValueError("status")
    parent = told.get("parent")
    cells, planned = len(told["cells"]), len(told.get("planned", ()))
    return RunFolder(
        path,
        _find_state(path, told["status"], going),
        names,
        study=str(told["study"]),
        started=datetime.fromisoformat(told["started"]).astimezone(UTC),
        seconds=float(told["seconds"]),
        done=cells,
        planned=max(cells, planned),
        failures=len(told.get("failures", ())),
        asked=_write_asked(told),
        parent=None if parent is None else Path(parent["path"]).name,
    )


def _find_state(path: Path, status: State, going: bool) -> State:
    if going:
        return "running"
    if status != "running":
        return status
    return "dead" if has_locks(path) else "running or dead"


def _write_asked(told: Mapping[str, Any]) -> str:
    """Return what was asked of a run, but for what changes no result of it."""
    parent = told.get("parent") or {}
    overrides = {
        key: value
        for key, value in dict(told.get("overrides", {})).items()
        if key not in ("reuse", "output")
    }
    parts = [told["study"], told.get("protocol"), told["spec_given"], overrides, told.get("only")]
    resolved = None if told["spec_given"] else told["spec_resolved"]
    return json.dumps([*parts, resolved, parent.get("digest"), parent.get("asked")], sort_keys=True)


def _read(path: Path) -> bytes:
    with suppress(OSError):
        require_regular(path)
        return path.read_bytes()
    return b""
