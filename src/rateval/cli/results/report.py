"""``rateval report``: print a run again, from its record alone."""

from __future__ import annotations

import json
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from rateval.cli.arguments import path
from rateval.cli.results.page import write_given
from rateval.cli.terminal import say, warn
from rateval.console import Console
from rateval.errors import RatevalError
from rateval.json_file import format_json
from rateval.machine.interrupts import remembered_interrupts
from rateval.progress import make_reporter
from rateval.records.format import FORMAT
from rateval.records.run import FILE_NAME, RunRecord, load
from rateval.registry.discovery import discover
from rateval.report.printing import print_report
from rateval.spec.extras import MOST_PICTURES


def add_arguments(parser: ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument(
        "run", type=path, nargs="?", help="a run's folder (default: the newest in ./runs)"
    )
    parser.add_argument(
        "--details",
        action="store_true",
        help="add worst classes, scores by mask area and confidence by evidence",
    )
    parser.add_argument(
        "--pictures",
        type=_count,
        metavar="N",
        help="make pictures of N test images of each dataset first, if the data are still there",
    )
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print the run's record as JSON")
    form.add_argument(
        "--plain",
        action="store_true",
        help="print in ASCII and without colours, for mails and logs",
    )
    form.add_argument(
        "--html",
        metavar="FILE",
        type=path,
        help="write a page for a browser, in one file; FOLDER/ has the pictures beside it",
    )
    parser.add_argument(
        "--no-pictures",
        action="store_true",
        help="leave all photos out of the page, with --html",
    )


def execute(parsed: Namespace) -> int:
    """Print the report of a run, the newest in ``./runs`` when none is named."""
    folder = Path(parsed.run) if parsed.run else newest_run(Path("runs"))
    if parsed.no_pictures and not parsed.html:
        raise RatevalError("--no-pictures: nothing to leave out of; give it with --html FILE")
    if parsed.no_pictures and parsed.pictures is not None:
        raise RatevalError("--pictures and --no-pictures: leave one of them")
    record = load(folder)
    if parsed.json and parsed.details:
        raise RatevalError(
            "--details: --json prints all that is known already; leave one of them out"
        )
    if parsed.pictures is not None:
        record = _make_pictures(record, parsed.pictures)
    if parsed.html:
        _write(record, parsed.html, pictures=not parsed.no_pictures)
    elif parsed.json:
        content = record.model_dump(mode="json") | {"format": FORMAT}
        say(Console(), format_json(content, ascii_only=True))
    else:
        print_report(record, Console(plain=parsed.plain), discover(), warn, details=parsed.details)
    return 0


def _write(record: RunRecord, given: str, *, pictures: bool) -> None:
    from rateval.report.html.page import write_folder, write_page

    written = write_given(given, write_page, write_folder, record, pictures=pictures)
    say(Console(), f"page  {written}")


def _count(text: str) -> int:
    if not text.isascii() or not text.isdecimal() or not 1 <= int(text) <= MOST_PICTURES:
        raise ArgumentTypeError(f"{text}: must be a whole number from 1 to {MOST_PICTURES:,}")
    return int(text)


def _make_pictures(record: RunRecord, count: int) -> RunRecord:
    # Only who asks for pictures waits for torch.
    from rateval.engine.picturing.later import make_pictures

    reporter = make_reporter(Console(stderr=True))
    with remembered_interrupts():
        return make_pictures(record, count, discover(), reporter)


def newest_run(output: Path) -> Path:
    """Return the folder of the run that ended last, as the runs' records say.

    Raises RatevalError when there is none.
    """
    ends = {file.parent: _ended(file) for file in sorted(output.glob(f"*/{FILE_NAME}"))}
    for folder in (folder for folder, end in ends.items() if end is None):
        warn(f"{folder / FILE_NAME}: does not say when the run ended, and is passed over")
    told = {folder: end for folder, end in ends.items() if end is not None}
    if not told:
        raise RatevalError(
            f"{output}: holds no run; make one with `rateval run SPEC`, "
            "or name the folder of one: `rateval report FOLDER`"
        )
    return max(told, key=lambda folder: told[folder])


def _ended(file: Path) -> datetime | None:
    try:
        said = json.loads(file.read_bytes())
        started = datetime.fromisoformat(said["started"]).astimezone(UTC)
        return started + timedelta(seconds=said["seconds"])
    except (OSError, ValueError, TypeError, LookupError, ArithmeticError, RecursionError):
        return None
