"""One study under both protocols, side by side."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from rateval.records.cell import CellRecord, ScoreRecord
from rateval.records.run import RunRecord
from rateval.records.seeds import SeedsRecord, SeedsScoreRecord
from rateval.report.terminal.layout import (
    make_pairs,
    make_table,
    make_title,
    show_change,
    show_number,
)

_Test = tuple[str, str, str | None, str, str]
"""Labels of dataset, model, shift, attribution and validator."""
_Scores = Sequence[ScoreRecord | SeedsScoreRecord]


def render_parity(matched: RunRecord, published: RunRecord) -> RenderableType:
    """Lay out a table per test and model, a row per method with both protocols side by side."""
    parts: list[RenderableType] = [_head(matched)]
    theirs = _by_test(published)
    for test, methods in _by_test(matched).items():
        parts += [Text(), _title(test), _table(methods, theirs.get(test, {}))]
    parts += (Text(line, style="yellow") for line in ("", *_differences(published)))
    results = ((record.protocol, f"{record.path}/run.json") for record in (matched, published))
    again = ("reports", f"rateval report {matched.path}, and of the other likewise")
    return Group(*parts, Text(), make_pairs((*results, again), "bold"))


def _head(record: RunRecord) -> Text:
    told = "each score as matched and as aaai25, in %, Δ in points"
    head = Text.assemble((record.study, "bold"), f"  {told}")
    if len(record.seeds) > 1:
        head.append(f", mean of {len(record.seeds)} seeds")
    if record.limit is not None:
        head.append(f"\nlimited to {record.limit} samples of every split", style="yellow")
    return head


def _by_test(record: RunRecord) -> dict[_Test, dict[str, _Scores]]:
    rows: Sequence[CellRecord | SeedsRecord] = record.over_seeds or record.cells
    found: dict[_Test, dict[str, _Scores]] = {}
    for row in rows:
        for evidence in row.evidence:
            test = (row.dataset, row.model, row.shift, row.attribution, evidence.validator)
            found.setdefault(test, {})[row.finetuner] = evidence.scores
    return found


def _title(test: _Test) -> Text:
    dataset, model, shift, attribution, validator = test
    names = [model, *([shift] if shift else []), attribution, validator]
    return make_title(dataset, " · ".join(names))


def _table(matched: dict[str, _Scores], published: dict[str, _Scores]) -> Table:
    table = make_table("method")
    for score in next(iter(matched.values())):
        table.add_column(score.heading, justify="right", no_wrap=True)
        table.add_column("aaai25", justify="right", no_wrap=True)
        table.add_column("Δ", justify="right", no_wrap=True)
    for method, scores in matched.items():
        others = {score.metric: _value(score) for score in published.get(method, ())}
        row = [
            part for score in scores for part in _compare(_value(score), others.get(score.metric))
        ]
        table.add_row(method, *row)
    return table


def _value(score: ScoreRecord | SeedsScoreRecord) -> float | None:
    return score.value.mean if isinstance(score, SeedsScoreRecord) else score.value


def _compare(one: float | None, other: float | None) -> list[Text]:
    shown = [show_number(None if v is None else 100 * v, ".1f") for v in (one, other)]
    return [*shown, show_change(None if one is None or other is None else other - one)]


def _differences(record: RunRecord) -> Iterator[str]:
    yield "aaai25, as published, differs from matched here:"
    yield from (f"  · {difference}" for difference in record.differences or ("in nothing",))
