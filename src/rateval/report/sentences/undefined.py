"""The sentences on values that are missing, and on images without a score or a mask."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from rateval.records.run import RunRecord
from rateval.records.scores.cell import CellRecord, EvidenceRecord
from rateval.records.scores.grouping import group_by
from rateval.report.rows import Block, merge_notes
from rateval.store.rows import NO_MASK
from rateval.wording import list_some, plural, write_count

_EMPTY = {
    "PT": "no prediction{} is correct",
    "IR": "no prediction{} rests on valid evidence",
}
"""Heading of a metric to why its denominator can be empty."""


def explain_undefined(block: Block, *, several: bool) -> list[str]:
    """Return why values are missing, and which images have no score or no mask.

    With ``several`` seeds, images without a score are counted over all of them, and for the rest
    the seed is named as well. What is so because of the data alone is said by ``explain_data``.
    """
    notes = [
        (cell.key.row, cell.key.seed, text)
        for cell, evidence in block.cells
        for text in _explain_missing(cell, evidence)
    ]
    unscored: dict[str, Counter[str]] = {}
    for cell, evidence in block.cells:
        if not _lacks_masks(cell, evidence) and not _leaves_out_all(evidence):
            unscored.setdefault(cell.key.row, Counter()).update(evidence.undefined)
    told: dict[str, list[str]] = {}
    for name, reasons in unscored.items():
        for text in _count_unscored(reasons, block.unit, several=several):
            told.setdefault(text, []).append(name)
    return [
        *merge_notes(notes, several),
        *(f"{_name_rows(names, len(unscored))}{text}" for text, names in told.items()),
        *_explain_unknown(block, several=several),
    ]


def explain_data(record: RunRecord) -> Iterator[str]:
    """Yield what each dataset lacks, once, whatever the rows of its tables are."""
    for cells in group_by(record.cells, lambda cell: cell.key.dataset):
        found = [(cell, evidence) for cell in cells for evidence in cell.evidence]
        unit = record.unit(cells[0].key.dataset)
        lacking = (one for cell, one in found if _lacks_masks(cell, one))
        alone = dict.fromkeys(_explain_alone(one, unit) for one in lacking)
        yield from (f"{cells[0].key.dataset}: {text}" for text in alone)


def _name_rows(names: Sequence[str], of: int) -> str:
    """Return the rows that a note is about, to precede it.

    >>> _name_rows(["clip · zs"], 1), _name_rows(["a", "b"], 2), _name_rows(["a", "b"], 3)
    ('clip · zs: ', 'each row: ', 'a, b: ')
    """
    return "each row: " if 1 < len(names) == of else f"{list_some(names)}: "


def _explain_missing(cell: CellRecord, evidence: EvidenceRecord) -> Iterator[str]:
    for score in evidence.scores:
        if score.value.value is None and not _lacks_masks(cell, evidence):
            of = " with a mask" if _count_unknown(evidence) else ""
            why = _EMPTY.get(score.heading, "there is nothing to divide by").format(of)
            yield f"{score.heading} is undefined: {why} (0 of 0)"


def _lacks_masks(cell: CellRecord, evidence: EvidenceRecord) -> bool:
    return 0 < cell.count == evidence.undefined.get(NO_MASK)


def _explain_alone(evidence: EvidenceRecord, unit: str) -> str:
    undefined = [score.heading for score in evidence.scores if score.value.value is None]
    so = f", and {' and '.join(undefined)} can't be computed" if undefined else ""
    return f"accuracy alone: none of these {plural(unit)} has an evidence mask{so}"


def _count_unscored(reasons: Counter[str], unit: str, *, several: bool) -> Iterator[str]:
    over = " over all seeds" if several else ""
    rest = Counter({why: count for why, count in reasons.items() if why != NO_MASK})
    if rest:
        listed = ", ".join(f"{why}: {count}" for why, count in rest.items())
        units = write_count(rest.total(), unit)
        lack = "has no score and counts" if rest.total() == 1 else "have no score and count"
        yield f"{units}{over} {lack} as not valid ({listed})"


def _explain_unknown(block: Block, *, several: bool) -> Iterator[str]:
    """Yield how many images have no mask, once for rows that are alike, and each row's bounds."""
    bounded = [
        (row, row.evidence, text)
        for row in block.rows
        if row.evidence is not None and (text := _tell_bounds(row.evidence))
    ]
    mean = ", mean over the seeds," if several else ""
    for rows in group_by(bounded, lambda found: _tell_counts(found[1], block.unit)):
        evidence = rows[0][1]
        left_out = " and ".join(s.heading for s in evidence.scores if s.bounds is not None)
        yield (
            f"{_tell_counts(evidence, block.unit)}{mean} {_tell_lack(evidence)} and are left out "
            f"of {left_out}; with them, whatever they rest on, the values would lie in:"
        )
        yield from (f"  · {row.key.row}: {text}" for row, _, text in rows)


def _leaves_out_all(evidence: EvidenceRecord) -> bool:
    """Return whether all images without a score are left out, rather than not valid."""
    return _count_unknown(evidence) >= sum(evidence.undefined.values())


def _tell_lack(evidence: EvidenceRecord) -> str:
    """Return what the images that are left out lack: a mask, or more where edits were judged."""
    others = [why for why in evidence.undefined if why != NO_MASK]
    if not others or not _leaves_out_all(evidence):
        return "have no mask"
    return f"have no answer to edits ({', '.join(evidence.undefined)})"


def _tell_bounds(evidence: EvidenceRecord) -> str:
    """Return the bounds of each score that leaves images out; nothing where all are left out."""
    if not any(evidence.quadrants.get(state) for state in ("RR", "RW", "WR", "WW")):
        return ""
    return ", ".join(
        f"{score.heading} {_write_span(score.bounds.least, score.bounds.greatest)}"
        for score in evidence.scores
        if score.bounds is not None
        and score.bounds.least is not None
        and score.bounds.greatest is not None
    )


def _write_span(least: float, greatest: float) -> str:
    """Return bounds in percent, as what stays where they are the same.

    >>> _write_span(0.25, 0.5), _write_span(0.25, 0.25)
    ('25.0 to 50.0', 'stays 25.0')
    """
    low, high = f"{100 * least:.1f}", f"{100 * greatest:.1f}"
    return f"stays {low}" if low == high else f"{low} to {high}"


def _tell_counts(evidence: EvidenceRecord, unit: str) -> str:
    total = sum(evidence.quadrants.values())
    return f"{_count_unknown(evidence):,.0f} of {write_count(total, unit)}"


def _count_unknown(evidence: EvidenceRecord) -> float:
    return evidence.quadrants.get("RU", 0) + evidence.quadrants.get("WU", 0)
