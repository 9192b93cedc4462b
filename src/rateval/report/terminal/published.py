"""A run's values beside the published ones."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from rich.console import Group, RenderableType

from rateval.console import Text
from rateval.records.run import RunRecord
from rateval.records.scores.published import Compared, PublishedComparison
from rateval.report.sentences.limits import explain_limit
from rateval.report.terminal.layout import (
    UNDEFINED,
    add_number,
    add_row,
    make_pairs,
    make_table,
    make_title,
    show_interval,
    show_number,
)
from rateval.report.terminal.table import Table

_COLOURS = {"agrees": "green", "differs": "red"}


def render_published(
    record: RunRecord,
    comparison: PublishedComparison,
    directions: Mapping[str, tuple[int, int]],
) -> RenderableType:
    """Lay out a table per dataset and model, and what has no counterpart below them.

    ``directions`` are the published pairs in which a metric rises, and of how many.
    """
    parts: list[RenderableType] = [Text("\n".join(_head(record)), style="")]
    parts += (Text(note, style="yellow") for note in _warnings(record, comparison))
    blocks: dict[tuple[str, str], list[Compared]] = {}
    for one in comparison.compared:
        blocks.setdefault((one.published.dataset, one.published.model), []).append(one)
    for (dataset, model), rows in blocks.items():
        parts += [Text(), make_title(dataset, model), _table(rows)]
    parts += [Text(), *map(Text, _sum_up(comparison, directions))]
    if comparison.unmatched:
        parts += [Text(), Text("unmatched, so that nothing is said of it:", style="yellow")]
        parts += (Text(f"  {name}: {why}", style="yellow") for name, why in comparison.unmatched)
    return Group(*parts, Text(), make_pairs([("run", f"{record.place}/run.json")], "bold"))


def _head(record: RunRecord) -> Iterator[str]:
    yield f"{record.study}  beside the PT and IR of Wang et al., AAAI 2025, in %"
    yield "agrees: the published value lies inside of the run's 95 % interval"


def _warnings(record: RunRecord, comparison: PublishedComparison) -> Iterator[str]:
    if record.protocol != "aaai25":
        yield (
            f"this run is by the protocol {record.protocol}; what was published was made by "
            "aaai25, so that a value may differ for that alone"
        )
    yield from explain_limit(record)
    yield from comparison.told


def _table(rows: list[Compared]) -> Table:
    table = make_table("method", "metric")
    for heading in ("published", "run", "95 %"):
        add_number(table, heading)
    table.add_column(Text("verdict"))
    for row in rows:
        ours = row.ours
        value = None if ours is None or ours.value is None else 100 * ours.value
        verdict = Text(row.verdict, style=_COLOURS.get(row.verdict, "yellow"))
        add_row(
            table,
            row.published.method,
            row.published.metric,
            f"{row.published.percent:.1f}",
            Text(UNDEFINED, style="yellow") if value is None else show_number(value, ".1f"),
            Text() if ours is None else show_interval(ours),
            verdict,
        )
    return table


def _sum_up(
    comparison: PublishedComparison, directions: Mapping[str, tuple[int, int]]
) -> Iterator[str]:
    counts = Counter(one.verdict for one in comparison.compared)
    judged = counts["agrees"] + counts["differs"]
    yield f"{counts['agrees']} of {judged} values that can be compared agree"
    others = [f"{counts[name]} {name}" for name in counts if name not in _COLOURS]
    if others:
        yield f"not compared: {', '.join(others)}"
    if comparison.absent:
        yield f"{comparison.absent} published values have no counterpart in this run"
    for metric, (rises, pairs) in directions.items():
        falls = pairs - rises
        what = f"rises in {rises}" if rises >= falls else f"falls in {falls}"
        yield f"published: against zs {metric} {what} of {pairs} pairs"
