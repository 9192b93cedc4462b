"""The sentences below a report's tables."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rateval.run_record import CellRecord, EvidenceRecord, RunRecord

_EMPTY = {
    "PT": "no prediction is correct",
    "IR": "no prediction rests on valid evidence",
}
"""Heading of a metric to why its denominator can be empty."""


def explain_undefined(rows: Sequence[tuple[CellRecord, EvidenceRecord]]) -> Iterator[str]:
    """Say why values are missing, which images have no score, and which were skipped."""
    for cell, evidence in rows:
        name = f"{cell.model} · {cell.finetuner}" + (f", {cell.shift}" if cell.shift else "")
        for score in evidence.scores:
            if score.value is None:
                why = _EMPTY.get(score.heading, "there is nothing to divide by")
                yield f"{name}: {score.heading} is undefined: {why} (0 of 0)"
        if evidence.undefined:
            reasons = ", ".join(f"{why}: {count}" for why, count in evidence.undefined.items())
            total = sum(evidence.undefined.values())
            yield f"{name}: {total} images have no evidence score and count as not valid ({reasons})"
        if cell.skipped:
            first = cell.skipped[0]
            yield f"{name}: {len(cell.skipped)} samples skipped; first {first.id}: {first.reason}"


def explain_counts(record: RunRecord, *, wide: bool) -> Iterator[str]:
    """Say what the columns mean."""
    headings = {s.heading for cell in record.cells for e in cell.evidence for s in e.scores}
    if "PT" in headings:
        yield "PT  of the correct predictions, the share on valid evidence: RR/(RR+RW)"
    if "IR" in headings:
        yield "IR  of the predictions on valid evidence, the share that is correct: RR/(RR+WR)"
    yield "RR, RW, WR, WW  images: Right or Wrong prediction, then Right or Wrong evidence"
    changes = "changes are points against zero-shot (zs); "
    if not any(not cell.trained for cell in record.cells):
        changes = "no change is shown: the study has no zero-shot row; "
    if wide:
        yield f"{changes}intervals are 95 % Wilson intervals over the images alone"
    else:
        yield f"{changes}intervals are shown from 120 columns on"


def suggest_next(record: RunRecord) -> Iterator[tuple[str, str]]:
    """Say where the results lie and what to try next."""
    yield "results", f"{record.path} (rows and maps in {record.path.parent / 'store'})"
    yield "next", f"rateval report {record.path}    this report again, without any model"
    if record.status != "finished":
        yield "", f"rateval run {record.spec_name}    go on; finished stages are reused"
    yield "", "rateval list --all    what else a study can use"
    yield "", "rateval init    a commented spec of your own"
