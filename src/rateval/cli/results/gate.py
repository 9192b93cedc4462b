"""``rateval gate``: hold a run against requirements, and say so by the exit code."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

from rateval.cli.arguments import path
from rateval.cli.results.going import tell_going
from rateval.cli.results.report import newest_run
from rateval.cli.terminal import say
from rateval.console import Console
from rateval.errors import RatevalError
from rateval.json_file import format_json, write_whole
from rateval.records.gate import GateRecord, Outcome
from rateval.records.run import load
from rateval.registry.discovery import discover
from rateval.report.gate.junit import write_junit
from rateval.report.gate.markdown import write_markdown
from rateval.report.gate.terminal import render_gate
from rateval.spec.gating import Given, read_gate

EXIT: dict[Outcome, int] = {"passed": 0, "failed": 3, "undecided": 4}
"""Outcome to exit code."""

_FILTERS = ("dataset", "model", "method", "shift", "attribution", "validator")


def add_arguments(parser: ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.description = (
        "Hold a run against requirements. Exits with 0 if all are shown to be met, 3 if one is "
        "shown to be broken, and 4 if the images leave it open. Nothing is computed by a model."
    )
    parser.add_argument(
        "run", type=path, nargs="?", help="a run's folder (default: the newest in ./runs)"
    )
    parser.add_argument(
        "--file",
        metavar="FILE",
        type=path,
        help="TOML with a [gate] (default: that of the run's spec)",
    )
    parser.add_argument(
        "--require",
        metavar="RULE",
        action="append",
        default=[],
        help='one more: "accuracy>=0.80", "pt drop<=0.02", "pt rise>=0.01" or '
        '"pt>=0.5 worst class"',
    )
    _add_baseline(parser)
    parser.add_argument(
        "--decide", choices=("interval", "value"), help="by the interval, or by the bare value"
    )
    for name in _FILTERS:
        parser.add_argument(f"--{name}", metavar="LABEL", help=f"ask for this {name} alone")
    parser.add_argument("--junit", metavar="FILE", type=path, help="write JUnit's XML")
    parser.add_argument(
        "--markdown", metavar="FILE", type=path, help="write a comment for a pull request"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")


def _add_baseline(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--against",
        metavar="RUN|METHOD",
        help="what drops and rises are taken against: a run's folder, or a method of this run",
    )
    parser.add_argument(
        "--against-method", metavar="LABEL", help="the method of the run that --against names"
    )
    parser.add_argument(
        "--allow-different-view",
        action="store_true",
        help="compare evidence where the models see other parts of the images",
    )


def execute(parsed: Namespace) -> int:
    """Decide, print and write, and return the outcome's exit code."""
    record = load(parsed.run or newest_run(Path("runs")))
    tell_going(record.path)
    given = Given(
        require=tuple(parsed.require),
        against=parsed.against,
        against_method=parsed.against_method,
        different_view=parsed.allow_different_view,
        decide=parsed.decide,
        only={name: value for name in _FILTERS if (value := getattr(parsed, name)) is not None},
    )
    file = None if parsed.file is None else Path(parsed.file)
    gate = read_gate(file, record.spec_resolved.get("gate"), given)
    # Only who has asked for something sensible waits for what counts.
    from rateval.scoring.gate.gate import judge_run

    verdict = judge_run(record, gate, discover())
    _write(parsed.junit, "--junit", write_junit(verdict, record.started, record.seconds))
    _write(parsed.markdown, "--markdown", write_markdown(verdict))
    _print(verdict, as_json=parsed.json)
    return EXIT[verdict.outcome]


def _print(verdict: GateRecord, *, as_json: bool) -> None:
    if as_json:
        say(Console(), format_json(verdict.model_dump(mode="json"), ascii_only=True))
    else:
        Console().print(render_gate(verdict), crop=False)


def _write(file: str | None, option: str, content: str) -> None:
    if file is None:
        return
    try:
        write_whole(Path(file), content)
    except OSError as error:
        raise RatevalError(
            f"{option} {file}: can't be written ({error.strerror}); name a file in a folder that "
            "is there and can be written to"
        ) from None
