"""The table of runs, and the same as JSON."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from shlex import quote
from typing import Any

from rateval.cli.terminal import say
from rateval.console import Console, Text
from rateval.engine.keeping.resuming import list_unfinished
from rateval.engine.keeping.runs import RunFolder, list_runs
from rateval.engine.keeping.taking import Taken, Total, measure
from rateval.json_file import format_json
from rateval.report.terminal.layout import UNDEFINED, add_number, add_row, make_table
from rateval.wording import list_some, write_bytes, write_span

_STYLES = {
    "finished": "green",
    "running": "cyan",
    "running or dead": "cyan",
    "interrupted": "yellow",
    "dead": "red",
    "failed": "red",
    "unreadable": "red",
}
_SHORT = {"running or dead": "running?"}


def show_runs(parsed: Namespace) -> int:
    """Print the runs of a folder."""
    output = Path(parsed.output)
    runs = list_runs(output)
    taken, store = measure(output, runs)
    if parsed.json:
        found = {
            "folder": str(output),
            "runs": [_describe(run, taken[run.path]) for run in runs],
            "store": {"results": store.results, "bytes": store.size, "unnamed": store.unnamed},
        }
        say(Console(), format_json(found, ascii_only=True).rstrip())
        return 0
    console = Console(plain=parsed.plain)
    if runs:
        _print_table(runs, taken, console)
    else:
        say(console, f"{output}: holds no run; make one with: rateval run SPEC")
    for line in _tell(output, runs, store):
        say(console, line, "dim")
    return 0


def _print_table(runs: Sequence[RunFolder], taken: dict[Path, Taken], console: Console) -> None:
    table = make_table("run", "state", tight=True)
    for heading in ("cells", "age", "took", "own", "results", "alone"):
        add_number(table, heading)
    now = datetime.now(UTC)
    for run in runs:
        size = taken[run.path]
        # Most folders are named after their study.
        alike = not run.study or run.path.name.startswith(f"{run.study}-")
        state = _SHORT.get(run.state, run.state)
        state += f" ({run.failures})" if run.failures else ""
        add_row(
            table,
            run.path.name if alike else f"{run.path.name}\n{run.study}",
            Text(state, style=_STYLES[run.state]),
            f"{run.done}/{run.planned}" if run.started else UNDEFINED,
            write_span((now - run.started).total_seconds()) if run.started else UNDEFINED,
            write_span(run.seconds) if run.seconds is not None else UNDEFINED,
            *map(write_bytes, (size.own, size.results, size.alone)),
        )
    console.print(table, crop=False)


def _tell(output: Path, runs: Sequence[RunFolder], store: Total) -> Iterator[str]:
    """Yield what the table can't say: why runs can't be read, and what to do next."""
    yield from (f"{run.path.name}: {run.why}" for run in runs if run.state == "unreadable")
    if runs:
        yield (
            "state (n): n failures; cells: done/planned; own: the run's folder; results: what it "
            "names in the store; alone: what only it names"
        )
    again = [run.path.name for run in list_unfinished(runs)]
    where = "" if str(output) == "runs" else f" --output {quote(str(output))}"
    if again:
        yield f"not finished: {list_some(again)}: rateval runs resume{where}"
    if store.results:
        line = f"{output / 'store'}: {store.results:,} results, {write_bytes(store.size)}"
        named = f", {write_bytes(store.unnamed)} of no run: rateval runs prune{where}"
        yield line + (named if store.unnamed else "")


def _describe(run: RunFolder, size: Taken) -> dict[str, Any]:
    return {
        "name": run.path.name,
        "path": str(run.path),
        "study": run.study or None,
        "state": run.state,
        "why": run.why or None,
        "cells": run.done,
        "planned": run.planned,
        "failures": run.failures,
        "started": run.started.isoformat() if run.started else None,
        "seconds": run.seconds,
        "bytes": {"own": size.own, "results": size.results, "alone": size.alone},
    }
