"""What a report says of the explainers themselves."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from rateval.records.cell import CellRecord
from rateval.records.explainers import (
    SAME_MAPS,
    AgreementRecord,
    AreasRecord,
    FaithfulnessRecord,
    GainRecord,
)
from rateval.records.run import RunRecord
from rateval.records.seeds import SeedsRecord
from rateval.report.notes import explain_changes
from rateval.report.rows import merge_notes, name_row, name_seeds
from rateval.report.terminal.layout import UNDEFINED, make_table, make_title, show_number

COLUMNS = 10
"""Explainers side by side in a table of agreement; more go into a further table."""


def explainer_sections(record: RunRecord) -> Iterator[RenderableType]:
    """Yield tables of faithfulness and agreement, and the notes below them."""
    for title, table, notes in (*_faithfulness(record), *_agreement(record)):
        yield from (Text(), title, table)
        yield from (Text(f"  {note}", style="yellow") for note in notes)
    changes = list(explain_changes(record))
    if changes:
        yield Text()
        yield from (Text(change, style="yellow") for change in changes)


Section = tuple[Text, Table, Sequence[str]]
Probed = Sequence[tuple[CellRecord, FaithfulnessRecord]]
Shown = Sequence[tuple[CellRecord | SeedsRecord, AreasRecord]]


def _faithfulness(record: RunRecord) -> Iterator[Section]:
    probed = [(cell, cell.faithfulness) for cell in record.cells if cell.faithfulness]
    several = len(record.seeds) > 1
    shown: Shown = [(cell, cell.faithfulness) for cell in record.over_seeds if cell.faithfulness]
    for dataset in _dataset_names(record):
        rows = [(cell, found) for cell, found in probed if cell.dataset == dataset]
        if rows:
            rest = f"faithfulness · first {rows[0][1].count:,} test images"
            if several:
                rest += f" · mean of {len(record.seeds)} seeds"
            means = [(cell, found) for cell, found in shown if cell.dataset == dataset]
            table = _faithfulness_table(means if several else rows)
            yield make_title(dataset, rest), table, list(_explain_probes(rows, several))


def _dataset_names(record: RunRecord) -> list[str]:
    return list(dict.fromkeys(dataset.name for dataset in record.datasets))


def _faithfulness_table(rows: Shown) -> Table:
    shifted = any(cell.shift for cell, _ in rows)
    randomised = any(found.randomisation for _, found in rows)
    table = make_table("model", "method", *(["shift"] if shifted else []), "explainer")
    for heading in ("del", "ins", "chance", *(["permuted"] if randomised else [])):
        table.add_column(heading, justify="right", no_wrap=True)
    for cell, found in rows:
        areas = [
            _area(found.deletion, found.deletion_gain),
            _area(found.insertion, found.insertion_gain),
            show_number(found.chance, ".2f", "dim"),
        ]
        if randomised:
            correlation = found.randomisation.correlation if found.randomisation else None
            areas.append(show_number(correlation, "z.2f"))
        table.add_row(*_labels(cell, shifted), cell.attribution, *areas)
    return table


def _area(area: float | None, gain: GainRecord | None) -> Text:
    # The blank keeps digits below digits.
    return show_number(area, ".2f").append("*" if gain and gain.beats_chance else " ")


def _explain_probes(rows: Probed, several: bool) -> Iterator[str]:
    alike: dict[str, dict[str, list[str]]] = {}
    for cell, found in rows:
        if found.randomisation and found.randomisation.ignores_weights:
            names = alike.setdefault(cell.attribution, {})
            seeds = names.setdefault(name_row(cell), [])
            seeds += [str(cell.seed)] if several and cell.seed is not None else []
    yield from merge_notes(
        (
            (f"{name_row(cell)} · {cell.attribution}", cell.seed, f"of {found.count} images, {why}")
            for cell, found in rows
            if (why := _describe_lacking(found))
        ),
        several,
    )
    for attribution, names in alike.items():
        where = ("; " if several else ", ").join(
            f"{name}{name_seeds(seeds)}" for name, seeds in names.items()
        )
        yield (
            f"{attribution} ({where}): the maps hardly change when the weights are "
            f"permuted (rank correlation of {SAME_MAPS} or more), so they say little of the model"
        )


def _describe_lacking(found: FaithfulnessRecord) -> str:
    parts = []
    if found.undefined:
        reasons = ", ".join(f"{why}: {count}" for why, count in found.undefined.items())
        parts.append(f"{sum(found.undefined.values())} have no curves ({reasons})")
    if found.randomisation and found.randomisation.count < found.count:
        left = found.count - found.randomisation.count
        parts.append(f"{left} have a constant map with or without permuted weights")
    return ", ".join(parts)


def _agreement(record: RunRecord) -> Iterator[Section]:
    for dataset in _dataset_names(record):
        found = [agreement for agreement in record.agreements if agreement.dataset == dataset]
        names = list(dict.fromkeys(name for a in found for name in (a.first, a.second)))
        for validator in dict.fromkeys(v.validator for a in found for v in a.verdicts):
            for start in range(0, len(names), COLUMNS):
                title = make_title(dataset, f"agreement of explainers · {validator}")
                columns = range(start, min(start + COLUMNS, len(names)))
                yield title, _agreement_table(found, validator, names, columns), ()


def _agreement_table(
    found: Sequence[AgreementRecord], validator: str, names: Sequence[str], columns: range
) -> Table:
    shifted = any(agreement.shift for agreement in found)
    table = make_table("model", "method", *(["shift"] if shifted else []))
    table.add_column("", justify="right", no_wrap=True, style="dim")
    table.add_column("explainer", overflow="fold")
    for column in columns:
        table.add_column(str(column + 1), justify="right", no_wrap=True)
    for labels, group in groupby(found, lambda agreement: _labels(agreement, shifted)):
        pairs = {frozenset((a.first, a.second)): a for a in group}
        for row, name in enumerate(names):
            shown = [
                _agreement_cell(pairs.get(frozenset((name, names[column]))), validator, row, column)
                for column in columns
            ]
            table.add_row(*([""] * len(labels) if row else labels), str(row + 1), name, *shown)
    return table


def _agreement_cell(
    agreement: AgreementRecord | None, validator: str, row: int, column: int
) -> Text:
    if agreement is None:  # the diagonal, or a pair that an interrupted run did not reach
        return Text()
    if row < column:
        shown = show_number(agreement.correlation, "z.2f")
        return Text(shown.plain.replace("0.", "."), style=shown.style)
    share = next(v.value for v in agreement.verdicts if v.validator == validator)
    return show_number(share, ".0%", "none")


def _labels(row: CellRecord | SeedsRecord | AgreementRecord, shifted: bool) -> list[str]:
    return [row.model, row.finetuner, *([row.shift or UNDEFINED] if shifted else [])]
