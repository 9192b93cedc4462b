"""``rateval runs``: the runs of a folder, and what is done with them and their results."""

from __future__ import annotations

from argparse import SUPPRESS, ArgumentParser, ArgumentTypeError, Namespace
from datetime import timedelta
from typing import Any

from rateval.cli.arguments import count_within, path
from rateval.cli.studies.validate import add_set
from rateval.machine.interrupts import remembered_interrupts

_MOST = 1_000_000
_UNITS = {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}


def add_arguments(parser: ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.description = (
        "List runs, the newest first: state, cells, age, and what they take on disk. "
        "An ACTION works on them; none deletes anything without --yes."
    )
    _add_output(parser, default="runs")
    _add_form(parser)
    # Named by no one, it lists.
    actions = parser.add_subparsers(dest="action", metavar="ACTION")
    _add_resume(actions)
    verify = actions.add_parser(
        "verify",
        help="look at every byte of the results that runs name",
        epilog="Exit code 0: all is as it was stored. 1: something is damaged or gone. "
        "2: what was asked for is wrong.",
    )
    verify.add_argument(
        "runs", type=path, nargs="*", metavar="RUN", help="folders of runs (default: the newest)"
    )
    verify.add_argument("--all", action="store_true", help="all runs of the folder")
    verify.add_argument("-q", "--quiet", action="store_true", help="no progress")
    clean = actions.add_parser("clean", help="delete what dead runs left in work")
    clean.add_argument(
        "--unfinished",
        action="store_true",
        help="delete states of unfinished trainings, too, which a run would go on from",
    )
    prune = actions.add_parser(
        "prune", help="delete results that no run names, and runs that are old"
    )
    prune.add_argument(
        "--keep-last",
        type=count_within(0, _MOST),
        metavar="N",
        help="delete finished runs as well, but for the N newest",
    )
    prune.add_argument(
        "--older-than",
        type=_span,
        metavar="AGE",
        help="delete finished runs as well that began longer ago, such as 12h, 30d or 8w",
    )
    for action in (verify, clean, prune):
        _add_output(action)
        _add_form(action)
    for action in (clean, prune):
        action.add_argument("--yes", action="store_true", help="delete it (default: list it only)")


def _add_resume(actions: Any) -> None:
    resume = actions.add_parser(
        "resume", help="start a run again that was interrupted, failed or died"
    )
    resume.add_argument(
        "run", type=path, nargs="?", metavar="RUN", help="a run's folder (default: the latest such)"
    )
    resume.add_argument("--again", action="store_true", help="also a run that is finished")
    resume.add_argument("--device", help="auto, cpu, mps, cuda or cuda:N (default: the run's)")
    resume.add_argument("--fail-fast", action="store_true", help="stop at the first failure")
    add_set(resume)
    _add_output(resume)
    amount = resume.add_mutually_exclusive_group()
    amount.add_argument("-q", "--quiet", action="store_true", help="print the report only")
    amount.add_argument("-v", "--verbose", action="store_true", help="print identities too")


def _add_output(parser: ArgumentParser, default: str = SUPPRESS) -> None:
    parser.add_argument(
        "--output",
        metavar="FOLDER",
        type=path,
        default=default,
        help="the folder that runs and results went to (default: runs)",
    )


def _add_form(parser: ArgumentParser) -> None:
    """Declare the forms; an action's own option doesn't undo one that was given before it."""
    form = parser.add_mutually_exclusive_group()
    top = parser.prog.endswith(" runs")
    for option, what in (
        ("json", "print JSON"),
        ("plain", "print in ASCII and without colours, for mails and logs"),
    ):
        default = False if top else SUPPRESS
        form.add_argument(f"--{option}", action="store_true", default=default, help=what)


def _span(text: str) -> timedelta:
    """Return an age. Raises ArgumentTypeError where a text is none.

    >>> _span("30d").days, _span("12h").seconds
    (30, 43200)
    """
    number, unit = text[:-1], text[-1:]
    if number.isascii() and number.isdigit() and len(number) < 6 and unit in _UNITS:
        return int(number) * _UNITS[unit]
    raise ArgumentTypeError(f"{text[:40]}: is no age; give hours, days or weeks: 12h, 30d or 8w")


def execute(parsed: Namespace) -> int:
    """List the runs, or do with them what is asked for."""
    if parsed.action == "resume":  # it takes care of interrupts as `rateval run` does
        from rateval.cli.results.keeping.resume import resume_run

        return resume_run(parsed)
    with remembered_interrupts():
        return _act(parsed)


def _act(parsed: Namespace) -> int:
    if parsed.action is None:
        from rateval.cli.results.keeping.listing import show_runs

        return show_runs(parsed)
    if parsed.action == "verify":
        from rateval.cli.results.keeping.verify import verify_runs

        return verify_runs(parsed)
    from rateval.cli.results.keeping.delete import clean_store, prune_store

    return clean_store(parsed) if parsed.action == "clean" else prune_store(parsed)
