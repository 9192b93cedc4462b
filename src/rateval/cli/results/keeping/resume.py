"""``rateval runs resume``: a run started again from what it kept of its spec."""

from __future__ import annotations

import os
from argparse import ArgumentParser, Namespace
from pathlib import Path
from shlex import quote

from rateval.cli.results import score
from rateval.cli.studies.run import exit_code, keeping, open_registry, run_plans
from rateval.cli.terminal import say, warn
from rateval.console import Console
from rateval.engine.keeping.resuming import Again, find_base, find_latest, read_again
from rateval.engine.keeping.runs import RunFolder, list_runs, read_run
from rateval.errors import RatevalError
from rateval.machine.interrupts import INTERRUPTED
from rateval.plan.planning import make_plan
from rateval.records.run import FILE_NAME, RunRecord, load
from rateval.report.printing import print_report
from rateval.spec.overrides import Overrides, read_settings, read_value


def resume_run(parsed: Namespace) -> int:
    """Start a run again, and print the report of the new one."""
    errors = Console(stderr=True)
    run = _choose(parsed, errors)
    if run is None:
        return 0
    record = load(run.path)
    folder, told = find_base(record)
    if folder is not None:
        record = load(run.path.absolute())  # which is the same one seen from there
        parsed.output = str(Path(parsed.output).absolute())
        os.chdir(folder)
    again = None if _was_scored(record) else read_again(record, _read_more(parsed))
    if not parsed.quiet:
        say(errors, f"starts again: {run.path} ({run.state})" + (f"; {told}" if told else ""))
    return _score_again(record) if again is None else _run_again(again, parsed, errors)


def _choose(parsed: Namespace, errors: Console) -> RunFolder | None:
    """Return the run that is meant; None, and why, where there is nothing to be done."""
    if parsed.run is None:
        runs = list_runs(Path(parsed.output))
        found = (runs[0] if runs else None) if parsed.again else find_latest(runs)
        if found is None:
            say(errors, f"{parsed.output}: no run was interrupted, failed or died; name one")
            return None
    else:
        path = Path(parsed.run)
        found = read_run(path.parent if path.name == FILE_NAME else path)
    if found.state == "unreadable":
        load(found.path)  # which says why, and what to do
        raise RatevalError(f"{found.path / FILE_NAME}: {found.why}; give another run")
    if found.state == "running":
        raise RatevalError(f"{found.path}: the run goes on; wait for it, or interrupt it first")
    if found.state == "finished" and not parsed.again:
        say(errors, f"{found.path}: is finished; --again starts it again all the same")
        return None
    return found


def _read_more(parsed: Namespace) -> Overrides:
    found = read_settings(parsed.set)
    if "output" in found:
        raise RatevalError("--set output: a run is started again beside the old one; leave it out")
    if parsed.device is not None:
        found["device"] = ("--device", read_value("device", parsed.device, "--device"))
    return found


def _was_scored(record: RunRecord) -> bool:
    return record.parent is not None and bool(record.parent.asked)


def _score_again(record: RunRecord) -> int:
    """Score the run's parent again, by the options that made the run."""
    assert record.parent is not None
    parser = ArgumentParser(prog="rateval score")
    score.add_arguments(parser)
    return score.execute(parser.parse_args([record.parent.path, *record.parent.asked]))


def _run_again(again: Again, parsed: Namespace, errors: Console) -> int:
    registry = open_registry()
    plan = make_plan(again.document, registry, again.forced)
    asked = Namespace(
        command="run",
        spec=again.document.name,
        quiet=parsed.quiet,
        verbose=parsed.verbose,
        fail_fast=parsed.fail_fast,
        only=list(again.only),
    )
    where = "" if parsed.output == "runs" else f" --output {quote(parsed.output)}"
    again_by = f"rateval runs resume{where}"
    records = run_plans([plan], asked, registry, errors, again=again_by)
    if records is None:
        return INTERRUPTED
    with keeping(records):
        print_report(records[0], Console(), registry, warn)
    return exit_code(records)
