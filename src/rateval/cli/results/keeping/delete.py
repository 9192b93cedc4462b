"""``rateval runs clean`` and ``rateval runs prune``: what would be deleted, or was."""

from __future__ import annotations

from argparse import Namespace
from collections import Counter
from pathlib import Path

from rateval.cli.terminal import say
from rateval.console import Console
from rateval.engine.keeping.cleaning import clean, find_left
from rateval.engine.keeping.pruning import Old, Prunable, Pruned, find_prunable, prune
from rateval.json_file import format_json
from rateval.report.terminal.layout import add_number, add_row, make_table
from rateval.wording import write_bytes


def clean_store(parsed: Namespace) -> int:
    """Delete what dead runs left in work, or list it."""
    output, yes = Path(parsed.output), parsed.yes
    act = clean if yes else find_left
    found = act(output, unfinished=parsed.unfinished)
    rows = {what: (left.count, left.size) for what, left in found.doomed.items()}
    if parsed.json:
        kept = {"count": found.kept.count, "bytes": found.kept.size}
        _print_json({"deleted": yes, "left": _as_json(rows), "unfinished": kept})
        return 0
    console = Console(plain=parsed.plain)
    if not rows:
        say(console, f"{output}: no run left anything behind that is dead")
    else:
        _print_rows("left behind", rows, console)
        _say_done(console, sum(size for _, size in rows.values()), yes=yes)
    if found.kept.count:
        size = write_bytes(found.kept.size)
        say(
            console,
            f"kept: {found.kept.count:,} unfinished states, {size}, which a run goes on from; "
            "--unfinished deletes them, too",
            "dim",
        )
    return 0


def prune_store(parsed: Namespace) -> int:
    """Delete results that no run names, and old runs, or list them; 1 if some can't be deleted."""
    output, done = Path(parsed.output), Pruned()
    asked = parsed.keep_last is not None or parsed.older_than is not None
    old = Old(parsed.keep_last, parsed.older_than) if asked else None
    if parsed.yes:
        found, done = prune(output, old)
    else:
        found = find_prunable(output, old)
    rows = _sum(found)
    if parsed.json:
        told = {"kept": found.kept, "left": done.left}
        runs = [run.path.name for run, _ in found.runs]
        _print_json({"deleted": parsed.yes, "runs": runs, "by": _as_json(rows)} | told)
        return int(bool(done.left))
    console = Console(plain=parsed.plain)
    for line in found.kept:
        say(console, line, "yellow")
    for run, _ in found.runs:
        say(console, f"run {run.path}")
    if rows:
        _print_rows("no run names" if old is None else "not needed", rows, console)
        size = done.size if parsed.yes else sum(size for _, size in rows.values())
        _say_done(console, size, yes=parsed.yes)
    else:
        say(console, f"{output / 'store'}: every result is named by a run; nothing to delete")
    for line in done.left:
        say(console, line, "red")
    return int(bool(done.left))


def _sum(found: Prunable) -> dict[str, tuple[int, int]]:
    """Return counts and bytes: of runs, and of results by stage."""
    counts: Counter[str] = Counter(result.stage for result, _ in found.results)
    sizes: Counter[str] = Counter()
    for result, size in found.results:
        sizes[result.stage] += size
    runs = {"runs": (len(found.runs), sum(size for _, size in found.runs))} if found.runs else {}
    return runs | {stage: (counts[stage], sizes[stage]) for stage in counts}


def _print_rows(heading: str, rows: dict[str, tuple[int, int]], console: Console) -> None:
    table = make_table(heading)
    add_number(table, "count")
    add_number(table, "size")
    for what, (count, size) in rows.items():
        add_row(table, what, f"{count:,}", write_bytes(size))
    console.print(table, crop=False)


def _say_done(console: Console, size: int, *, yes: bool) -> None:
    if yes:
        say(console, f"deleted: {write_bytes(size)}", "green")
    else:
        say(console, f"{write_bytes(size)} in all; nothing was deleted: add --yes")


def _as_json(rows: dict[str, tuple[int, int]]) -> dict[str, object]:
    return {what: {"count": count, "bytes": size} for what, (count, size) in rows.items()}


def _print_json(found: dict[str, object]) -> None:
    say(Console(), format_json(found, ascii_only=True).rstrip())
