"""Runs started again: which one is meant, and the spec that it kept in its folder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rateval.engine.keeping.runs import GOES_ON_BY, RunFolder
from rateval.errors import RatevalError
from rateval.plan.published import Protocol
from rateval.records.run import FILE_NAME, RunRecord
from rateval.spec.copied import original_folder
from rateval.spec.document import Document
from rateval.spec.overrides import Overrides, override_run
from rateval.spec.toml_text import parse_toml


def find_latest(runs: Sequence[RunFolder]) -> RunFolder | None:
    """Return the newest of these runs that is worth being started again; None where none is.

    ``runs`` are the newest first, as ``list_unfinished`` has it.
    """
    return next((run for run in list_unfinished(runs) if run.asked), None)


def list_unfinished(runs: Sequence[RunFolder]) -> list[RunFolder]:
    """Return those that are worth being started again, in their order.

    ``runs`` are the newest first. One whose study was finished by a later run isn't, nor one that
    a later run goes on from now, or that a later one will.
    """
    seen: set[str] = set()
    found = []
    for run in runs:
        if run.asked not in seen and run.state in GOES_ON_BY:
            found.append(run)
        seen |= {run.asked} - {""}
    return found


@dataclass(frozen=True, slots=True)
class Again:
    """What a run was started with."""

    document: Document
    """Its spec, with what had replaced keys of it; results go beside the run."""
    forced: Protocol | None
    """The protocol that took the place of the spec's, as in ``rateval parity``."""
    only: tuple[str, ...]


def read_again(record: RunRecord, more: Overrides) -> Again:
    """Return what a run was started with; ``more`` replaces further keys of ``[run]``.

    What is stored is reused, also where the run itself was to compute everything. Raises
    RatevalError where the run was made of no spec's file.
    """
    if record.parent is not None or not record.spec_given:
        raise RatevalError(
            f"{record.path}: keeps no spec that it could be started again by: it was made by "
            f"{record.spec_name}; make it again with: {record.command}"
        )
    file = record.path / FILE_NAME
    data = parse_toml(record.spec_given, str(record.path / "spec.toml"))
    folder = original_folder(_read_copy(record), record.path)
    document = Document(record.spec_name, data, record.spec_given, folder=folder)
    kept: Overrides = {
        key: (str(file), value) for key, value in record.overrides.items() if key != "reuse"
    }
    output: Overrides = {"output": (str(file), str(record.path.parent))}
    document = override_run(document, kept | output | more)
    return Again(document, _find_forced(record, data), record.only)


def _read_copy(record: RunRecord) -> str:
    """Return the run's own copy of the spec, whose head says where the spec lay."""
    path = record.path / "spec.toml"
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise RatevalError(
            f"{path}: can't be read, and says where the files beside the spec lie ({error}); put "
            "it back, or run the spec itself"
        ) from None


def _find_forced(record: RunRecord, data: Mapping[str, object]) -> Protocol | None:
    study = data.get("study")
    asked = study.get("protocol", "matched") if isinstance(study, Mapping) else "matched"
    return None if asked == record.protocol else record.protocol


def find_base(record: RunRecord) -> tuple[Path | None, str]:
    """Return the folder to change to, where relative paths of a run start, and what to say of it.

    None is the current one.
    """
    base, here = record.base, Path.cwd()
    if base is None:
        return None, "its record is from before it told where relative paths start: from here now"
    if Path(base) == here:
        return None, ""
    if not Path(base).is_dir():
        return None, f"{base}, where it was started, is gone: relative paths start from here"
    return Path(base), f"relative paths start from {base}, as they did"
