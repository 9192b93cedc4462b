"""``rateval export``: a run as other programs, papers and model hubs read it."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

from rateval.cli.arguments import path
from rateval.cli.results.going import tell_going
from rateval.cli.terminal import say
from rateval.console import Console
from rateval.errors import Problem, SpecError
from rateval.records.gate import GateRecord
from rateval.records.run import RunRecord, load


def add_arguments(parser: ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument("run", type=path, help="a run's folder")
    parser.add_argument(
        "--format",
        required=True,
        help="csv, json, parquet, latex, markdown, model-card, junit, fiftyone or coco",
    )
    parser.add_argument(
        "--what", help="cells (default), comparisons, transitions or rows: one per image"
    )
    parser.add_argument(
        "--cell",
        metavar="CELL",
        action="append",
        default=[],
        help="only the cells of this label or pattern",
    )
    parser.add_argument(
        "--validator",
        metavar="LABEL",
        action="append",
        default=[],
        help="only verdicts by this validator",
    )
    parser.add_argument(
        "--output", metavar="PATH", type=path, help="file or folder (default: print)"
    )
    parser.add_argument(
        "--gate",
        metavar="FILE",
        type=path,
        help="TOML with a [gate] that junit holds the run against (default: that of the spec)",
    )
    parser.add_argument("--force", action="store_true", help="replace what is there")


def execute(parsed: Namespace) -> int:
    """Write what is asked for, and say where on the standard error."""
    # Who asks for another command needn't wait for pyarrow.
    from rateval.report.export.formats import check, export
    from rateval.report.export.output import write_text
    from rateval.report.export.selecting import Selection, select
    from rateval.report.gate.junit import write_junit

    record = load(parsed.run)
    tell_going(record.path)
    output = None if parsed.output is None else Path(parsed.output)
    asked = check(parsed.format, parsed.what, output, force=parsed.force)
    _require_fitting(parsed)
    if asked.format == "junit":
        selection = Selection(record, frozenset(), ())
        verdict = _judge(record, parsed.gate)
        if verdict is not None:
            write_text(output, [write_junit(verdict, record.started, record.seconds)])
            if output is not None:
                say(Console(stderr=True), f"wrote  {output}")
            return 0
    else:
        selection = select(record, parsed.cell, parsed.validator)
    errors = Console(stderr=True)
    for line in export(selection, asked):
        say(errors, line)
    return 0


def _require_fitting(parsed: Namespace) -> None:
    """Raise SpecError for options that the format makes nothing of."""
    problems = []
    if parsed.format != "junit" and parsed.gate is not None:
        told = f"{parsed.format} holds no verdict; take --format junit, or rateval gate"
        problems.append(Problem(f"--gate {parsed.gate}", told))
    if parsed.format == "junit":
        given = [("--cell", text) for text in parsed.cell]
        given += [("--validator", text) for text in parsed.validator]
        told = "junit has the whole plan, or what the [gate] asks for; leave it out"
        problems += [Problem(f"{option} {text}", told) for option, text in given]
    if problems:
        raise SpecError(problems)


def _judge(record: RunRecord, file: str | None) -> GateRecord | None:
    """Return what the gate of a file, or else of the spec, decides; None where there is none."""
    table = record.spec_resolved.get("gate")
    if file is None and not (table or {}).get("require"):
        return None
    from rateval.registry.discovery import discover
    from rateval.scoring.gate.gate import judge_run
    from rateval.spec.gating import Given, read_gate

    gate = read_gate(None if file is None else Path(file), table, Given(), option="--gate")
    return judge_run(record, gate, discover())
