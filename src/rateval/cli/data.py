"""``rateval data check`` and ``rateval data show``."""

from __future__ import annotations

import os
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from pathlib import Path
from typing import Any

from rateval.api.component import Context
from rateval.cli import arguments
from rateval.cli.studies.run import open_registry
from rateval.cli.terminal import say
from rateval.console import Console
from rateval.errors import RatevalError
from rateval.inspection.record import Limits
from rateval.inspection.sheet.picking import BY_VIEW, ONLY
from rateval.machine.interrupts import remembered_interrupts
from rateval.progress import PlainReporter, Reporter, make_reporter
from rateval.wording import list_some

_MOST_READERS = 8
_MOST_SHOWN = 1000


def add_arguments(parser: ArgumentParser) -> None:
    """Declare what the command takes."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    check = actions.add_parser(
        "check",
        help="read datasets once and say whether they are fit for a study",
        epilog="Exit code 0: fit. 1: unfit. 2: what was asked for is wrong.",
    )
    _add_subject(check)
    check.add_argument("--json", action="store_true", help="print JSON")
    limits = {name: field.default for name, field in Limits.model_fields.items()}
    for name, what in (
        ("unreadable", "samples of a split that can't be read or are left out"),
        ("vanished", "test images with evidence of which the view shows nothing"),
        ("leaked", "test images whose very pixels training has, too"),
    ):
        check.add_argument(
            f"--max-{name}",
            type=_percent,
            metavar="PERCENT",
            default=limits[name],
            help=f"unfit above this share of {what} (default {limits[name]:g})",
        )
    show = actions.add_parser(
        "show", help="write a contact sheet: samples with their evidence drawn, as HTML or PNG"
    )
    _add_subject(show)
    _add_sheet(show)


def _add_sheet(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--html",
        type=arguments.path,
        metavar="FILE",
        help="one page that needs nothing else (default: the dataset's label.html, without --png)",
    )
    parser.add_argument("--png", type=arguments.path, metavar="FILE", help="one picture")
    parser.add_argument(
        "--count", type=_count_shown, metavar="N", default=48, help="samples (default 48)"
    )
    parser.add_argument("--class", dest="class_name", metavar="NAME", help="of one class")
    parser.add_argument("--split", choices=("test", "train"), help="of one split (default: both)")
    parser.add_argument("--only", choices=ONLY, metavar="WHAT", help=", ".join(ONLY))
    parser.add_argument(
        "--view",
        choices=("stored", "model", "both"),
        default="stored",
        help="images as they are stored (default), as the model sees them, or both",
    )


def _add_subject(parser: ArgumentParser) -> None:
    parser.add_argument(
        "subject",
        nargs="+",
        metavar="SPEC|DATASET KEY=VALUE",
        help="a spec, or datasets by name, each with its params: folder root=photos masks=masks",
    )
    parser.add_argument("--dataset", metavar="LABEL", help="one dataset of the spec")
    parser.add_argument(
        "--model",
        metavar="NAME",
        help="whose view of the evidence counts: one model of the spec in place of all, a model by "
        'name where there is no spec, or "none" for the usual 224 pixel centre crop',
    )
    parser.add_argument(
        "--limit",
        type=arguments.count,
        metavar="N",
        help="look at N samples of each split, by class",
    )
    parser.add_argument(
        "--readers",
        type=arguments.count,
        metavar="N",
        help="threads that read (default: cores, at most 8)",
    )
    parser.add_argument("--plain", action="store_true", help="no colour, blocks or moving line")
    parser.add_argument("-q", "--quiet", action="store_true", help="no progress")


def _percent(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 100:
        raise ArgumentTypeError(f"{text}: must be a number of percent from 0 to 100")
    return value


def _count_shown(text: str) -> int:
    count = arguments.count(text)
    if count > _MOST_SHOWN:
        raise ArgumentTypeError(f"{text}: nobody looks at more than {_MOST_SHOWN:,}")
    return count


def execute(parsed: Namespace) -> int:
    """Look datasets over, or draw samples of one."""
    with remembered_interrupts():
        return _show(parsed) if parsed.action == "show" else _check(parsed)


def _check(parsed: Namespace) -> int:
    from rateval.inspection.check import check_dataset
    from rateval.inspection.printing import show_check
    from rateval.json_file import format_json

    limits = Limits(
        unreadable=parsed.max_unreadable, vanished=parsed.max_vanished, leaked=parsed.max_leaked
    )
    opened, views = _open(parsed)
    console, reporter, readers = (
        make_console(parsed),
        choose_reporter(parsed),
        choose_readers(parsed),
    )
    checks = []
    for dataset in opened:
        with reporter.watch("reading", dataset.label) as monitor:
            checks.append(check_dataset(dataset, views, limits, monitor, readers))
    fit = all(check.fit for check in checks)
    if parsed.json:
        found = {"fit": fit, "datasets": [check.model_dump(mode="json") for check in checks]}
        say(console, format_json(found, ascii_only=True).rstrip())
        return int(not fit)
    for at, check in enumerate(checks):
        for part in [""] if at else []:
            console.print(part)
        console.print(*show_check(check, bar="#" if parsed.plain else "█"), sep="\n")
    return int(not fit)


def _show(parsed: Namespace) -> int:
    from rateval.inspection.sheet.write import Files, Wanted, default_path, write_sheet

    by_view = parsed.only in BY_VIEW or parsed.view != "stored"
    opened, views = _open(parsed, with_views=by_view)
    if len(opened) > 1:
        labels = list_some(dataset.label for dataset in opened)
        raise RatevalError(
            f"{' '.join(parsed.subject)}: a sheet shows one dataset; there are {labels}: give one, "
            "of a spec by --dataset"
        )
    (dataset,) = opened
    html = Path(parsed.html) if parsed.html else None
    png = Path(parsed.png) if parsed.png else None
    files = Files(html if html or png else default_path(dataset.label), png)
    wanted = Wanted(parsed.count, parsed.class_name, parsed.split, parsed.only, parsed.view)
    with choose_reporter(parsed).watch("reading", dataset.label) as monitor:
        said = write_sheet(dataset, wanted, files, views, monitor, choose_readers(parsed))
    console = make_console(parsed)
    if said is None:
        say(console, f"{dataset.label}: there is no such sample, and so no sheet")
    else:
        for path in filter(None, (files.html, files.png)):
            say(console, f"{path}: {said}")
    return 0


def _open(parsed: Namespace, *, with_views: bool = True) -> tuple[Any, Any]:
    """Return the datasets that are asked for, made, and the views of their evidence."""
    from rateval.inspection.opening import open_all
    from rateval.inspection.subject import find_subject
    from rateval.inspection.views import find_views

    for word in parsed.subject:
        arguments.path(word)
    subject = find_subject(parsed.subject, open_registry(), only=parsed.dataset, model=parsed.model)
    context = Context(readers=choose_readers(parsed))
    opened = open_all(subject.datasets, context, seed=subject.seed, limit=parsed.limit)
    return opened, find_views(subject.models, context, subject.seed) if with_views else []


def choose_readers(parsed: Namespace) -> int:
    """Return how many threads read."""
    return int(parsed.readers or min(os.cpu_count() or 1, _MOST_READERS))


def make_console(parsed: Namespace) -> Console:
    """Return what is printed through."""
    return Console(color_system=None) if parsed.plain else Console()


def choose_reporter(parsed: Namespace) -> Reporter:
    """Return what tells how far the reading is."""
    errors = Console(stderr=True)
    if parsed.plain and not parsed.quiet:
        return PlainReporter(errors)
    return make_reporter(errors, quiet=parsed.quiet)
