"""Scores of both runs side by side: tables, what they show in short, and what needs care."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rateval.records.compare import CompareRecord, MetricPairRecord, PairRecord
from rateval.report.html.figures import show_difference, show_value
from rateval.report.html.markup import Child, Html, join, tag
from rateval.report.html.scores import Note
from rateval.report.html.tables import scrolling
from rateval.report.sentences.changes import write_change
from rateval.report.terminal.compared import (
    as_estimate,
    explain_care,
    group_pairs,
    judged_by,
    name_in_full,
    name_pair,
    tell_findings,
    tell_moved,
    tell_status,
    tell_unshown,
    write_p,
    write_units,
)
from rateval.wording import list_some

ROWS_SHOWN = 400
"""Rows of all tables together; ``--json`` has all of them."""
TOLD = 12
"""Pairs that are told in short."""


def in_short(record: CompareRecord) -> Html:
    """Return what each pair shows, in words that the intervals bear."""
    moving = [pair for pair in record.pairs if pair.moved]
    still = [name_in_full(record, pair) for pair in record.pairs if not pair.moved]
    items = [
        tag(
            "li",
            tag("a", name_pair(record, pair), href=f"#{anchor(record, pair)}", class_="where"),
            tag("span", name_test(pair), class_="by"),
            tag("ul", *(tag("li", text) for text in _tell(pair))),
        )
        for pair in moving[:TOLD]
    ]
    left = len(moving) - TOLD
    more = tag("p", f"{left} more pairs stand in the tables", class_="left-out")
    how = (
        "Each cell of a candidate minus the baseline's, on the same units, in percentage points "
        f"with the {100 * record.level:g} % interval. No difference shown is not to say that there "
        "is none."
    )
    return join(
        [
            tag("p", how, class_="how"),
            tag("ul", *items, class_="verdicts") if items else None,
            more if left > 0 else None,
            tag("p", f"No unit changed its quadrant: {list_some(still)}.") if still else None,
        ]
    )


def _tell(pair: PairRecord) -> Iterator[str]:
    for metric in pair.metrics:
        if metric.difference is None:
            yield f"{metric.heading}: undefined in one of the runs"
        else:
            yield f"{metric.heading}: {write_change(as_estimate(metric))}"
    yield from tell_findings(pair)
    mean = ", mean over the seeds" if len(pair.seeds) > 1 else ""
    yield f"{tell_moved(pair)} their quadrant{mean}"


def score_sections(record: CompareRecord) -> Iterator[Html]:
    """Yield a table for each dataset, explainer and validator, a row for each pair."""
    room = ROWS_SHOWN
    for at, pairs in enumerate(group_pairs(record)):
        shown, room = pairs[: max(room, 0)], room - len(pairs)
        left = len(pairs) - len(shown)
        by = judged_by(pairs[0])
        yield tag(
            "section",
            tag("h3", pairs[0].candidate.dataset, " ", tag("span", by, class_="by")),
            _table(record, shown) if shown else None,
            tag("p", f"{left} more rows, with --json", class_="left-out") if left else None,
            _in_words(record, shown),
            id=f"table-{at}",
            class_="block",
        )


def anchor(record: CompareRecord, pair: PairRecord) -> str:
    """Return the id of the table that a pair stands in."""
    return next(f"table-{at}" for at, found in enumerate(group_pairs(record)) if pair in found)


def find_notes(record: CompareRecord) -> Iterator[Note]:
    """Yield what has to be read with care, and where its numbers stand."""
    for at, run in enumerate(record.runs):
        if run.status != "finished":
            text = f"run {at}, {run.path}: {tell_status(run)}"
            yield Note(text, "runs", "the runs", grave=True)
    for pair in record.pairs:
        for text in explain_care(pair):
            name = name_in_full(record, pair)
            yield Note(f"{name}: {text}", anchor(record, pair), f"table: {name_test(pair)}")
    if record.left_out:
        count = len(record.left_out)
        text = f"{count} comparison{'s' if count > 1 else ''} of what pairs up could not be made"
        yield Note(text, "unmatched", "not compared", grave=True)


def name_test(pair: PairRecord) -> str:
    """Return what a pair is tested on, looked at and judged by."""
    return f"{pair.candidate.dataset} · {judged_by(pair)}"


def _table(record: CompareRecord, pairs: Sequence[PairRecord]) -> Html:
    headings = {metric.metric: metric.heading for pair in pairs for metric in pair.metrics}
    upper: list[Child] = [tag("th", "method", scope="col", rowspan=2, class_="label")]
    lower: list[Child] = []
    for heading in headings.values():
        upper.append(tag("th", heading, scope="colgroup", colspan=3, class_="group"))
        lower += [
            tag("th", head, scope="col", class_="number")
            for head in ("baseline %", "candidate %", "Δ")
        ]
    upper.append(tag("th", "units", scope="colgroup", colspan=2, class_="group"))
    lower += [tag("th", head, scope="col", class_="number") for head in ("of both", "changed")]
    body = [
        tag(
            "tr",
            tag("th", name_pair(record, pair), scope="row", class_="label"),
            *(cell for metric in headings for cell in _cells(pair.metric(metric))),
            tag("td", write_units(pair.count), class_="number value"),
            tag("td", write_units(pair.moved), class_="number"),
        )
        for pair in pairs
    ]
    about = (
        f"{name_test(pairs[0])}: baseline, candidate, and their difference on the same units, with "
        f"{100 * record.level:g} % intervals"
    )
    made = tag(
        "table",
        tag("caption", about),
        tag("thead", tag("tr", *upper), tag("tr", *lower)),
        tag("tbody", *body),
        class_="scores",
    )
    return scrolling(made, about)


def _cells(metric: MetricPairRecord | None) -> Iterator[Html]:
    if metric is None:
        yield tag("td", "left out", class_="number lack")
        yield tag("td", "", class_="number")
        yield tag("td", "", class_="number")
        return
    yield tag("td", show_value(metric.baseline), class_="number value")
    yield tag("td", show_value(metric.candidate), class_="number candidate")
    found = metric.difference
    if found is None:
        yield tag("td", "undefined", class_="number lack change")
        return
    p, corrected = write_p(found), write_p(found, corrected=True)
    told = f"p {p}" + (f", Holm {corrected}" if corrected and corrected != p else "")
    shown = show_difference(as_estimate(metric))
    yield tag("td", shown, tag("small", told) if p else None, class_="number change")


def _in_words(record: CompareRecord, pairs: Sequence[PairRecord]) -> Html | None:
    told = {
        name_pair(record, pair): list(filter(None, (tell_unshown(pair), *tell_findings(pair))))
        for pair in pairs
    }
    items = [tag("li", f"{name}: {'; '.join(texts)}") for name, texts in told.items() if texts]
    if not items:
        return None
    return tag("details", tag("summary", "In words"), tag("ul", *items, class_="words"))


def describe_runs(record: CompareRecord) -> str:
    """Return the line below the page's heading."""
    count = len(record.runs) - 1
    studies = list_some(dict.fromkeys(run.study for run in record.runs))
    cluster = "" if record.cluster == "none" else f" · clusters: {record.cluster}"
    return (
        f"{count} candidate{'s' if count > 1 else ''} beside a baseline · {studies} · "
        f"{100 * record.level:g} % intervals{cluster}"
    )
