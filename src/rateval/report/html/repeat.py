"""What it takes to do a run again: its spec, versions, data, machine, and what went missing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rateval.json_file import format_json
from rateval.records.run import RunRecord
from rateval.report.failures import retry
from rateval.report.html.markup import Child, Html, tag
from rateval.report.html.tables import scrolling
from rateval.report.sentences.skipped import explain_skipped
from rateval.report.terminal.layout import UNDEFINED
from rateval.wording import list_some

ROWS_SHOWN = 200
"""Rows of a table here; ``run.json`` holds all of them."""

LETTERS_SHOWN = 60_000
"""Letters of a spec that are shown; the run's folder holds all of it."""


def repeat_section(record: RunRecord) -> Iterator[Html]:
    """Yield the parts of the section that says how to do this again."""
    yield tag("p", "The command that does all of this again; what is stored is reused.")
    yield tag("pre", tag("code", record.command), class_="command")
    yield _pairs(list(_facts(record)))
    yield from _failures(record)
    skipped = list(explain_skipped(record))
    if skipped:
        yield tag("h3", "Skipped samples")
        yield tag("ul", *(tag("li", text.strip(" ·")) for text in skipped), class_="plain")
    yield tag("h3", "Data")
    yield _datasets(record)
    if record.spec_given:
        yield _fold("Spec, as it was given", record.spec_given)
    yield _fold("Spec, with every default filled in", format_json(record.spec_resolved))
    yield _versions(record)


def _facts(record: RunRecord) -> Iterator[tuple[str, str]]:
    machine = record.environment
    yield "run", f"{record.study}, {record.status}"
    if record.parent is not None:
        yield "scored anew from", f"{record.parent.path}, begun {record.parent.started}"
        yield "sha256 of its run.json", record.parent.digest
    yield "started", f"{record.started}, {record.seconds:,.0f} s"
    yield "seeds", list_some(map(str, record.seeds)) or "not known"
    yield "protocol", record.protocol
    yield "device", machine.device
    yield "machine", f"{machine.processor}, {machine.cores} cores, {machine.platform}"
    yield "Python", machine.python
    if machine.git is not None:
        dirty = ", with changes that are not committed" if machine.git.dirty else ""
        yield "revision", machine.git.revision + dirty
    if record.limit is not None:
        yield "limit", f"{record.limit} samples of every split, by {record.limit_by or 'share'}"


def _pairs(pairs: Sequence[tuple[str, str]]) -> Html:
    parts: list[Child] = []
    for name, value in pairs:
        parts += [tag("dt", name), tag("dd", value)]
    return tag("dl", *parts, class_="facts")


def _failures(record: RunRecord) -> Iterator[Html]:
    if not record.failures:
        return
    yield tag("h3", "Failed steps")
    rows = [
        (failure.stage, failure.label, failure.error, retry(record, failure.cells))
        for failure in record.failures[:ROWS_SHOWN]
    ]
    yield plain_table("failed steps", ("stage", "what", "why", "try again"), rows)
    left = len(record.failures) - ROWS_SHOWN
    if left > 0:
        yield tag("p", f"and {left} more, under failures in run.json", class_="left-out")


def _datasets(record: RunRecord) -> Html:
    rows = [
        (
            data.name,
            UNDEFINED if data.seed is None else str(data.seed),
            f"{len(data.classes):,}",
            f"{data.train_count:,}",
            f"{data.test_count:,}",
            data.train_identity or UNDEFINED,
            data.test_identity,
        )
        for data in record.datasets[:ROWS_SHOWN]
    ]
    heads = ("data", "seed", "classes", "training", "test", "digest of training", "digest of test")
    return plain_table("data and the digests that tell it from any other", heads, rows)


def _versions(record: RunRecord) -> Html:
    rows = list(record.environment.distributions.items())[:ROWS_SHOWN]
    table = plain_table("versions of every package that was imported", ("package", "version"), rows)
    return tag("details", tag("summary", "Versions"), table)


def plain_table(caption: str, heads: Sequence[str], rows: Sequence[Sequence[str]]) -> Html:
    """Return a table of texts, each row named by its first."""
    made = tag(
        "table",
        tag("caption", caption),
        tag("thead", tag("tr", *(tag("th", head, scope="col") for head in heads))),
        tag(
            "tbody",
            *(
                tag(
                    "tr",
                    tag("th", row[0], scope="row"),
                    *(tag("td", cell) for cell in row[1:]),
                )
                for row in rows
            ),
        ),
        class_="plain",
    )
    return scrolling(made, caption)


def _fold(title: str, text: str) -> Html:
    cut = len(text) - LETTERS_SHOWN
    more = f"\n… and {cut:,} more letters, in the run's folder" if cut > 0 else ""
    return tag(
        "details",
        tag("summary", title),
        tag("pre", tag("code", text[:LETTERS_SHOWN] + more), tabindex=0),
    )
