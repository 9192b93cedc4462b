"""Training curves on a terminal: one line of blocks for each score."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import RenderableType

from rateval.console import Text
from rateval.records.about.trainings import CurveRecord
from rateval.records.run import RunRecord
from rateval.report.terminal.layout import (
    UNDEFINED,
    add_number,
    add_row,
    in_percent,
    make_table,
    show_number,
)
from rateval.report.terminal.table import Table

BLOCKS = "▁▂▃▄▅▆▇█"
POINTS = 20
"""Epochs drawn at most; of more, evenly chosen ones with the first and the last."""

Values = Sequence[float | None]


def curve_sections(record: RunRecord) -> Iterator[RenderableType]:
    """Yield the table of the first seed's curves, and a note where there are more."""
    if not record.trainings:
        return
    seeds = [
        seed for seed in dict.fromkeys(c.key.seed for c in record.trainings) if seed is not None
    ]
    shown = [curve for curve in record.trainings if curve.key.seed in (None, *seeds[:1])]
    rest = f"  by epoch{f' · seed {seeds[0]}' if seeds[1:] else ''}"
    if any(epoch.held_out for curve in shown for epoch in curve.epochs):
        rest += " · scores in % on the samples held out"
    yield Text()
    yield Text.assemble(("training", "bold"), (rest, "dim"))
    yield _table(shown)
    for curve in shown:
        chosen = [f"{name} = {value}" for name, value in curve.told.items() if _is_short(value)]
        if chosen:
            yield Text(f"  {curve.key.method}: {', '.join(chosen)}", style="dim")
    if seeds[1:]:
        yield Text("  the other seeds' curves stand under trainings in run.json", style="dim")


def _table(curves: Sequence[CurveRecord]) -> Table:
    several = len({curve.key.dataset for curve in curves}) > 1
    table = make_table(*(["data"] if several else []), "model", "method", "score")
    add_number(table, "first")
    table.add_column(Text("curve"))
    add_number(table, "last")
    add_number(table, "best", "dim")
    for curve in curves:
        names = [*([curve.key.dataset] if several else []), curve.key.model, curve.key.finetuner]
        for row, (name, values) in enumerate(series(curve)):
            labels = [""] * len(names) if row else names
            pattern = ".3g" if name == "loss" else ".1f"
            add_row(
                table,
                *labels,
                name,
                show_number(values[0], pattern, "none"),
                Text(draw(values), style="cyan"),
                show_number(values[-1], pattern),
                _best(values, lowest=name == "loss"),
            )
    return table


def _is_short(value: object) -> bool:
    return isinstance(value, int | float | str)


def series(curve: CurveRecord) -> Iterator[tuple[str, Values]]:
    """Yield the name of each score of a training, and its values by epoch, shares in percent."""
    yield "loss", [epoch.loss for epoch in curve.epochs]
    if any(epoch.accuracy is not None for epoch in curve.epochs):
        yield "acc. (train)", [in_percent(epoch.accuracy) for epoch in curve.epochs]
    for name in dict.fromkeys(name for epoch in curve.epochs for name in epoch.held_out):
        shown = name.upper() if len(name) <= 2 else name
        yield shown, [in_percent(epoch.held_out.get(name)) for epoch in curve.epochs]


def _best(values: Values, *, lowest: bool) -> str:
    defined = [(value, -at) for at, value in enumerate(values) if value is not None]
    if not defined:
        return UNDEFINED
    _, at = min((value, -at) for value, at in defined) if lowest else max(defined)
    return f"epoch {abs(at) + 1}"


def draw(values: Values, points: int = POINTS) -> str:
    """Draw values as blocks from their lowest to their highest; an undefined one is a gap.

    >>> draw([1.0, 2.0, None, 8.0])
    '▁▂ █'
    >>> draw([5.0, 5.0])
    '▁▁'
    >>> len(draw(list(range(100))))
    20
    """
    if len(values) > points:
        values = [values[round(at * (len(values) - 1) / (points - 1))] for at in range(points)]
    defined = [value for value in values if value is not None]
    if not defined:
        return " " * len(values)
    low, span = min(defined), max(defined) - min(defined)
    return "".join(
        " " if value is None else BLOCKS[int((value - low) / span * 7 + 0.5) if span else 0]
        for value in values
    )
