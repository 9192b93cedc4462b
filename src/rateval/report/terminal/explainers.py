"""What a report says of the explainers themselves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby

from rich.console import RenderableType

from rateval.console import Text
from rateval.records.key import Key
from rateval.records.run import RunRecord
from rateval.records.scores.cell import CellRecord
from rateval.records.scores.estimate import Estimate
from rateval.records.scores.explainers import (
    SAME_MAPS,
    AgreementRecord,
    AreasRecord,
    FaithfulnessRecord,
)
from rateval.records.scores.grouping import group_by
from rateval.report.failures import explain_failures
from rateval.report.lacks import (
    NOT_FOR_FAITHFULNESS,
    Failed,
    lacking_faithfulness,
    planned_keys,
    row_keys,
)
from rateval.report.rows import merge_notes, name_seeds
from rateval.report.sentences.notes import explain_changes
from rateval.report.terminal.layout import (
    add_number,
    add_row,
    in_percent,
    make_table,
    make_title,
    show_labels,
    show_lack,
    show_notes,
    show_number,
)
from rateval.report.terminal.table import Table
from rateval.wording import write_count

ALONE = ("alike %", "kappa", "maps")
"""Headings of what is told of two explainers alone."""
COLUMNS = 6
"""Explainers side by side in a table of agreement; more go into a further table."""


def explainer_sections(
    record: RunRecord, short: frozenset[str] = frozenset()
) -> Iterator[RenderableType]:
    """Yield tables of faithfulness, of ``short`` datasets on clean images alone, and agreement."""
    for title, table, notes, failures in (*_faithfulness(record, short), *_agreement(record)):
        yield from (Text(), title, table)
        yield from show_notes(notes)
        yield from show_notes(failures, "red")
    changes = list(explain_changes(record))
    if changes:
        yield Text()
        yield from (Text(change, style="yellow") for change in changes)


Section = tuple[Text, Table, Sequence[str], Sequence[str]]
"""Title, table, notes and failures."""
Probed = Sequence[tuple[CellRecord, FaithfulnessRecord]]
Shown = Mapping[Key, AreasRecord | None]
"""Name of a row to what was found; None where it is not there."""


def _faithfulness(record: RunRecord, short: frozenset[str]) -> Iterator[Section]:
    several = len(record.seeds) > 1
    absent = frozenset(lacking_faithfulness(record))
    failed = Failed(record, NOT_FOR_FAITHFULNESS)
    found = {result.key: result.faithfulness for result in record.results if result.faithfulness}
    followed = {cell.key: (cell, cell.faithfulness) for cell in record.cells if cell.faithfulness}
    keys = [key for key in planned_keys(record) if key in followed or key in absent]
    for names in group_by(keys, lambda key: key.dataset):
        rows = [followed[key] for key in names if key in followed]
        tested = f"test {record.unit(names[0].dataset)}"
        tried = write_count(rows[0][1].count, tested) if rows else "no results"
        rest = f"faithfulness · {tried}"
        if several and rows:
            rest += f" · mean of {len(record.seeds)} seeds"
        shown = {
            key: found.get(key)
            for key in row_keys(record, names)
            if key.shift is None or key.dataset not in short
        }
        lacking = [key for key in names if key in absent]
        yield (
            make_title(names[0].dataset, rest),
            _faithfulness_table(failed, shown),
            list(_explain_probes(rows, record.unit(names[0].dataset), several)),
            list(explain_failures(record, failed, lacking)),
        )


def _faithfulness_table(failed: Failed, rows: Shown) -> Table:
    shifted = any(key.shift for key in rows)
    randomised = any(found.randomisation for found in rows.values() if found)
    table = make_table("model", "method", *(["shift"] if shifted else []), "explainer")
    for heading in ("del", "ins", "chance", *(["permuted"] if randomised else [])):
        add_number(table, heading)
    for key, found in rows.items():
        areas = _areas(found, randomised) if found else _lacking(failed, key, randomised)
        add_row(table, *show_labels(key, shifted=shifted), key.attribution, *areas)
    return table


def _lacking(failed: Failed, key: Key, randomised: bool) -> list[Text]:
    lack = show_lack(failed.explain(key))
    return [lack, lack, *[Text()] * (1 + randomised)]


def _areas(found: AreasRecord, randomised: bool) -> list[Text]:
    areas = [
        _area(found.deletion, found.deletion_gain),
        _area(found.insertion, found.insertion_gain),
        show_number(found.chance, ".2f", "dim"),
    ]
    if randomised:
        correlation = found.randomisation.correlation if found.randomisation else None
        areas.append(show_number(correlation, "z.2f"))
    return areas


def _area(area: float | None, gain: Estimate | None) -> Text:
    # The blank keeps digits below digits.
    return show_number(area, ".2f").append("*" if gain and gain.above_0 else " ")


def _explain_probes(rows: Probed, unit: str, several: bool) -> Iterator[str]:
    alike: dict[str, dict[str, list[str]]] = {}
    for cell, found in rows:
        if found.randomisation and found.randomisation.ignores_weights:
            names = alike.setdefault(cell.key.attribution, {})
            seeds = names.setdefault(cell.key.row, [])
            seeds += [str(cell.key.seed)] if several and cell.key.seed is not None else []
    yield from merge_notes(
        (
            (
                f"{cell.key.row} · {cell.key.attribution}",
                cell.key.seed,
                f"of {write_count(found.count, unit)}, {why}",
            )
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
    for found in group_by(record.agreements, lambda agreement: agreement.first.dataset):
        dataset = found[0].first.dataset
        names = list(dict.fromkeys(name for a in found for name in _pair(a)))
        for validator in dict.fromkeys(v.validator for a in found for v in a.verdicts):
            if len(names) == 2:
                title = make_title(dataset, f"agreement of {' and '.join(names)} · {validator}")
                yield title, _pair_table(found, validator), (), ()
                continue
            for start in range(0, len(names), COLUMNS):
                title = make_title(dataset, f"agreement of explainers · {validator}")
                columns = range(start, min(start + COLUMNS, len(names)))
                yield title, _agreement_table(found, validator, names, columns), (), ()


def _pair_table(found: Sequence[AgreementRecord], validator: str) -> Table:
    """Return the table of two explainers alone, which needs one row for each method."""
    shifted = any(agreement.first.shift for agreement in found)
    table = make_table("model", "method", *(["shift"] if shifted else []))
    for heading in ALONE:
        add_number(table, heading)
    for agreement in found:
        verdicts = (v for v in agreement.verdicts if v.validator == validator)
        share = next(verdicts, None)
        kappa = None if share is None else share.kappa
        style = "bold" if kappa is not None and kappa.above_0 else "dim"
        add_row(
            table,
            *show_labels(agreement.first, shifted=shifted),
            Text() if share is None else show_number(in_percent(share.value), ".1f"),
            show_number(None if kappa is None else kappa.value, "z.2f", style),
            show_number(agreement.correlation, "z.2f"),
        )
    return table


def _agreement_table(
    found: Sequence[AgreementRecord], validator: str, names: Sequence[str], columns: range
) -> Table:
    shifted = any(agreement.first.shift for agreement in found)
    table = make_table("model", "method", *(["shift"] if shifted else []))
    add_number(table, "", "dim")
    table.add_column(Text("explainer"), folds=True)
    for column in columns:
        add_number(table, str(column + 1))
    for labels, group in groupby(found, lambda a: show_labels(a.first, shifted=shifted)):
        pairs = {frozenset(_pair(agreement)): agreement for agreement in group}
        for row, name in enumerate(names):
            shown = [
                _agreement_cell(pairs.get(frozenset((name, names[column]))), validator, row, column)
                for column in columns
            ]
            add_row(table, *([""] * len(labels) if row else labels), str(row + 1), name, *shown)
    return table


def _agreement_cell(
    agreement: AgreementRecord | None, validator: str, row: int, column: int
) -> Text:
    if agreement is None:  # the diagonal, or a pair that an interrupted run did not reach
        return Text()
    if row < column:
        shown = show_number(agreement.correlation, "z.2f")
        return Text(shown.plain.replace("0.", "."), style=shown.style)
    share = next((v for v in agreement.verdicts if v.validator == validator), None)
    if share is None:
        return Text()
    shown = show_number(share.value, ".0%", "none")
    beyond = share.kappa
    if beyond is not None:
        kappa = show_number(beyond.value, "z.2f").plain.replace("0.", ".")
        shown.append(f" {kappa}", style="bold" if beyond.above_0 else "dim")
    return shown


def _pair(agreement: AgreementRecord) -> tuple[str, str]:
    return agreement.first.attribution, agreement.second.attribution
