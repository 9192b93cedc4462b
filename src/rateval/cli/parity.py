"""``rateval parity``: a study as matched and as published, or beside what was published."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path
from shlex import quote

from rateval.cli.studies.run import (
    declare_run,
    exit_code,
    keeping,
    open_registry,
    read_overridden,
    run_plans,
)
from rateval.console import Console
from rateval.errors import RatevalError
from rateval.machine.interrupts import INTERRUPTED
from rateval.plan.beside_published import compare_published
from rateval.plan.planning import make_plan
from rateval.plan.published import AAAI25
from rateval.plan.published_values import count_directions, load_published_values
from rateval.records.run import FILE_NAME, RunRecord, load
from rateval.report.terminal.parity import render_parity
from rateval.report.terminal.published import render_published
from rateval.store.remote.urls import is_url


def add_arguments(parser: ArgumentParser) -> None:
    """Declare what the command takes."""
    declare_run(parser, quiet="print the comparison only", spec="a spec in TOML, or a run's folder")
    parser.add_argument(
        "--published",
        action="store_true",
        help="put the published PT and IR beside the run's (a spec is run by aaai25 alone)",
    )


def execute(parsed: Namespace) -> int:
    """Check a spec under both protocols, run both into one store, and print one table of both.

    With ``--published`` print a run, or that of a spec by ``aaai25``, beside the published values.
    """
    if parsed.published:
        return _execute_published(parsed)
    if _holds_run(parsed.spec):
        raise RatevalError(
            f"{parsed.spec}: is a run; parity runs a spec by both protocols, so give a spec, or "
            "put the run beside the published values: "
            f"rateval parity --published {quote(parsed.spec)}"
        )
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


def _execute_published(parsed: Namespace) -> int:
    if is_url(parsed.spec) or Path(parsed.spec).is_dir() or _holds_run(parsed.spec):
        _refuse_options(parsed)
        records: list[RunRecord] | None = [load(parsed.spec)]
    else:
        errors, registry = Console(stderr=True), open_registry()
        plan = make_plan(read_overridden(parsed), registry, AAAI25)
        records = run_plans([plan], parsed, registry, errors)
    if records is None:
        return INTERRUPTED
    (record,) = records
    directions = count_directions(load_published_values())
    with keeping(records):
        shown = render_published(record, compare_published(record), directions)
        Console().print(shown, crop=False)
    return exit_code(records)


def _holds_run(given: str) -> bool:
    path = Path(given)
    return path.name == FILE_NAME or (path / FILE_NAME).is_file()


def _refuse_options(parsed: Namespace) -> None:
    names = ("device", "output", "limit", "fresh", "only", "fail_fast", "set")
    given = [f"--{name.replace('_', '-')}" for name in names if getattr(parsed, name)]
    if given:
        raise RatevalError(
            f"{', '.join(given)}: {parsed.spec} is a run, and nothing is computed of it; leave "
            "this out, or give a spec"
        )
