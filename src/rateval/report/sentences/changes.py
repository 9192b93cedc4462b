"""The sentences on how each method's scores differ from those of zero-shot."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from rateval.records.key import Key, Labels
from rateval.records.run import RunRecord
from rateval.records.scores.cell import ScoreRecord
from rateval.records.scores.comparisons import FindingRecord
from rateval.records.scores.estimate import Estimate
from rateval.report.rows import Block, Row, name_rows

SENTENCES_SHOWN = 12
"""Rows of a table that have a sentence; the others' numbers stand in the table."""


def write_interval(change: Estimate) -> str:
    """Return the interval of a change in points, to follow it; nothing where there is none.

    >>> write_interval(Estimate(value=0.1, low=-0.05, high=0.25, over="images", count=9))
    ' (−5.0 to +25.0)'
    """
    if change.low is None or change.high is None:
        return ""
    low, high = (round(100 * end, 1) for end in (change.low, change.high))
    sign = "+" if low < 0 < high else ""
    return f" ({low:.1f} to {high:{sign}.1f})".replace("-", "−")


def write_change(change: Estimate) -> str:
    """Return a change in words that its interval bears.

    >>> write_change(Estimate(value=-0.045, low=-0.098, high=0.007, over="images", count=9))
    'no difference shown (−9.8 to +0.7)'
    >>> write_change(Estimate(value=-0.045, low=-0.08, high=-0.01, over="images", count=9))
    '−4.5 (−8.0 to −1.0)'
    """
    if change.low is not None and not change.excludes_0:
        return f"no difference shown{write_interval(change)}"
    points = f"{100 * (change.value or 0):+.1f}".replace("-", "−")
    return points + (write_interval(change) or ", without an interval")


Findings = Mapping[tuple[Key, str], Sequence[FindingRecord]]
"""Row and label of a validator to what is found of it against zero-shot."""


def find_against_zero_shot(record: RunRecord) -> Findings:
    """Return what is found of each row against the first zero-shot one that it is beside."""
    untrained = {cell.key.seedless for cell in record.cells if not cell.trained}
    found: dict[tuple[Key, str], Sequence[FindingRecord]] = {}
    for one in record.comparisons:
        if one.against.seedless in untrained:
            found.setdefault((one.method, one.validator), one.findings)
    return found


def explain_block(block: Block, findings: Findings, said: set[tuple[Labels, str]]) -> Iterator[str]:
    """Yield a sentence for each row of a table, on its changes.

    What is ``said`` of a row already, as below the table of another validator or explainer, is left
    out; what is told here is added to it.
    """
    metrics, names = block.metrics, name_rows(block)
    told = [(row, text) for row in block.rows if (text := _tell(block, row, said))]
    for row, text in told[:SENTENCES_SHOWN]:
        # Of what has risen it goes without saying that it doesn't fall.
        rest = [
            f
            for f in findings.get((row.key, block.validator), ())
            if f.margin is None or not _rises(row, f)
        ]
        shown = _tell_findings(rest, metrics)
        yield f"{names[row.key]}: " + "; ".join(filter(None, [text, shown]))
    if len(told) > SENTENCES_SHOWN:
        yield f"and {len(told) - SENTENCES_SHOWN} more rows, as in the table"


def explain_association(block: Block) -> Iterator[str]:
    """Yield one line on whether valid evidence goes with right predictions, row by row."""
    names = name_rows(block)
    found = [
        (names[row.key], row.evidence.association.difference)
        for row in block.rows
        if row.evidence is not None and row.evidence.association is not None
    ]
    found = [(name, difference) for name, difference in found if difference.value is not None]
    shown, hidden = found[:SENTENCES_SHOWN], len(found) - SENTENCES_SHOWN
    told = [f"{name} {write_change(difference)}" for name, difference in shown]
    told += [f"and {hidden} more rows"] if hidden > 0 else []
    if told:
        yield "right minus wrong: " + "; ".join(told)


def _tell(block: Block, row: Row, said: set[tuple[Labels, str]]) -> str:
    changes = [
        _tell_change(block, heading, score)
        for metric, heading in block.metrics.items()
        if metric not in block.told_of_causes
        and (score := row.score(metric)) is not None
        and score.change is not None
    ]
    key = row.key.without("attribution")
    new = [text for text in changes if (key, text) not in said]
    said |= {(key, text) for text in new}
    return "; ".join(new)


def _tell_change(block: Block, heading: str, score: ScoreRecord) -> str:
    change = "" if score.change is None else write_change(score.change)
    if block.attribution is None and heading == "PT" and score.value.value is not None:
        share = f"{100 * score.value.value:.1f} %"
        return f"decides by the object in {share} of its right answers, {change}"
    return f"{heading} {change}"


def _rises(row: Row, finding: FindingRecord) -> bool:
    scores = (row.score(metric) for metric in finding.metrics)
    return all(score and score.change and score.change.above_0 for score in scores)


def _tell_findings(findings: Sequence[FindingRecord], metrics: Mapping[str, str]) -> str:
    """Return claims in words: of several metrics at once, and then by claim."""
    told: list[str] = [found.claim for found in findings if found.margin is None]
    changeless = {found.metrics for found in findings if found.claim == "no change"}
    for claim in ("no change", "no fall"):
        named = [
            " and ".join(metrics.get(metric, metric) for metric in found.metrics)
            for found in findings
            if found.claim == claim and not (claim == "no fall" and found.metrics in changeless)
        ]
        margins = [found.margin for found in findings if found.margin is not None]
        if named:
            told.append(f"{claim} of {100 * margins[0]:g} points or more in {', '.join(named)}")
    return "; ".join(told)
