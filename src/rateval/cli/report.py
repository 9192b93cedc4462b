"""``rateval report``: print a run again, from its record alone."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

from rateval.cli.terminal import warn
from rateval.console import Console
from rateval.errors import RatevalError
from rateval.records.run import FILE_NAME, load
from rateval.registry.discovery import discover
from rateval.report.printing import print_report


def add_arguments(parser: ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument("run", nargs="?", help="a run's folder (default: the newest in ./runs)")


def execute(parsed: Namespace) -> int:
    """Print the report of a run, the newest in ``./runs`` when none is named."""
    path = Path(parsed.run) if parsed.run else newest_run(Path("runs"))
    print_report(load(path), Console(), discover(), warn)
    return 0


def newest_run(output: Path) -> Path:
    """Return the folder of the run that ended last. Raises RatevalError when there is none."""
    files = sorted(output.glob(f"*/{FILE_NAME}"), key=lambda file: file.stat().st_mtime)
    if not files:
        raise RatevalError(
            f"{output}: holds no run; make one with `rateval run SPEC`, "
            "or name the folder of one: `rateval report FOLDER`"
        )
    return files[-1].parent
