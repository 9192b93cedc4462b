"""``rateval run``."""

from __future__ import annotations

import logging
import os
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from shlex import quote
from typing import Any

from rateval.cli.arguments import path
from rateval.cli.studies.validate import add_set, describe_plan
from rateval.cli.terminal import say, warn
from rateval.console import Console
from rateval.engine.executors.ahead import import_ahead
from rateval.errors import OutputError
from rateval.machine.allocation import keep_freed_memory
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
    read_environment,
    read_settings,
    read_value,
)
from rateval.wording import show_controls, write_command


def add_arguments(parser: ArgumentParser) -> None:
    """Declare what the command takes."""
    declare_run(parser, quiet="print the report only")


def declare_run(parser: ArgumentParser, *, quiet: str, spec: str = "a spec in TOML") -> None:
    """Declare the arguments of commands that run a study."""
    declare_overrides(parser, spec)
    parser.add_argument("--fail-fast", action="store_true", help="stop at the first failure")
    amount = parser.add_mutually_exclusive_group()
    amount.add_argument("-q", "--quiet", action="store_true", help=quiet)
    amount.add_argument("-v", "--verbose", action="store_true", help="print identities too")


def declare_overrides(parser: ArgumentParser, spec: str) -> None:
    """Declare the spec, and the arguments that say what of it is run, and where."""
    parser.add_argument("spec", type=path, help=spec)
    parser.add_argument("--device", help="auto, cpu, mps, cuda or cuda:N")
    parser.add_argument("--output", metavar="FOLDER", help="where runs and results go")
    parser.add_argument("--limit", metavar="N", help="use at most N samples of every split")
    parser.add_argument(
        "--fresh", action="store_true", help="compute everything again, reuse no stored result"
    )
    parser.add_argument(
        "--only",
        metavar="CELL",
        action="append",
        default=[],
        help="compute the cells of this label or pattern; show of others what is stored",
    )
    parser.add_argument("--no-pictures", action="store_true", help="keep no pictures of images")
    add_set(parser)


def execute(parsed: Namespace) -> int:
    """Check a spec, run it, and print its report."""
    errors, registry = Console(stderr=True), open_registry()
    plan = make_plan(read_overridden(parsed), registry)
    records = run_plans([plan], parsed, registry, errors)
    if records is None:
        return INTERRUPTED
    with keeping(records):
        print_report(records[0], Console(), registry, warn)
    return exit_code(records)


@contextmanager
def keeping(records: Sequence[RunRecord]) -> Iterator[None]:
    """Say where the runs are kept when their report cannot be printed."""
    try:
        yield
    except OutputError as error:
        kept = ", ".join(f"rateval report {quote(record.place)}" for record in records)
        raise OutputError(f"{error}; the run is kept and printed again by: {kept}") from error


def exit_code(records: Sequence[RunRecord]) -> int:
    """Return 1 when something failed in one of the runs, else 0."""
    return int(any(record.failures for record in records))


def open_registry() -> Registry:
    """Return the plugins found, with a warning on the terminal for each broken one."""
    registry = discover()
    for broken in registry.broken:
        warn(str(broken))
    return registry


def read_overridden(parsed: Namespace) -> Document:
    """Return a spec in which environment and command line have replaced what they set."""
    return override_run(read_document(Path(parsed.spec)), _overrides(parsed))


def run_plans(
    plans: Sequence[Plan],
    parsed: Namespace,
    registry: Registry,
    errors: Console,
    *,
    again: str = "",
) -> list[RunRecord] | None:
    """Run plans one after the other; None when interrupted, after saying how to go on.

    That is by the same command, unless ``again`` is another one.
    """
    reporter = make_reporter(errors, quiet=parsed.quiet, verbose=parsed.verbose)
    if parsed.verbose:
        handler = logging.StreamHandler()
        handler.setFormatter(VisibleFormatter("%(name)s: %(message)s"))
        logging.basicConfig(level=logging.INFO, handlers=[handler])
    # Threads that spin while they wait starve the one that prepares batches. Read when torch loads.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    keep_freed_memory()
    records = []
    try:
        for plan in plans:
            import_ahead(plan)
        from rateval.engine.runner import Runner

        with remembered_interrupts():
            for plan in plans:
                if not parsed.quiet:
                    say(errors, f"{plan.spec.study.name}: {describe_plan(plan)}")
                options: dict[str, Any] = {"fail_fast": parsed.fail_fast, "only": parsed.only}
                records.append(Runner(plan, registry, reporter, **options).run())
    except KeyboardInterrupt:
        store = f"{plan.spec.run.output}/store"
        say(
            errors,
            "interrupted: every finished stage, and what a training goes on from, is kept in "
            f"{store}; go on with: "
            + (again or write_command(parsed.command, parsed.spec, plan.document.overrides)),
        )
        return None
    return records


class VisibleFormatter(logging.Formatter):
    """What libraries log, with control characters visible."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line of a record."""
        return show_controls(super().format(record))


def _overrides(parsed: Namespace) -> Overrides:
    found = read_environment() | read_settings(parsed.set)
    for key in ("device", "output", "limit"):
        value = getattr(parsed, key)
        if value is not None:
            found[key] = (f"--{key}", read_value(key, value, f"--{key}"))
    if parsed.no_pictures:
        found["report.pictures"] = ("--no-pictures", 0)
    if parsed.fresh:
        found["reuse"] = ("--fresh", False)
    return found
