"""What may be deleted of a folder of runs: results that no run names, and runs that are over."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import get_args

from rateval.engine.keeping.naming import VIEW
from rateval.engine.keeping.runs import RunFolder, list_named, list_runs, require_here
from rateval.errors import RatevalError
from rateval.records.run import FILE_NAME, LOG_NAME, STEPS_NAME
from rateval.records.step import Stage
from rateval.report.sentences.notes import PAGE_NAME
from rateval.store.disk import remove
from rateval.store.going import is_used, list_going, open_locks
from rateval.store.inventory import (
    Result,
    delete_result,
    find_names,
    list_results,
    list_stages,
    size_of,
)
from rateval.store.locks import IN_USE, OF_RUN, Locks
from rateval.store.manifest import MANIFEST
from rateval.wording import list_some

STAGES = (*get_args(Stage), VIEW)
_OWN = (FILE_NAME, "spec.toml", STEPS_NAME, LOG_NAME, PAGE_NAME)
"""Files of a run's folder that are rateval's."""
_PARTS = tuple(f".{name}-" for name in _OWN)


@dataclass(frozen=True, slots=True)
class Old:
    """Which runs that are finished may be deleted: all that fit every part that is asked for."""

    keep_last: int | None = None
    """Beyond this number, counted from the newest."""
    older_than: timedelta | None = None


@dataclass(slots=True)
class Prunable:
    """What may be deleted, with its bytes."""

    runs: list[tuple[RunFolder, int]] = field(default_factory=list)
    results: list[tuple[Result, int]] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    """Sentences on what is kept though it might seem to be asked for."""


def find_prunable(output: Path, old: Old | None) -> Prunable:
    """Return what may be deleted; ``old`` says which runs, none where it is None.

    Raises RatevalError while a run goes on, and where a record can't be read, so that nobody knows
    what it names.
    """
    require_known(output)
    return _find(output, old)


def _find(output: Path, old: Old | None) -> Prunable:
    root, runs, found = output / "store", list_runs(output), Prunable()
    for run in [run for run in runs if not run.is_whole]:
        raise RatevalError(
            f"{run.path / FILE_NAME}: {run.why}, so that nobody knows which results it names; "
            "move its folder elsewhere, or delete it, and prune then"
        )
    gone = set() if old is None else set(_choose(runs, old, found))
    found.runs = [(run, size_of(run.path)) for run in runs if run.path in gone]
    named = set(list_named(output))
    named.update(name for run in runs if run.path not in gone for name in run.names)
    results = list(list_results(root))
    kept = _close(results, named)
    found.results = [
        (result, size_of(result.path))
        for result in results
        if result.stage in STAGES and result.identity not in kept
    ]
    for stage in list_stages(root):
        if stage not in STAGES:
            found.kept.append(f"{root / stage}: is none of rateval's stages, and is left alone")
    return found


def require_known(output: Path) -> None:
    """Raise RatevalError unless it is known which results of a folder's store runs need."""
    require_here(output)
    root = output / "store"
    if not root.is_dir():
        raise RatevalError(
            f"{output}: holds no store of results; name the folder that runs go to: --output FOLDER"
        )
    if root.is_symlink():
        raise RatevalError(
            f"{root}: is a link to {root.resolve()}, where other runs may need what is stored; "
            f"prune there: --output {root.resolve().parent}"
        )
    going = list_going(root)
    if going or is_used(root):
        who = list_some(going) or "a command on one of these runs"
        raise RatevalError(f"{output}: {who} goes on and may need any result; prune when it ended")


def _choose(runs: Sequence[RunFolder], old: Old, found: Prunable) -> Iterator[Path]:
    """Yield the folders of runs that are old, and may be deleted."""
    finished = [run for run in runs if run.state == "finished" and run.started is not None]
    now = datetime.now(UTC)
    asked = {
        run.path
        for at, run in enumerate(finished)
        if old.keep_last is None or at >= old.keep_last
        if old.older_than is None or now - (run.started or now) > old.older_than
    }
    parents = {run.parent for run in runs if run.path not in asked}
    for run in finished:
        if run.path not in asked:
            continue
        own = _list_foreign(run.path)
        if run.path.is_symlink():
            found.kept.append(f"{run.path}: is kept: it is a link")
        elif own:
            found.kept.append(f"{run.path}: is kept: holds {list_some(own)}; move that elsewhere")
        elif run.path.name in parents:
            found.kept.append(f"{run.path}: is kept: a run that is kept scores it anew")
        else:
            yield run.path


def _list_foreign(folder: Path) -> list[str]:
    """Return what a run's folder holds beside the run's own files."""
    try:
        names = sorted(path.name for path in folder.iterdir())
    except OSError:
        return ["what can't be looked at"]
    return [name for name in names if name not in _OWN and not name.startswith(_PARTS)]


def _close(results: Iterable[Result], named: set[str]) -> set[str]:
    """Return the identities that are named, and what those results say they were made of.

    A model's view is kept as long as the classifier is that it is of.
    """
    by_identity: dict[str, list[Result]] = {}
    for result in results:
        by_identity.setdefault(result.identity, []).append(result)
    kept, waiting = set(named), [name for name in named if name in by_identity]
    while waiting:
        for result in by_identity[waiting.pop()]:
            new = _read_names(result.path) - kept
            kept |= new
            waiting += [name for name in new if name in by_identity]
    views = [one for several in by_identity.values() for one in several if one.stage == VIEW]
    return kept | {view.identity for view in views if _read_names(view.path) & kept}


def _read_names(path: Path) -> frozenset[str]:
    """Return the identities in a manifest but its own; none where it can't be read."""
    with suppress(OSError):
        return find_names((path / MANIFEST).read_bytes()) - {path.name}
    return frozenset()


@dataclass(slots=True)
class Pruned:
    """What was deleted, and what was not."""

    runs: int = 0
    results: int = 0
    size: int = 0
    left: list[str] = field(default_factory=list)
    """Sentences on what is still there, with why."""


def prune(output: Path, old: Old | None) -> tuple[Prunable, Pruned]:
    """Delete what ``find_prunable`` finds, while no run can begin.

    Raises RatevalError as it does, and where the store can't be written to or has no locks.
    """
    root, done = output / "store", Pruned()
    require_known(output)
    locks = open_locks(root)
    with locks.try_hold(IN_USE) as alone:
        if not alone:
            raise RatevalError(
                f"{root}: can't be had alone: a run has just begun, nobody may write there, or its "
                "file system has no locks; prune when no run goes on, where it may be written to"
            )
        found = _find(output, old)
        for run, size in found.runs:
            with locks.try_hold(f"{run.path.name}{OF_RUN}"):
                remove(run.path)
            if run.path.exists():
                done.left.append(f"{run.path}: can't be deleted; look at who may write there")
            else:
                done.runs += 1
                done.size += size
        for result, size in found.results:
            _delete(result, size, locks, done)
    return found, done


def _delete(result: Result, size: int, locks: Locks, done: Pruned) -> None:
    try:
        if not delete_result(result, locks):
            done.left.append(f"{result.path}: is read or made just now, and is left alone")
            return
    except OSError as error:
        done.left.append(f"{result.path}: can't be deleted: {error.strerror}")
        return
    done.results += 1
    done.size += size
