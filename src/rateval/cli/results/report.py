"""``rateval report``: print a run again, from its record alone."""

from __future__ import annotations

import json
from argparse import ArgumentParser, Namespace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from rateval.cli.arguments import count_within, path
from rateval.cli.results.going import tell_going
from rateval.cli.results.page import add_form, require_page, write_given
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
        type=count_within(1, MOST_PICTURES),
        metavar="N",
        help="make pictures of N test images of each dataset first, if the data are still there",
    )
    add_form(parser, "run's record")


def execute(parsed: Namespace) -> int:
    """Print the report of a run, the newest in ``./runs`` when none is named."""
    folder = parsed.run or newest_run(Path("runs"))
    require_page(parsed)
    if parsed.no_pictures and parsed.pictures is not None:
        raise RatevalError("--pictures and --no-pictures: leave one of them")
    record = load(folder)
    tell_going(record.path)
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
