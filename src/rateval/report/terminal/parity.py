"""One study under both protocols, side by side."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import product

from rich.console import Group, RenderableType

from rateval.console import Text
from rateval.records.key import Key, Labels
from rateval.records.run import RunRecord
from rateval.records.scores.estimate import Estimate
from rateval.report.lacks import planned_keys, row_keys
from rateval.report.rows import Row, headings, is_by_edits, lay_out
from rateval.report.sentences.limits import explain_limit
from rateval.report.terminal.layout import (
    add_number,
    add_row,
    make_pairs,
    make_table,
    make_title,
    show_change,
    show_lack,
    show_mark,
    show_number,
)
from rateval.report.terminal.table import Table

_Test = tuple[Labels, str]
"""What methods are compared on, and the label of a validator."""


Differences = Mapping[tuple[Key, str, str], Estimate]
"""Row, label of a validator and of a metric to the published score minus the matched one."""


def render_parity(
    matched: RunRecord, published: RunRecord, differences: Differences
) -> RenderableType:
    """Lay out a table per test and model, a row per method with both protocols side by side."""
    parts: list[RenderableType] = [_head(matched)]
    theirs = _by_test(published)
    for test, rows in _by_test(matched).items():
        table = _table(matched, test[1], rows, theirs.get(test, {}), differences)
        parts += [Text(), _title(matched, test, rows), table]
    parts += (Text(line, style="yellow") for line in ("", *_differences(published)))
    results = ((record.protocol, f"{record.place}/run.json") for record in (matched, published))
    again = ("reports", f"rateval report {matched.place}, and of the other likewise")
    return Group(*parts, Text(), make_pairs((*results, again), "bold"))


def _head(record: RunRecord) -> Text:
    meaning = "each score as matched and as aaai25, in %, Δ in points; "
    meaning += f"↑ ↓ where its {100 * record.level:g} % interval leaves out 0"
    head = Text.assemble((record.study, "bold"), f"  {meaning}")
    if len(record.seeds) > 1:
        head.append(f", mean of {len(record.seeds)} seeds")
    for note in explain_limit(record):
        head.append(f"\n{note}", style="yellow")
    return head


def _by_test(record: RunRecord) -> dict[_Test, dict[str, Row]]:
    blocks = list(lay_out(record))
    rows = {(row.key, block.validator): row for block in blocks for row in block.rows}
    found: dict[_Test, dict[str, Row]] = {}
    validators = dict.fromkeys(block.validator for block in blocks)
    for key, validator in product(row_keys(record, planned_keys(record)), validators):
        if (key, validator) in rows:
            found.setdefault((key.test, validator), {})[key.finetuner] = rows[key, validator]
    return found


def _title(record: RunRecord, test: _Test, rows: dict[str, Row]) -> Text:
    key, validator = next(iter(rows.values())).key, test[1]
    by = None if is_by_edits(record, validator) else key.attribution
    return make_title(
        key.dataset,
        " · ".join(filter(None, (key.model, key.shift.text if key.shift else "", by, validator))),
    )


def _table(
    record: RunRecord,
    validator: str,
    matched: dict[str, Row],
    published: dict[str, Row],
    differences: Differences,
) -> Table:
    table = make_table("method")
    metrics = headings(record, validator)
    for heading in metrics.values():
        for name in (heading, "aaai25", "Δ "):
            add_number(table, name)
    for method, row in matched.items():
        other = published.get(method)
        numbers = [
            part
            for metric in metrics
            for part in (
                _show(row, metric),
                _show(other, metric),
                _change(differences.get((row.key, validator, metric)), row, other, metric),
            )
        ]
        add_row(table, method, *numbers)
    return table


def _change(difference: Estimate | None, one: Row, other: Row | None, metric: str) -> Text:
    """Return the paired difference; the bare one where nothing is known of how it varies."""
    if difference is not None:
        shown = show_change(difference.value, None if difference.excludes_0 else "")
        return shown.append(show_mark(difference))
    matched, published = (_value(row, metric) for row in (one, other))
    if matched is None or published is None:
        return Text()
    return show_change(published - matched, "").append(" ")


def _value(row: Row | None, metric: str) -> float | None:
    score = None if row is None else row.score(metric)
    return None if score is None else score.value.value


def _show(row: Row | None, metric: str) -> Text:
    if row is not None and row.score(metric) is None:
        return show_lack(row.lack)
    value = _value(row, metric)
    return show_number(None if value is None else 100 * value, ".1f")


def _differences(record: RunRecord) -> Iterator[str]:
    yield "aaai25, as published, differs from matched here:"
    yield from (f"  · {difference}" for difference in record.differences or ("in nothing",))
