"""What the compared runs are, in what they differ, and what of them was not compared."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rateval.records.compare import ComparedRunRecord, CompareRecord
from rateval.records.run import RunRecord
from rateval.report.html.markup import Child, Html, tag
from rateval.report.html.repeat import plain_table
from rateval.report.terminal.compared import name_run, tell_status, write_side
from rateval.wording import list_some

ROWS_SHOWN = 300
"""Rows of a table here, and items of a list; ``--json`` has all of them."""


def run_table(record: CompareRecord, runs: Sequence[RunRecord] | None) -> Html:
    """Return what each run is; ``runs`` as they are on disk say more, None where they are gone."""
    heads = ["run", "study", "folder", "status", "started", "seeds", "device"]
    heads += ["machine", "Python"] if runs else []
    rows = []
    for at, run in enumerate(record.runs):
        row = [name_run(record, at), *_describe(run)]
        if runs:
            machine = runs[at].environment
            row += [
                f"{machine.processor}, {machine.cores} cores, {machine.platform}",
                machine.python,
            ]
        rows.append(row)
    return plain_table("the runs; the first is the baseline", heads, rows)


def _describe(run: ComparedRunRecord) -> list[str]:
    return [
        run.study,
        run.path,
        tell_status(run),
        run.started.replace("T", " ").replace("+00:00", " UTC"),
        list_some(map(str, run.seeds)) or "not known",
        run.device,
    ]


def apart(record: CompareRecord) -> Iterator[Html]:
    """Yield in what else the runs differ."""
    if not record.apart:
        yield tag("p", "Specs, versions and devices are the same, as far as both runs record them.")
        return
    several = len(record.runs) > 2
    heads = ["where", "baseline", "candidate", *(["run"] if several else [])]
    rows = [
        [
            found.where,
            write_side(found, found.baseline),
            write_side(found, found.candidate),
            *([name_run(record, found.run)] if several else []),
        ]
        for found in record.apart[:ROWS_SHOWN]
    ]
    yield plain_table("what differs besides the cells that are compared", heads, rows)
    yield from _count_left(len(record.apart))


def not_compared(record: CompareRecord) -> Iterator[Html]:
    """Yield cells without a partner, and what pairs up and could not be compared, with why."""
    if record.alone:
        yield tag("h3", "Cells without a partner")
        yield tag("ul", *_items(record.alone), class_="plain")
        yield from _count_left(len(record.alone))
    if record.left_out:
        yield tag("h3", "Could not be compared")
        yield tag("ul", *_items(record.left_out), class_="care")
        yield from _count_left(len(record.left_out))
    if not record.alone and not record.left_out:
        yield tag("p", "Every cell of each run was compared.")


def _items(texts: Sequence[str]) -> list[Child]:
    return [tag("li", text, class_="note") for text in texts[:ROWS_SHOWN]]


def _count_left(count: int) -> Iterator[Html]:
    if count > ROWS_SHOWN:
        yield tag("p", f"and {count - ROWS_SHOWN} more, with --json", class_="left-out")
