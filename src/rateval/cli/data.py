"""``rateval data check`` and ``rateval data show``."""

from __future__ import annotations

import os
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from typing import Any

from rateval.api.component import Context
from rateval.cli import arguments
from rateval.cli.run import open_registry
from rateval.cli.terminal import say
from rateval.console import Console
from rateval.inspection.record import Limits
from rateval.machine.interrupts import remembered_interrupts
from rateval.progress import PlainReporter, Reporter, make_reporter

_MOST_READERS = 8


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
        "--limit", type=_count, metavar="N", help="look at N samples of each split, by class"
    )
    parser.add_argument(
        "--readers", type=_count, metavar="N", help="threads that read (default: cores, at most 8)"
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


def _count(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 0 < int(text[:12]) < 10**9:
        raise ArgumentTypeError(f"{text[:40]}: must be a whole number of 1 or more")
    return int(text)


def execute(parsed: Namespace) -> int:
    """Look datasets over."""
    with remembered_interrupts():
        return _check(parsed)


def _check(parsed: Namespace) -> int:
    from rateval.inspection.check import check_dataset
    from rateval.inspection.printing import show_check
    from rateval.json_file import format_json

    limits = Limits(
        unreadable=parsed.max_unreadable, vanished=parsed.max_vanished, leaked=parsed.max_leaked
    )
    opened, views = _open(parsed)
    console, reporter, readers = _console(parsed), _reporter(parsed), _readers(parsed)
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


def _open(parsed: Namespace) -> tuple[Any, Any]:
    """Return the datasets that are asked for, made, and the views of their evidence."""
    from rateval.inspection.opening import open_all
    from rateval.inspection.subject import find_subject
    from rateval.inspection.views import find_views

    for word in parsed.subject:
        arguments.path(word)
    subject = find_subject(parsed.subject, open_registry(), only=parsed.dataset, model=parsed.model)
    context = Context(readers=_readers(parsed))
    opened = open_all(subject.datasets, context, seed=subject.seed, limit=parsed.limit)
    return opened, find_views(subject.models, context, subject.seed)


def _readers(parsed: Namespace) -> int:
    return int(parsed.readers or min(os.cpu_count() or 1, _MOST_READERS))


def _console(parsed: Namespace) -> Console:
    return Console(color_system=None) if parsed.plain else Console()


def _reporter(parsed: Namespace) -> Reporter:
    errors = Console(stderr=True)
    if parsed.plain and not parsed.quiet:
        return PlainReporter(errors)
    return make_reporter(errors, quiet=parsed.quiet)
