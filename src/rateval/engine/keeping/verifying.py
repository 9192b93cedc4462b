"""Runs verified: their records read, and every byte of the results that they name."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rateval.api.training import Monitor
from rateval.engine.keeping.naming import Named, name_results
from rateval.errors import RatevalError
from rateval.records.run import FILE_NAME, RunRecord, load
from rateval.store.going import open_locks
from rateval.store.identity import identify_result
from rateval.store.manifest import DamageError, check_files, read_manifest
from rateval.wording import list_some


@dataclass(frozen=True, slots=True)
class Flaw:
    """Something that is not as it was stored."""

    path: Path
    what: str
    advice: str
    runs: tuple[str, ...]
    """Names of the runs that it belongs to."""


@dataclass(slots=True)
class Verified:
    """What was looked at, and what is wrong with it."""

    runs: int = 0
    results: int = 0
    """Those whose manifest is as it was written."""
    files: int = 0
    size: int = 0
    """Bytes of these files."""
    flaws: list[Flaw] = field(default_factory=list)


def verify(runs: Sequence[Path], monitor: Monitor) -> Verified:
    """Look at some runs, and at each result once that any of them names.

    A file is read a piece at a time, under the lock that keeps it from being replaced.
    """
    verified = Verified(runs=len(runs))
    wanted: dict[tuple[Path, Named], list[Path]] = {}
    needed: set[tuple[Path, Named]] = set()
    for run in runs:
        record = _read(run, verified)
        for named, must in {} if record is None else name_results(record).items():
            place = run.parent / "store", named
            wanted.setdefault(place, []).append(run)
            if must:
                needed.add(place)
    monitor.begin(len(wanted))
    for place, by in wanted.items():
        root, (stage, identity) = place
        path = root / stage / identity
        if path.is_dir():
            with open_locks(root).hold(f"{identity}.read", shared=True):
                _look(path, (stage, identity), by, verified)
        elif place in needed:
            verified.flaws.append(_flaw(path, "is gone", by, there=False))
        monitor.advance(1)
    return verified


def _read(run: Path, verified: Verified) -> RunRecord | None:
    """Return the record of a run; None, and its flaw, where it is none."""
    try:
        return load(run)
    except RatevalError as error:
        spec = run / "spec.toml"
        again = shlex.join(["rateval", "run", str(spec), "--output", str(run.parent)])
        what, _, told = str(error).removeprefix(f"{run / FILE_NAME}: ").partition("; ")
        advice = told if told and "--output" not in told else ""
        if spec.is_file() and not advice.startswith("install"):
            advice = f"run its spec again (what is stored is reused): {again}"
        advice = advice or "put it back from a copy"
        verified.flaws.append(Flaw(run / FILE_NAME, what, advice, (run.name,)))
        return None


def _look(path: Path, named: Named, by: Sequence[Path], verified: Verified) -> None:
    try:
        manifest = read_manifest(path)
        _require_own(path, named, manifest)
    except DamageError as error:
        verified.flaws.append(_flaw_of(error, path, by))
        return
    verified.results += 1
    for name, noted in manifest["files"].items():
        try:
            check_files(path, manifest, digests=True, names=(name,))
        except DamageError as error:
            verified.flaws.append(_flaw_of(error, path, by))
        else:
            verified.files += 1
            verified.size += noted["size"]


def _require_own(path: Path, named: Named, manifest: Mapping[str, Any]) -> None:
    """Raise DamageError for a whole result that is another one than its folder's name says."""
    if named != (manifest["stage"], identify_result(manifest["stage"], manifest["inputs"])):
        raise DamageError(f"{path}: holds another result")


def _flaw_of(error: DamageError, result: Path, by: Sequence[Path]) -> Flaw:
    path, _, what = str(error).partition(": ")
    flaw = _flaw(result, what, by, there=True)
    return Flaw(Path(path), what, flaw.advice, flaw.runs)


def _flaw(result: Path, what: str, by: Sequence[Path], *, there: bool) -> Flaw:
    again = shlex.join(["rateval", "runs", "resume", str(by[0]), "--again"])
    advice = f"delete {shlex.quote(str(result))}, then make it anew" if there else "make it anew"
    return Flaw(result, what, f"{advice}: {again}", tuple(run.name for run in by))


def tell_flaws(flaws: Sequence[Flaw]) -> Iterator[str]:
    """Yield a flaw's lines: what is wrong, whose it is, and what to do."""
    for flaw in flaws:
        yield f"{flaw.path}: {flaw.what}"
        yield f"  of {list_some(flaw.runs)}"
        yield f"  {flaw.advice}"
