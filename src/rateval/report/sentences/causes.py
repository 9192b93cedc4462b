"""The sentences on causes: whose maps look right while the answers hang on something else."""

from __future__ import annotations

from collections.abc import Iterator

from rateval.records.run import RunRecord
from rateval.report.rows import Block, Row, name_rows
from rateval.wording import plural

LOOKS = "looks-right-is-not"
OBJECT = "right-for-the-object"
"""Components of the metrics that are explained here."""


_BOXES = (
    'where they are boxes around objects, the "object" that is put on other backgrounds takes what '
    "is around it along: an answer that stays with it hangs on what is in the box"
)


def explain_looks(record: RunRecord, block: Block) -> Iterator[str]:
    """Yield which methods of a table look right and are not, in more than the stated share."""
    names = name_rows(block)
    for found in find_looks(record, block):
        named = [f"{names[row.key]} in {100 * share:.1f} %" for row, share in found]
        if named:
            yield f"looks right, is not: {', '.join(named)} of the right answers"


def find_looks(record: RunRecord, block: Block) -> Iterator[list[tuple[Row, float]]]:
    """Yield, for each metric of this, the rows above the stated share, each with its own."""
    options = record.spec_resolved.get("counterfactual")
    if options is None:
        return
    for metric in _labels(record, LOOKS):
        scores = ((row, row.score(metric)) for row in block.rows)
        shares = ((row, None if score is None else score.value.value) for row, score in scores)
        yield [
            (row, share)
            for row, share in shares
            if share is not None and share > options["flag_above"]
        ]


def explain_causal_columns(record: RunRecord) -> Iterator[tuple[str, str]]:
    """Yield what the columns of metrics by edited images mean."""
    headings = {
        score.metric: score.heading
        for result in record.results
        for evidence in result.evidence
        for score in evidence.scores
    }
    units = plural(record.unit())
    for component, text in (
        (
            OBJECT,
            f"of all {units}, those that are correct because of the object: the answer stays with "
            "it on other backgrounds and goes when it is filled in",
        ),
        (
            LOOKS,
            "of the correct predictions, those whose map lies on the object though the answer "
            "stays without it, or goes on another background",
        ),
    ):
        for metric in _labels(record, component):
            yield headings.get(metric, metric), text


def explain_boxes(record: RunRecord) -> Iterator[str]:
    """Yield for which datasets the "object" is what is in a box, as most masks are rectangles."""
    told: dict[str, None] = {}
    for cell in record.cells:
        found = cell.counterfactual
        if found is None or found.rectangles is None:
            continue
        known = found.count - sum(found.undefined.values())
        if 2 * found.rectangles > known:
            share = f"{found.rectangles:,} of {known:,} masks are rectangles"
            told[f"{cell.key.dataset}: {share}; {_BOXES}"] = None
    yield from told


def _labels(record: RunRecord, component: str) -> Iterator[str]:
    for entry in record.spec_resolved.get("metric", ()):
        if entry.get("component") == component:
            yield entry["name"]
