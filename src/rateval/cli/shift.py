"""``rateval shift show``."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from pathlib import Path

from rateval.api.component import Context
from rateval.cli import arguments
from rateval.cli.data import choose_readers, choose_reporter, make_console
from rateval.cli.studies.run import open_registry
from rateval.cli.terminal import say
from rateval.errors import RatevalError
from rateval.machine.interrupts import remembered_interrupts
from rateval.wording import list_some


def add_arguments(parser: ArgumentParser) -> None:
    """Declare what the command takes."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    show = actions.add_parser(
        "show",
        help="write a contact sheet: test images as they are and shifted, evidence drawn, as HTML "
        "or PNG",
    )
    show.add_argument(
        "subject",
        nargs="+",
        metavar="SPEC|DATASET KEY=VALUE",
        help="a spec, whose shifts are shown, or a dataset by name with its params: folder "
        "root=photos masks=masks",
    )
    show.add_argument("--dataset", metavar="LABEL", help="one dataset of the spec")
    _add_shift(show)
    show.add_argument(
        "--html",
        type=arguments.path,
        metavar="FILE",
        help="one page that needs nothing else (default: the dataset's label-shifts.html, without "
        "--png)",
    )
    show.add_argument("--png", type=arguments.path, metavar="FILE", help="one picture")
    show.add_argument(
        "--count", type=arguments.count, metavar="N", default=1, help="test images (default 1)"
    )
    show.add_argument("--class", dest="class_name", metavar="NAME", help="of one class")
    show.add_argument(
        "--readers",
        type=arguments.count,
        metavar="N",
        help="threads that read (default: cores, at most 8)",
    )
    show.add_argument("--plain", action="store_true", help="no colour, blocks or moving line")
    show.add_argument("-q", "--quiet", action="store_true", help="no progress")


def _add_shift(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--use",
        metavar="NAME",
        help="the shift (default corruption); of a spec, one of its entries (default: all)",
    )
    parser.add_argument(
        "--type", nargs="+", default=[], metavar="TYPE", help="types, a row each (default: all)"
    )
    parser.add_argument(
        "--severity",
        nargs="+",
        default=[],
        metavar="N",
        help="severities, a column each (default: all)",
    )
    parser.add_argument(
        "--with",
        nargs="+",
        dest="params",
        default=[],
        metavar="KEY=VALUE",
        help="other params of the shift, such as follows=0.5",
    )


def execute(parsed: Namespace) -> int:
    """Draw test images of one dataset, shifted."""
    with remembered_interrupts():
        return _show(parsed)


def _show(parsed: Namespace) -> int:
    from rateval.inspection.opening import open_all
    from rateval.inspection.sheet.shifted import write_shifts
    from rateval.inspection.sheet.write import Files, default_path
    from rateval.inspection.shifts import Asked, find_shifts
    from rateval.inspection.subject import NO_MODEL, find_subject

    for word in parsed.subject:
        arguments.path(word)
    registry = open_registry()
    # No model sees the sheet: those of a spec need not be there.
    subject = find_subject(parsed.subject, registry, only=parsed.dataset, model=NO_MODEL)
    _require_one(parsed, [dataset.label for dataset in subject.datasets])
    asked = Asked(parsed.use, tuple(parsed.type), tuple(parsed.severity), tuple(parsed.params))
    choices = find_shifts(parsed.subject[0], registry, asked)
    context = Context(readers=choose_readers(parsed))
    (dataset,) = open_all(subject.datasets, context, seed=subject.seed)
    html = Path(parsed.html) if parsed.html else None
    png = Path(parsed.png) if parsed.png else None
    files = Files(html if html or png else default_path(f"{dataset.label}-shifts"), png)
    with choose_reporter(parsed).watch("shifting", dataset.label) as monitor:
        said = write_shifts(
            dataset,
            choices,
            files,
            monitor,
            context,
            count=parsed.count,
            class_name=parsed.class_name,
            seed=subject.seed,
        )
    console = make_console(parsed)
    if said is None:
        say(console, f"{dataset.label}: there is no such sample, and so no sheet")
        return 0
    for path in filter(None, (files.html, files.png)):
        say(console, f"{path}: {said}")
    return 0


def _require_one(parsed: Namespace, labels: Sequence[str]) -> None:
    """Raise RatevalError where there are several datasets."""
    if len(labels) > 1:
        raise RatevalError(
            f"{' '.join(parsed.subject)}: a sheet shows one dataset; there are {list_some(labels)}:"
            " give one, of a spec by --dataset"
        )
