"""``rateval export``: a run as other programs, papers and model hubs read it."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

from rateval.cli.arguments import path
from rateval.cli.terminal import say
from rateval.console import Console
from rateval.records.run import load


def add_arguments(parser: ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument("run", type=path, help="a run's folder")
    parser.add_argument(
        "--format",
        required=True,
        help="csv, json, parquet, latex, markdown, model-card, fiftyone or coco",
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
    parser.add_argument("--force", action="store_true", help="replace what is there")


def execute(parsed: Namespace) -> int:
    """Write what is asked for, and say where on the standard error."""
    # Who asks for another command needn't wait for pyarrow.
    from rateval.report.export.formats import check, export
    from rateval.report.export.selecting import select

    record = load(parsed.run)
    output = None if parsed.output is None else Path(parsed.output)
    asked = check(parsed.format, parsed.what, output, force=parsed.force)
    selection = select(record, parsed.cell, parsed.validator)
    errors = Console(stderr=True)
    for line in export(selection, asked):
        say(errors, line)
    return 0
