"""``rateval list``: what there is and what could be installed. Imports no component."""

from __future__ import annotations

import json
from argparse import ArgumentParser, Namespace
from dataclasses import asdict, dataclass

from rateval.api.kinds import KINDS, Kind
from rateval.registry.catalogue import explain_missing, load_catalogue
from rateval.registry.discovery import discover
from rateval.registry.registry import BUNDLED_DISTRIBUTION, Registry


@dataclass(frozen=True, slots=True)
class Row:
    """One component as it is listed."""

    kind: Kind
    name: str
    summary: str
    distribution: str
    version: str | None
    available: bool
    missing: str | None
    """What is missing and how to get it; None when nothing is."""


def add_arguments(parser: ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument("kind", nargs="?", choices=KINDS, metavar="KIND", help=", ".join(KINDS))
    parser.add_argument("--all", action="store_true", help="also what could be installed")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--no-third-party", action="store_true", help="bundled components only")


def execute(parsed: Namespace) -> int:
    """Print the components, of one kind if asked, as a table or as JSON."""
    registry = discover(third_party=not parsed.no_third_party)
    rows = installed_rows(registry)
    if parsed.all:
        rows += installable_rows(rows)
    rows = [row for row in rows if parsed.kind in (None, row.kind)]
    if parsed.json:
        from rateval.cli.terminal import say, warn
        from rateval.console import Console

        say(Console(), json.dumps([asdict(row) for row in rows], indent=2))
        slow = (f"slow: {slow}" for slow in registry.slow)
        dated = (f"deprecated: {dated}" for dated in registry.dated)
        for problem in (*registry.broken, *slow, *dated):
            warn(str(problem))
        return 0
    _print_table(rows, registry)
    return 0


def installed_rows(registry: Registry) -> list[Row]:
    """List what the working plugins registered."""
    rows = []
    for kind in KINDS:
        for found in registry.of_kind(kind):
            missing = explain_missing(found)
            component, plugin = found.component, found.plugin
            rows.append(
                Row(
                    kind,
                    component.name,
                    component.summary,
                    plugin.distribution,
                    plugin.version,
                    missing is None,
                    missing,
                )
            )
    return rows


def installable_rows(installed: list[Row]) -> list[Row]:
    """List the rest of the catalogue."""
    have = {(row.kind, row.name) for row in installed}
    return [
        Row(known.kind, known.name, known.summary, known.distribution, None, False, known.install)
        for known in load_catalogue()
        # A bundled one that is not registered is no matter of installing: its plugin is off.
        if (known.kind, known.name) not in have and known.distribution != BUNDLED_DISTRIBUTION
    ]


def _print_table(rows: list[Row], registry: Registry) -> None:
    from rich.table import Table

    from rateval.console import Console, Text

    console = Console()
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    origins = [_origin(row) for row in rows]
    differ = len(set(origins)) > 1
    for heading in ("kind", "name", "summary", *(["from"] if differ else [])):
        table.add_column(heading, header_style="dim", overflow="fold")
    table.columns[1].no_wrap = True
    previous, order = "", list(KINDS)
    for row in sorted(rows, key=lambda row: (order.index(row.kind), row.name)):
        summary = Text(row.summary)
        if row.missing:
            summary.append(f"\n{row.missing}", style="yellow")
        origin = [Text(_origin(row), style="dim")] if differ else []
        table.add_row(
            "" if row.kind == previous else row.kind,
            Text(row.name, style="bold" if row.available else "dim"),
            summary,
            *origin,
        )
        previous = row.kind
    console.print(table)
    if origins and not differ:
        console.print(Text(f"\nall from {origins[0]}", style="dim"))
    for broken in registry.broken:
        console.print(Text(f"broken: {broken}", style="red"))
    for slow in registry.slow:
        console.print(Text(f"slow: {slow}", style="yellow"))
    for dated in registry.dated:
        console.print(Text(f"deprecated: {dated}", style="yellow"))


def _origin(row: Row) -> str:
    return f"{row.distribution} {row.version}" if row.version else "not installed"
