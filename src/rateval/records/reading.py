"""What is asked of a cell's evidence before its stored results are read."""

from __future__ import annotations

from rateval.errors import RatevalError
from rateval.records.scores.cell import CellRecord, StoredEvidenceRecord


def find_evidence(name: str, cell: CellRecord, validator: str | None) -> StoredEvidenceRecord:
    """Return what a validator, by its label, says of a cell; the first one for None.

    ``name`` is the cell's in messages. Raises RatevalError when there are no verdicts of it.
    """
    for found in cell.evidence:
        if validator in (None, found.validator):
            return found
    there = ", ".join(found.validator for found in cell.evidence) or "none"
    raise RatevalError(
        f"{name}: has no verdicts by {validator or 'any validator'}, there are {there}; "
        "name another one, or run the spec again if judging failed"
    )


def find_curves(name: str, evidence: StoredEvidenceRecord) -> str:
    """Return the identity of the counts by threshold. Raises RatevalError when there are none."""
    if evidence.curves is None:
        why = evidence.no_curves or "they failed or were not reached; run the spec again"
        raise RatevalError(f"{name}: has no counts by threshold by {evidence.validator}: {why}")
    return evidence.curves


def explain_none(name: str, table: str, asked: bool) -> RatevalError:
    """Return the error of a cell without what a table of the spec asks for, or would."""
    if asked:
        return RatevalError(f"{name}: its {table} failed or was not reached; run the spec again")
    return RatevalError(f"this study has no {table}; add [{table}] to its spec")
