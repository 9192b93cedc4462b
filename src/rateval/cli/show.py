"""``rateval show``: one component with its parameters."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

from rich.table import Table

from rateval.api.kinds import KINDS
from rateval.console import Console, Text
from rateval.errors import RatevalError
from rateval.plan.expanding import axes_of
from rateval.registry.catalogue import explain_missing
from rateval.registry.describe import Parameter, describe_parameters
from rateval.registry.discovery import discover
from rateval.registry.finding import find_component
from rateval.registry.python_file import PythonFile
from rateval.registry.references import params_class
from rateval.registry.registry import Registered


def add_arguments(parser: ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument("kind", choices=KINDS, metavar="KIND", help=", ".join(KINDS))
    parser.add_argument("name", metavar="NAME")


def execute(parsed: Namespace) -> int:
    """Print summary, source, requirements and every parameter of a component."""
    registry = discover()
    try:
        found = find_component(parsed.kind, parsed.name, registry, Path())
    except RatevalError as error:
        raise RatevalError(f"{parsed.kind} {parsed.name}: {error}") from None
    console = Console()
    _print_head(console, found)
    model = params_class(found)
    parameters = describe_parameters(model)
    if parameters:
        console.print(_table(parameters))
        axes = " or ".join(axes_of(model)) if found.kind == "shift" else ""
        if axes:
            console.print(f"\nIn a spec, a list of {axes} is one shift per combination.")
    else:
        console.print("It takes no parameters.")
    return 0


def _print_head(console: Console, found: Registered) -> None:
    component, plugin = found.component, found.plugin
    console.print(Text.assemble((component.name, "bold"), f"  {component.summary}"))
    lines = [
        ("in a spec", f'{KINDS[found.kind].heading} use = "{found.use}"'),
        ("from", str(plugin.path) if isinstance(plugin, PythonFile) else plugin.origin),
        ("source", component.source),
        ("missing", explain_missing(found) or ""),
    ]
    for name, value in lines:
        if value:
            console.print(Text.assemble((f"{name:<10}", "dim"), value))
    console.print()


def _table(parameters: list[Parameter]) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for heading in ("parameter", "type", "default", "description"):
        table.add_column(heading, header_style="dim", overflow="fold")
    table.columns[0].no_wrap = True
    for parameter in parameters:
        kind = parameter.type + (f", {parameter.bounds}" if parameter.bounds else "")
        table.add_row(
            Text(parameter.name, style="bold"),
            Text(kind),
            Text(parameter.default),
            Text(parameter.description),
        )
    return table
