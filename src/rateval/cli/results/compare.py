"""``rateval compare``: runs beside a baseline, on the units that they share."""

from __future__ import annotations

import json
from argparse import ArgumentParser, Namespace
from pathlib import Path

from rateval.cli.arguments import count_within, part, path
from rateval.cli.results.going import tell_going
from rateval.cli.results.page import add_form, require_page, write_given
from rateval.cli.terminal import say
from rateval.console import Console
from rateval.errors import RatevalError
from rateval.json_file import format_json
from rateval.records.compare import CompareRecord
from rateval.report.changed import SUFFIXES, write_changed
from rateval.report.terminal.compare import render_compare
from rateval.scoring.across.call import compare


def add_arguments(parser: ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.add_argument("baseline", type=path, help="the folder of the run to compare with")
    parser.add_argument("runs", type=path, nargs="+", metavar="run", help="folders of other runs")
    parser.add_argument(
        "--pair",
        nargs=2,
        action="append",
        default=[],
        metavar=("BASELINE", "CANDIDATE"),
        help="compare these cells, by label or pattern such as 'clip · ft*' (default: those of "
        "equal labels, and the only method that each run trained)",
    )
    parser.add_argument(
        "--allow-different-view",
        action="store_true",
        help="compare models that see other parts of the images, each by its own evidence",
    )
    parser.add_argument("--level", type=part, help="of the intervals (default: the baseline's)")
    parser.add_argument(
        "--margin",
        type=part,
        help="a change that would not matter, such as 0.02: what is no larger is told",
    )
    _declare_output(parser)


def _declare_output(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--show",
        type=count_within(0),
        default=10,
        metavar="N",
        help="units that changed their quadrant to list of each pair (default: 10)",
    )
    parser.add_argument(
        "--changed",
        type=path,
        metavar="FILE",
        help="write all units that changed their quadrant, as FILE.csv or FILE.json",
    )
    add_form(parser, "comparison")


def execute(parsed: Namespace) -> int:
    """Compare runs with the first one and print what differs."""
    if parsed.changed and Path(parsed.changed).suffix not in SUFFIXES:
        raise RatevalError(
            f"--changed {parsed.changed}: must end with {' or '.join(SUFFIXES)}; name such a file"
        )
    require_page(parsed)
    tell_going(parsed.baseline, *parsed.runs)
    record = compare(
        parsed.baseline,
        *parsed.runs,
        pair=[tuple(one) for one in parsed.pair],
        different_view=parsed.allow_different_view,
        level=parsed.level,
        margin=parsed.margin,
        changed=None if parsed.changed or parsed.html else parsed.show,
    )
    if parsed.changed:
        write_changed(record, Path(parsed.changed))
    if parsed.html:
        _write(record, parsed.html, pictures=not parsed.no_pictures)
        return 0
    if parsed.changed:
        record = _shorten(record, parsed.show)
    if parsed.json:
        say(Console(), format_json(json.loads(record.model_dump_json()), ascii_only=True))
        return 0
    console = Console(plain=parsed.plain)
    console.print(render_compare(record, console.width), crop=False)
    if parsed.changed:
        say(console, f"changed  {parsed.changed}")
    return 0


def _write(record: CompareRecord, given: str, *, pictures: bool) -> None:
    from rateval.report.html.compared.page import write_folder, write_page

    written = write_given(given, write_page, write_folder, record, pictures=pictures)
    say(Console(), f"page  {written}")


def _shorten(record: CompareRecord, most: int) -> CompareRecord:
    pairs = [pair.model_copy(update={"changed": pair.changed[:most]}) for pair in record.pairs]
    return record.model_copy(update={"pairs": tuple(pairs)})
