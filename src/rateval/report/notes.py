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
            yield f"{name}: {total} images have no score and count as not valid ({reasons})"
        for split, skipped in (("test", cell.skipped), ("training", cell.skipped_in_training)):
            if skipped:
                first = f"{skipped[0].id}: {skipped[0].reason}"
                yield f"{name}: {len(skipped)} {split} samples skipped, the first {first}"


def explain_columns(record: RunRecord, *, wide: bool) -> Iterator[tuple[str, str]]:
    """Say what the columns mean."""
    headings = {s.heading for cell in record.cells for e in cell.evidence for s in e.scores}
    if "PT" in headings:
        yield "PT", "of the correct predictions, the share on valid evidence, RR/(RR+RW)"
    if "IR" in headings:
        yield "IR", "of the predictions on valid evidence, the correct share, RR/(RR+WR)"
    yield "RR…WW", "images: Right or Wrong prediction, then Right or Wrong evidence"
    if all(cell.trained for cell in record.cells):
        yield "Δ zs", "nothing is shown: this study has no zero-shot row to compare with"
    else:
        yield "Δ zs", "points of change against the zero-shot row of the same test"
    if wide:
        yield "95 %", "Wilson interval over the images alone; another seed may differ by more"
    else:
        yield "95 %", "intervals are shown from 120 columns on"


def suggest_next(record: RunRecord) -> Iterator[tuple[str, str]]:
    """Say where the results lie and what to try next."""
    yield "results", f"{record.path}/run.json; rows and maps: {record.path.parent / 'store'}"
    if record.status != "finished":
        yield "go on", f"rateval run {record.spec_name}  (what is finished is reused)"
    yield "again", f"rateval report {record.path}"
    yield "next", "rateval init (a spec of your own), rateval list --all (its parts)"
