"""Charts of PT and IR by the threshold from which on a map counts as valid."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rateval.errors import RatevalError
from rateval.records.run import RunRecord
from rateval.records.scores.cell import CellRecord
from rateval.records.scores.estimate import estimate_share
from rateval.report.html.charts.drawing import Charts, altair, colour_numbers, legend, scale
from rateval.report.html.charts.trainings import thin
from rateval.report.html.markup import Html, join, tag
from rateval.report.rows import Block, name_rows
from rateval.wording import plural

if TYPE_CHECKING:
    import pyarrow as pa

POINTS = 101
"""Thresholds of a curve that are drawn."""

FEWEST = 10
"""Images below which a share is not drawn."""

CELLS_SHOWN = 12
"""Curves of one chart."""

TESTS_SHOWN = 20
"""Tests whose curves a page has."""

CHANCE = {"others": "maps of others", "centre": "a bump in the middle", "uniform": "no map"}
"""What is counted without a cell's own maps, to what a page calls it."""

HOW = (
    "Bands are intervals for each threshold by itself. Dashed: maps shuffled between {units}, "
    "in the colour of their method; dotted: a bump in the middle of the image; fine dots: a map "
    "that is the same everywhere. What does not rise above these says little about the maps. "
    "Shares of fewer than {fewest} {units} are left out."
)

Points = list[dict[str, Any]]


def threshold_charts(record: RunRecord, charts: Charts, block: Block) -> Html | None:
    """Return PT and IR by threshold for a block; a sentence where they can't be read.

    None where its validator has no threshold, or too few images have evidence that is known.
    """
    numbers = colour_numbers(
        list(dict.fromkeys(row.key.finetuner for row in block.rows)),
        list({cell.key.finetuner for cell, _ in block.cells if not cell.trained}),
    )
    tables: list[tuple[CellRecord, pa.Table]] = []
    for cell in _first_seed(record, block)[:CELLS_SHOWN]:
        try:
            tables.append((cell, record.thresholds(cell, block.validator)))
        except RatevalError as error:
            if not tables and cell.by(block.validator) is not None:
                why = str(error)
                return tag("p", why, class_="left-out") if _is_asked(cell, block) else None
    if not tables:
        return None
    names = {key.seedless: name for key, name in name_rows(block).items()}
    pt: Points = []
    ir: Points = []
    for cell, table in tables:
        found = {"name": names[cell.key.seedless], "m": cell.key.finetuner}
        pt += _curve(table, found, "correct_total", record.level)
        ir += _curve(table, found, "", record.level)
    chance = list(_chance(tables))
    asked = _asked_threshold(record, block.validator)
    told = "The tables have the values at the study's threshold" + (
        "" if asked is None else f", {asked:g}"
    )
    figures = [
        _chart(charts, heading, points, others, asked, numbers, told)
        for heading, points, others in (("PT", pt, chance), ("IR", ir, []))
        if points or others
    ]
    if not figures:
        return None
    seeds = f" Curves of seed {record.seeds[0]}." if len(record.seeds) > 1 else ""
    how = HOW.format(units=plural(block.unit), fewest=FEWEST)
    return join([tag("div", *figures, class_="pair"), legend(numbers, how + seeds)])


def _first_seed(record: RunRecord, block: Block) -> Sequence[CellRecord]:
    first = (None, *record.seeds[:1])
    return [cell for cell, _ in block.cells if len(record.seeds) < 2 or cell.key.seed in first]


def _is_asked(cell: CellRecord, block: Block) -> bool:
    """Return whether there should be curves: they were stored, or failed."""
    evidence = next((found for found in cell.evidence if found.validator == block.validator), None)
    return evidence is not None and evidence.no_curves is None


def _curve(table: pa.Table, named: Mapping[str, str], total: str, level: float) -> Iterator[Any]:
    """Yield a share by threshold: of all right predictions, or else of all valid ones."""
    columns = table.to_pydict()
    for at in thin(table.num_rows, POINTS):
        right = columns["correct"][at]
        of = columns[total][at] if total else right + columns["wrong"][at]
        share = estimate_share(right, of, level)
        if of < FEWEST:
            continue
        if share.value is not None and share.low is not None and share.high is not None:
            yield {
                **named,
                "x": columns["threshold"][at],
                "y": round(100 * share.value, 1),
                "l": round(100 * share.low, 1),
                "h": round(100 * share.high, 1),
            }


def _chance(tables: Sequence[tuple[CellRecord, pa.Table]]) -> Iterator[dict[str, Any]]:
    """Yield the share of valid maps that are not an image's own; those of no cell once."""
    for place, (cell, table) in enumerate(tables):
        columns = table.to_pydict()
        for kind, name in CHANCE.items():
            if kind != "others" and place:
                continue
            for at in thin(table.num_rows, POINTS):
                of = columns[f"{kind}_total"][at]
                if of:
                    yield {
                        "m": cell.key.finetuner if kind == "others" else "",
                        "c": kind,
                        "name": name,
                        "x": columns["threshold"][at],
                        "y": round(100 * columns[kind][at] / of, 1),
                    }


def _asked_threshold(record: RunRecord, validator: str) -> float | None:
    for entry in record.spec_resolved.get("evidence", ()):
        found = entry.get("params", {}).get("threshold") if entry["name"] == validator else None
        if isinstance(found, int | float):
            return float(found)
    return None


def _chart(
    charts: Charts,
    heading: str,
    points: Points,
    chance: Points,
    asked: float | None,
    numbers: dict[str, int],
    told: str,
) -> Html:
    alt = altair()
    tenths = alt.Axis(format=".1f", values=[at / 10 for at in range(11)])
    x = alt.X("x:Q", title="threshold", scale=alt.Scale(domain=[0, 1]), axis=tenths)
    y = alt.Y("y:Q", title=f"{heading} %", scale=alt.Scale(domain=[0, 100]))
    hue = alt.Color("m:N", legend=None, scale=alt.Scale(**scale(numbers)))
    base = alt.Chart(alt.Data(values=points)).encode(x=x, color=hue, detail="name:N")
    tip = [
        alt.Tooltip("name:N", title="method"),
        alt.Tooltip("x:Q", title="threshold", format=".2f"),
        alt.Tooltip("y:Q", title=f"{heading} %", format=".1f"),
    ]
    layers = [
        base.mark_area(opacity=0.14).encode(y=alt.Y("l:Q", title=f"{heading} %"), y2="h:Q"),
        base.mark_line(strokeWidth=2).encode(y=y, tooltip=tip),
    ]
    if chance:
        others = alt.Chart(alt.Data(values=[one for one in chance if one["c"] == "others"]))
        layers.append(
            others.mark_line(strokeWidth=1.4, strokeDash=[6, 4]).encode(x=x, y=y, color=hue)
        )
        for kind, dash in (("centre", [2, 3]), ("uniform", [1, 6])):
            values = [one for one in chance if one["c"] == kind]
            same = alt.Chart(alt.Data(values=values))
            drawn = same.mark_line(strokeWidth=1.6, strokeDash=dash, color="currentColor")
            layers.append(drawn.encode(x=x, y=y))
    if asked is not None:
        line = alt.Chart(alt.Data(values=[{"x": asked}]))
        layers.append(line.mark_rule(color="currentColor", opacity=0.5).encode(x=x))
    return charts.add(alt.layer(*layers), f"{heading} by threshold, in %", told)
