"""``rateval export-reference``: a run as JSON files of the kind of the paper's authors."""

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
        "--output", metavar="FOLDER", type=path, required=True, help="where to write it"
    )
    parser.add_argument(
        "--cell",
        metavar="CELL",
        action="append",
        default=[],
        help="only the cells of this label or pattern",
    )
    parser.add_argument(
        "--validator", metavar="LABEL", help="whose verdicts (default: the first of the spec)"
    )
    parser.add_argument("--force", action="store_true", help="replace what is there")


def execute(parsed: Namespace) -> int:
    """Write the files of each test, and say what is in them."""
    from rateval.reference.exporting import write_tests
    from rateval.report.export.output import require_free
    from rateval.report.export.selecting import select

    folder = Path(parsed.output)
    require_free(folder, folder=True, force=parsed.force)
    asked = [] if parsed.validator is None else [parsed.validator]
    selection = select(load(parsed.run), parsed.cell, asked)
    errors = Console(stderr=True)
    for line in write_tests(selection, selection.validators[0], folder):
        say(errors, line)
    say(errors, f"wrote  {folder}")
    return 0
