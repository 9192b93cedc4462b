"""``rateval plan``: what a run would do, take and keep, before anybody pays."""

from __future__ import annotations

import dataclasses
import json
import os
from argparse import ArgumentParser, Namespace

from rateval.cli.arguments import count
from rateval.cli.studies.run import declare_overrides, open_registry, read_overridden
from rateval.cli.terminal import say
from rateval.console import Console
from rateval.machine.interrupts import INTERRUPTED, remembered_interrupts
from rateval.plan.planning import make_plan


def add_arguments(parser: ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.description = (
        "What a run of a spec would do: its steps, what of them is stored, images, bytes; with "
        "--measure also seconds and memory. No training is done to its end, and nothing is "
        "written to the store."
    )
    declare_overrides(parser, "a spec in TOML")
    parser.add_argument(
        "--measure",
        action="store_true",
        help="load each model and try a few batches of every kind of step",
    )
    parser.add_argument(
        "--workers",
        type=count,
        metavar="N",
        help="tell the time by N processes (default: the spec's)",
    )
    parser.add_argument(
        "--devices", type=count, metavar="N", help="GPUs that they share (default: 1)"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")


def execute(parsed: Namespace) -> int:
    """Check a spec, look it over, and print what its run would do."""
    errors, registry = Console(stderr=True), open_registry()
    plan = make_plan(read_overridden(parsed), registry)
    # As a run sets it: threads that spin while they wait starve the one that prepares batches.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    from rateval.cli.studies.planned import print_forecast
    from rateval.engine.forecast.make import Asked, make_forecast

    asked = Asked(parsed.only, parsed.measure, parsed.workers, parsed.devices)
    try:
        with remembered_interrupts():
            forecast = make_forecast(plan, asked, lambda line: say(errors, line))
    except KeyboardInterrupt:
        say(errors, "interrupted: nothing was written to the store")
        return INTERRUPTED
    if parsed.json:
        say(Console(), json.dumps(dataclasses.asdict(forecast), indent=2))
    else:
        print_forecast(forecast, Console())
    return 0
