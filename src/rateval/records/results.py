"""What is stored of a run beside its record, found and read."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from rateval.errors import RatevalError
from rateval.records.scores.cell import CellRecord, StoredEvidenceRecord
from rateval.stats.wilson import wilson_interval
from rateval.store.manifest import read_manifest, require_whole
from rateval.store.remote.fetching import bring

if TYPE_CHECKING:
    import pyarrow as pa


def find_result(run: Path, stage: str, identity: str, *names: str) -> Path:
    """Return the folder of a result of a run whose files, or those of ``names``, are as stored.

    Raises RatevalError when it is gone, or is not as it was stored.
    """
    path = run.parent / "store" / stage / identity
    bring(path, names or None)
    if not path.is_dir():
        raise RatevalError(f"{path}: the stored result is gone; run the spec again")
    require_whole(path, names or None)
    return path


def pick_evidence(cell: CellRecord, validator: str | None, label: str) -> StoredEvidenceRecord:
    """Return what a validator says of a cell, the first one when None.

    Raises RatevalError, which calls the cell ``label``, when there are no verdicts of it.
    """
    found = next((e for e in cell.evidence if validator in (None, e.validator)), None)
    if found is None:
        there = ", ".join(e.validator for e in cell.evidence) or "none"
        raise RatevalError(
            f"{label}: has no verdicts by {validator or 'any validator'}, there are {there}; name "
            "another one, or run the spec again if judging failed"
        )
    return found


def read_thresholds(run: Path, evidence: StoredEvidenceRecord, label: str) -> pa.Table:
    """Read the counts by threshold. Raises RatevalError, with the reason, when there are none."""
    from rateval.store.tables.curves import CURVES, read_curves

    if evidence.curves is None:
        why = evidence.no_curves or "they failed or were not reached; run the spec again"
        raise RatevalError(f"{label}: has no counts by threshold by {evidence.validator}: {why}")
    return read_curves(find_result(run, "thresholds", evidence.curves, CURVES))


def explain_none(label: str, table: str, asked: bool) -> RatevalError:
    """Return the error of a cell without what a table of the spec asks for, or would."""
    if asked:
        return RatevalError(f"{label}: its {table} failed or was not reached; run the spec again")
    return RatevalError(f"this study has no {table}; add [{table}] to its spec")


def read_scores(
    run: Path,
    evidence: StoredEvidenceRecord,
    metric: str | None,
    by: Literal["class", "group"],
    level: float,
) -> pa.Table:
    """Read one score by class or by group, with Wilson's interval at ``level`` for each row.

    Raises RatevalError when there is no such score, or no such table of it.
    """
    import pyarrow as pa

    from rateval.store.tables.slices import CLASSES, GROUPS, read_slices

    file, judge = CLASSES if by == "class" else GROUPS, evidence.validator
    score = next((s for s in evidence.scores if metric in (None, s.metric)), None)
    if score is None:
        there = ", ".join(score.metric for score in evidence.scores) or "none"
        raise RatevalError(
            f"there is no score by {metric or 'any metric'} on the verdicts by {judge}, there are "
            f"{there}; name another one, or run the spec again if it failed"
        )
    identity = evidence.tables.get(score.metric)
    folder = None if identity is None else find_result(run, "score", identity, file)
    if folder is None or file not in read_manifest(folder)["files"]:
        raise RatevalError(
            f"{run}: holds no {file} of {score.metric} by {judge}, as an older version of rateval "
            "wrote it; run the spec again: only its scores are computed anew"
        )
    table = read_slices(folder / file)
    above, below = (table.column(name).to_pylist() for name in ("numerator", "denominator"))
    ends = [
        wilson_interval(k, n, level) if n else (None, None)
        for k, n in zip(above, below, strict=True)
    ]
    for at, name in enumerate(("low", "high")):
        table = table.append_column(name, pa.array([end[at] for end in ends], pa.float64()))
    return table
