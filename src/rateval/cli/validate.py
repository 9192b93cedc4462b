"""``rateval validate``: everything that can be checked without torch."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

from rich.console import Console

from rateval.api.kinds import KINDS
from rateval.errors import RatevalError
from rateval.plan.plan import Plan
from rateval.plan.planning import make_plan
from rateval.registry.discovery import discover
from rateval.spec.document import read_document
from rateval.spec.overrides import override_run, read_environment, read_settings


def add_arguments(parser: ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument("spec", help="a spec in TOML")
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
    plan = make_plan(document, discover())
    _check_precision(plan)
    Console().print(f"{parsed.spec}: valid: {describe_grid(plan)}", highlight=False, soft_wrap=True)
    return 0


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


def describe_grid(plan: Plan) -> str:
    """Return how many cells a plan has, and of what."""
    parts = [
        f"{len({choice.label for choice in plan.choices[facts.table]})} {facts.table}"
        for kind, facts in KINDS.items()
        if facts.grid and kind != "shift"
    ]
    if plan.choices["shift"]:
        parts.append(f"{1 + len(plan.choices['shift'])} shift (none included)")
    if len(plan.seeds) > 1:
        parts.append(f"{len(plan.seeds)} seeds (where they matter)")
    protocol = plan.spec.study.protocol
    published = "" if protocol == "matched" else f", protocol {protocol}"
    return f"{len(plan.cells)} cells = {' × '.join(parts)}{published}"
