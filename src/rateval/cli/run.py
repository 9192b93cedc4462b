"""``rateval run``."""

from __future__ import annotations

import logging
import os
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from rateval.cli.validate import describe_grid
from rateval.machine.interrupts import INTERRUPTED, remembered_interrupts
from rateval.plan.plan import Plan
from rateval.plan.planning import make_plan
from rateval.progress import make_reporter
from rateval.records.run import RunRecord
from rateval.registry.discovery import discover
from rateval.registry.registry import Registry
from rateval.report.printing import print_report
from rateval.spec.document import Document, read_document
from rateval.spec.overrides import (
    Overrides,
    override_run,
    parse_value,
    read_environment,
    read_settings,
)


def execute(parsed: Namespace) -> int:
    """Check a spec, run it, and print its report."""
    errors, registry = Console(stderr=True), open_registry()
    plan = make_plan(read_overridden(parsed), registry)
    records = run_plans([plan], parsed, registry, errors)
    if records is None:
        return INTERRUPTED
    print_report(records[0], Console(), registry)
    return exit_code(records)


def exit_code(records: Sequence[RunRecord]) -> int:
    """Return 1 when something failed in one of the runs, else 0."""
    return int(any(record.failures for record in records))


def open_registry() -> Registry:
    """Return the plugins found, with a warning on the terminal for each broken one."""
    registry = discover()
    for broken in registry.broken:
        _say(Console(stderr=True), f"warning: {broken}", style="yellow")
    return registry


def read_overridden(parsed: Namespace) -> Document:
    """Return a spec in which environment and command line have replaced what they set."""
    return override_run(read_document(Path(parsed.spec)), _overrides(parsed))


def run_plans(
    plans: Sequence[Plan], parsed: Namespace, registry: Registry, errors: Console
) -> list[RunRecord] | None:
    """Run plans one after the other; None when interrupted, after saying how to go on."""
    reporter = make_reporter(errors, quiet=parsed.quiet, verbose=parsed.verbose)
    if parsed.verbose:
        logging.basicConfig(level=logging.INFO, format="%(name)s: %(message)s")
    # Threads that spin while they wait starve the one that prepares batches. Read when torch loads.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    from rateval.engine.runner import Runner

    records = []
    try:
        with remembered_interrupts():
            for plan in plans:
                if not parsed.quiet:
                    _say(errors, f"{plan.spec.study.name}: {describe_grid(plan)}")
                options: dict[str, Any] = {"fail_fast": parsed.fail_fast, "only": parsed.only}
                records.append(Runner(plan, registry, reporter, **options).run())
    except KeyboardInterrupt:
        store = plan.spec.run.output / "store"
        _say(
            errors,
            f"interrupted: every finished stage and epoch is kept in {store}; "
            f"go on with: rateval {parsed.command} {parsed.spec}",
        )
        return None
    return records


def _say(console: Console, text: str, style: str | None = None) -> None:
    console.print(text, style=style, highlight=False, soft_wrap=True)


def _overrides(parsed: Namespace) -> Overrides:
    found = read_environment() | read_settings(parsed.set)
    for key in ("device", "output", "limit"):
        value = getattr(parsed, key)
        if value is not None:
            found[key] = (f"--{key}", parse_value(value) if key == "limit" else value)
    if parsed.fresh:
        found["reuse"] = ("--fresh", False)
    return found
