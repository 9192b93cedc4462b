"""``rateval validate``: everything that can be checked without torch."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

from rateval.api.use import read_use
from rateval.cli.arguments import path
from rateval.cli.terminal import say
from rateval.console import Console
from rateval.errors import RatevalError
from rateval.plan.cells import describe_grid
from rateval.plan.plan import Plan
from rateval.plan.planning import make_plan
from rateval.registry.discovery import discover
from rateval.spec.document import Document, read_document
from rateval.spec.overrides import override_run, read_environment, read_settings
from rateval.spec.tables import TABLES
from rateval.wording import write_count


def add_arguments(parser: ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument("spec", type=path, help="a spec in TOML")
    add_set(parser)


def add_set(parser: ArgumentParser) -> None:
    """Declare ``--set``, which every command that reads a spec takes."""
    parser.add_argument(
        "--set",
        metavar="KEY=VALUE",
        action="append",
        default=[],
        help="set a key of [run]; may be repeated",
    )


def execute(parsed: Namespace) -> int:
    """Check a spec and print what it would run."""
    document = read_document(Path(parsed.spec))
    document = override_run(document, read_environment() | read_settings(parsed.set))
    _say_what_runs(document)
    plan = make_plan(document, discover())
    _check_precision(plan)
    say(Console(), f"{parsed.spec}: valid: {describe_plan(plan)}")
    return 0


def _say_what_runs(document: Document) -> None:
    """Name the files of the spec's components, before any of them is imported."""
    tables = [document.data.get(table, []) for table in TABLES]
    entries = [e for table in tables for e in (table if isinstance(table, list) else [table])]
    uses = [entry.get("use") for entry in entries if isinstance(entry, dict)]
    named = [read_use(use) for use in uses if isinstance(use, str)]
    files = {str(document.folder / use.file): None for use in named if use is not None}
    if files:
        say(Console(), f"{document.name}: runs the code of {', '.join(files)}")


def _check_precision(plan: Plan) -> None:
    options = plan.spec.run
    if options.precision == "float32":
        return
    # Only who asks for another format has to wait for torch.
    from rateval.machine.device import resolve_device
    from rateval.machine.precision import require_precision

    try:
        device = resolve_device(options.device)
    except RatevalError:
        return  # a device of another machine, where the run itself asks
    require_precision(options.precision, device)


def describe_plan(plan: Plan) -> str:
    """Return how many cells a plan has, and of what."""
    protocol = plan.spec.study.protocol
    published = "" if protocol == "matched" else f", protocol {protocol}"
    cells = write_count(len(plan.cells), "cell")
    return f"{cells} = {describe_grid(plan.choices, plan.seeds)}{published}"
