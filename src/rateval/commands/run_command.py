"""``rateval run``."""

from __future__ import annotations

import logging
import os
from argparse import Namespace
from pathlib import Path

from rich.console import Console

from rateval.commands.validate_command import describe_grid
from rateval.overrides import Overrides, override_run, parse_value, read_environment, read_settings
from rateval.plan import make_plan
from rateval.plugins import discover
from rateval.progress import make_reporter
from rateval.report import print_report
from rateval.spec import read_document


def execute(parsed: Namespace) -> int:
    """Check a spec, run it, and print its report."""
    console, errors = Console(), Console(stderr=True)
    registry = discover()
    for broken in registry.broken:
        errors.print(f"warning: {broken}", style="yellow", highlight=False, soft_wrap=True)
    document = override_run(read_document(Path(parsed.spec)), _overrides(parsed))
    plan = make_plan(document, registry)
    reporter = make_reporter(errors, quiet=parsed.quiet, verbose=parsed.verbose)
    if not parsed.quiet:
        errors.print(
            f"{plan.spec.study.name}: {describe_grid(plan)}", highlight=False, soft_wrap=True
        )
    if parsed.verbose:
        logging.basicConfig(level=logging.INFO, format="%(name)s: %(message)s")
    # Threads that spin while they wait starve the one that prepares batches. Read when torch loads.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    from rateval.runner import Runner

    try:
        record = Runner(plan, registry, reporter).run()
    except KeyboardInterrupt:
        store = plan.spec.run.output / "store"
        errors.print(
            f"interrupted: every finished stage is kept in {store}; "
            f"go on with: rateval run {parsed.spec}",
            highlight=False,
            soft_wrap=True,
        )
        return 130
    print_report(record, console, registry)
    return 0


def _overrides(parsed: Namespace) -> Overrides:
    found = read_environment() | read_settings(parsed.set)
    for key in ("device", "output", "limit"):
        value = getattr(parsed, key)
        if value is not None:
            found[key] = (f"--{key}", parse_value(value) if key == "limit" else value)
    if parsed.fresh:
        found["reuse"] = ("--fresh", False)
    return found
