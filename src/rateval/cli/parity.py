"""``rateval parity``: a study as matched and as published, side by side."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from rateval.cli.run import (
    declare_run,
    exit_code,
    keeping,
    open_registry,
    read_overridden,
    run_plans,
)
from rateval.console import Console
from rateval.machine.interrupts import INTERRUPTED
from rateval.plan.planning import make_plan
from rateval.report.terminal.parity import render_parity


def add_arguments(parser: ArgumentParser) -> None:
    """Declare what the command takes."""
    declare_run(parser, quiet="print the comparison only")


def execute(parsed: Namespace) -> int:
    """Check a spec under both protocols, run both into one store, and print one table of both."""
    errors, registry = Console(stderr=True), open_registry()
    document = read_overridden(parsed)
    plans = [make_plan(document, registry, protocol) for protocol in ("matched", "aaai25")]
    from rateval.scoring.protocols import compare_protocols

    records = run_plans(plans, parsed, registry, errors)
    if records is None:
        return INTERRUPTED
    matched, published = records
    differences = compare_protocols(plans, (matched, published))
    with keeping(records):
        Console().print(render_parity(matched, published, differences), crop=False)
    return exit_code(records)
