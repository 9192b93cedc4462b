"""What was found in a dataset, as it is printed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from rich.console import RenderableType
from rich.table import Table as Grid

from rateval.console import Text
from rateval.inspection.record import (
    Alike,
    AreaBin,
    Count,
    Cut,
    DatasetCheck,
    GroupCheck,
    InView,
    Reason,
    Size,
    Sizes,
    SplitCheck,
)
from rateval.report.terminal.layout import add_number, add_row, make_table
from rateval.report.terminal.table import Table
from rateval.wording import list_some, plural, write_count

ROWS = 12
"""Rows of a table of classes or values at most; the smallest and the largest ones are shown."""
BAR = 48
"""Signs of the longest bars of a row together."""


def show_check(check: DatasetCheck, *, bar: str = "█") -> Iterator[RenderableType]:
    """Yield what is printed of a dataset, its verdict last; ``bar`` is what bars are made of."""
    head = f"  {check.component}, {write_count(len(check.classes), 'class')}"
    yield Text.assemble((check.dataset, "bold"), (head, "dim"))
    yield Text()
    yield _show_splits(check.splits)
    yield Text()
    yield _show_counts("class", check.classes, check.splits)
    for group in check.groups:
        yield Text()
        yield from _show_group(group, check.splits)
    for split in check.splits:
        yield from _show_reasons(split, check.unit)
    yield from _show_areas(check, bar)
    yield from _show_views(check)
    yield from _show_sizes(check.splits)
    yield from _show_twins(check)
    yield from _show_verdict(check)


def _show_splits(splits: Sequence[SplitCheck]) -> Table:
    table = make_table("split")
    limited = any(split.checked < split.samples for split in splits)
    headings = ["samples", *(["looked at"] if limited else []), "readable", "skipped"]
    for heading in (*headings, "no mask", "empty", "partial", "whole"):
        add_number(table, heading)
    for split in splits:
        evidence = split.evidence
        counts = [split.samples, *([split.checked] if limited else []), split.readable]
        counts += [split.skipped, evidence.unknown, evidence.empty, evidence.some]
        add_row(table, split.split, *(f"{count:,}" for count in (*counts, evidence.everything)))
    return table


def _show_counts(heading: str, counts: Sequence[Count], splits: Sequence[SplitCheck]) -> Table:
    """Return a table of samples: all rows of few, else the smallest and the largest."""
    table = make_table(heading)
    names = [split.split for split in splits]
    for name in names:
        add_number(table, name)
    ordered = sorted(counts, key=lambda count: -sum(count.counts.values()))
    rest = len(ordered) - ROWS
    first = ordered if rest <= 0 else ordered[: ROWS // 2]
    for count in first:
        _add_count(table, count, names)
    if rest > 0:
        add_row(table, Text(f"… {rest:,} more", style="dim"))
        for count in ordered[-(ROWS // 2) :]:
            _add_count(table, count, names)
    return table


def _add_count(table: Table, count: Count, names: Sequence[str]) -> None:
    label = Text("not known", style="dim") if count.name is None else Text(count.name)
    add_row(table, label, *(f"{count.counts[name]:,}" for name in names))


def _show_group(group: GroupCheck, splits: Sequence[SplitCheck]) -> Iterator[RenderableType]:
    yield _show_counts(group.group, group.values, splits)
    if len(splits) > 1:
        kept = ", which group_by keeps on one side" if group.kept_together else ""
        known = sum(value.name is not None for value in group.values)
        yield Text(f"  {group.in_both:,} of {known:,} values are in both splits{kept}", style="dim")


def _show_reasons(split: SplitCheck, unit: str) -> Iterator[RenderableType]:
    if split.skipped_for:
        yield Text()
        yield Text(f"{split.split}: {write_count(split.skipped, 'sample')} skipped", style="bold")
        yield from _list(map(_show_reason, split.skipped_for))
    if split.notes:
        yield Text()
        yield Text(f"{split.split}: noted of {plural(unit)}", style="bold")
        yield from _list(map(_show_reason, split.notes))


def _show_reason(reason: Reason) -> str:
    left = reason.count - len(reason.ids)
    more = f" and {left:,} more" if left else ""
    why = f"; the first: {reason.example}" if reason.example else ""
    return f"{reason.count:,} × {reason.text}: {', '.join(reason.ids)}{more}{why}"


def _show_areas(check: DatasetCheck, bar: str) -> Iterator[RenderableType]:
    shown = [split for split in check.splits if split.evidence.some or split.evidence.everything]
    if not shown:
        return
    yield Text()
    table = make_table("evidence")
    longest = BAR // len(shown)
    most = {split.split: max(found.count for found in split.evidence.areas) for split in shown}
    for split in shown:
        add_number(table, split.split)
        table.add_column(Text(""))
    for bins in zip(*(split.evidence.areas for split in shown), strict=True):
        cells: list[str | Text] = []
        for split, found in zip(shown, bins, strict=True):
            # The smallest bar has a sign, too.
            length = -(-longest * found.count // most[split.split])
            cells += [f"{found.count:,}", Text(f"{bar * length:<{longest}}", style="cyan")]
        add_row(table, _name_bin(bins[0]), *cells)
    yield table
    units, share = plural(check.unit).capitalize(), "the share of the image that is evidence"
    yield from _list([f"{units} by {share}."], "dim", "")


def _name_bin(found: AreaBin) -> str:
    return f"{100 * found.above:g}–{100 * found.up_to:g} %"


def _show_views(check: DatasetCheck) -> Iterator[RenderableType]:
    looks = [(s.split, v) for s in check.splits for v in s.evidence.in_views if v.looked_at]
    if not looks:
        return
    yield Text()
    table = make_table("evidence in the view of", "split")
    for heading in (plural(check.unit), "vanished", "cut ≥ 10 %", "≥ 50 %", "mean cut"):
        add_number(table, heading)
    for split, view in looks:
        lost = "–" if view.mean_lost is None else f"{100 * view.mean_lost:.1f} %"
        counts = (view.looked_at, view.vanished, view.cut, view.cut_half)
        add_row(table, view.view, split, *(f"{count:,}" for count in counts), lost)
    yield table
    if not check.views_of_models:
        text = "No model is asked what it sees, this is the usual view: give a spec, or --model."
        yield from _list([text], "dim", "")
    for split, view in looks:
        yield from _list(_name_losses(split, view))


def _name_losses(split: str, view: InView) -> Iterator[str]:
    if view.vanished:
        left = view.vanished - len(view.vanished_ids)
        more = f" and {left:,} more" if left else ""
        yield f"vanished in {split}: {', '.join(view.vanished_ids)}{more}"
    if view.worst:
        named = [f"{cut.id} {100 * cut.lost:.0f} % ({_size(cut)})" for cut in view.worst[:5]]
        yield f"cut most in {split}: {', '.join(named)}"


def _size(size: Size | Cut) -> str:
    return f"{size.width:,} × {size.height:,}"


def _show_sizes(splits: Sequence[SplitCheck]) -> Iterator[RenderableType]:
    rows: list[tuple[str, str, Size]] = [
        (split.split, what, size)
        for split in splits
        if split.sizes is not None
        for what, size in _name_sizes(split.sizes)
    ]
    if not rows:
        return
    yield Text()
    table = make_table("sizes", "")
    add_number(table, "pixels")
    table.add_column(Text("image"), folds=True)
    for name, what, size in rows:
        add_row(table, name, what, _size(size), "" if what == "all" else size.id)
    yield table


def _name_sizes(sizes: Sizes) -> list[tuple[str, Size]]:
    if sizes.distinct == 1:
        return [("all", sizes.smallest)]
    return [("smallest", sizes.smallest), ("largest", sizes.largest), ("longest", sizes.longest)]


def _show_twins(check: DatasetCheck) -> Iterator[RenderableType]:
    found = check.duplicates
    if not found.leaks and not found.others:
        return
    yield Text()
    yield Text("the very same pixels", style="bold")
    yield from _list(map(_name_alike, found.leaks), "red")
    yield from _list(map(_name_alike, found.others))


def _name_alike(alike: Alike) -> str:
    sides = [f"{split} {list_some(ids)}" for split, ids in alike.ids.items()]
    labels = f" (labels {list_some(alike.classes)})" if len(alike.classes) > 1 else ""
    return f"{' = '.join(sides)}{labels}"


def _list(texts: Iterable[str], style: str = "", sign: str = "·") -> Iterator[RenderableType]:
    """Yield texts as a list, of which later lines stand below the first."""
    grid = Grid.grid(padding=(0, 1, 0, 0))
    grid.add_column(no_wrap=True, style=style)
    grid.add_column(overflow="fold", style=style)
    lines = list(texts)
    for text in lines:
        add_row(grid, f"  {sign}" if sign else " ", text)
    if lines:
        yield grid


def _show_verdict(check: DatasetCheck) -> Iterator[RenderableType]:
    unfit = [finding.text for finding in check.findings if finding.unfit]
    known = [finding.text for finding in check.findings if not finding.unfit]
    if known:
        yield Text()
        yield Text("worth knowing", style="bold")
        yield from _list(known, "yellow")
    yield Text()
    if not unfit:
        yield Text.assemble(("✓ ", "green"), f"{check.dataset} is fit")
        return
    yield Text.assemble(("✗ ", "red"), (f"{check.dataset} is unfit", "bold"))
    yield from _list(unfit, "red", "✗")
