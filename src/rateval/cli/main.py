"""The command line: parse, dispatch, and turn errors into exit codes. Imports inside commands."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Sequence

from rateval.api.kinds import KINDS
from rateval.errors import RatevalError
from rateval.machine.interrupts import INTERRUPTED

USER_ERROR = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code: 0, 2 for a user's error, 130 after Ctrl-C.

    A bug keeps its traceback; Python then exits with 1.
    """
    parsed = make_parser().parse_args(arguments)
    name = parsed.command.replace("-", "_")
    command = importlib.import_module(f"rateval.cli.{name}")
    try:
        return int(command.execute(parsed))
    except RatevalError as error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201 - the message itself
        return USER_ERROR
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)  # noqa: T201
        return INTERRUPTED
    except BrokenPipeError:
        # The reader, such as `head`, has seen enough; the interpreter must not flush once more.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


class _ShowVersion(argparse.Action):
    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from rateval.cli.version import describe_versions

        print(describe_versions())  # noqa: T201
        parser.exit()


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(
        prog="rateval",
        description="Tell whether a vision-language model is right for the right reasons.",
        epilog="Start with `rateval init`, or look around with `rateval list`.",
    )
    parser.add_argument(
        "--version", nargs=0, action=_ShowVersion, help="show rateval, its plugins and versions"
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _add_run(commands.add_parser("run", help="run a study"), "print the report only")
    comparing = "run a study as matched and as published (aaai25), side by side"
    _add_run(commands.add_parser("parity", help=comparing), "print the comparison only")
    validate = commands.add_parser("validate", help="check a spec without running it")
    validate.add_argument("spec", help="a spec in TOML")
    _add_set(validate)
    report = commands.add_parser("report", help="print the report of a run again")
    report.add_argument("run", nargs="?", help="a run's folder (default: the newest in ./runs)")
    listing = commands.add_parser("list", help="list components")
    listing.add_argument("kind", nargs="?", choices=KINDS, metavar="KIND", help=", ".join(KINDS))
    listing.add_argument("--all", action="store_true", help="also what could be installed")
    listing.add_argument("--json", action="store_true", help="print JSON")
    listing.add_argument("--no-third-party", action="store_true", help="bundled components only")
    show = commands.add_parser("show", help="show a component and its parameters")
    show.add_argument("kind", choices=KINDS, metavar="KIND", help=", ".join(KINDS))
    show.add_argument("name", metavar="NAME")
    exporting = "write a fine-tuned model of a run in its library's own format"
    _add_export(commands.add_parser("export-checkpoint", help=exporting))
    _add_model(commands.add_parser("model", help="look a model over, download a checkpoint"))
    init = commands.add_parser("init", help="write a commented starter spec")
    init.add_argument("path", nargs="?", default="spec.toml", help="default: spec.toml")
    init.add_argument("--force", action="store_true", help="replace an existing file")
    return parser


def _add_run(parser: argparse.ArgumentParser, quiet: str) -> None:
    parser.add_argument("spec", help="a spec in TOML")
    parser.add_argument("--device", help="auto, cpu, mps, cuda or cuda:N")
    parser.add_argument("--output", metavar="FOLDER", help="where runs and results go")
    parser.add_argument("--limit", metavar="N", help="use at most N samples of every split")
    parser.add_argument(
        "--fresh", action="store_true", help="compute everything again, reuse no stored result"
    )
    parser.add_argument(
        "--only",
        metavar="CELL",
        action="append",
        default=[],
        help="compute the cells of this label or pattern; show of others what is stored",
    )
    parser.add_argument("--fail-fast", action="store_true", help="stop at the first failure")
    _add_set(parser)
    amount = parser.add_mutually_exclusive_group()
    amount.add_argument("-q", "--quiet", action="store_true", help=quiet)
    amount.add_argument("-v", "--verbose", action="store_true", help="print identities too")


def _add_export(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", help="a run's folder")
    parser.add_argument("--to", metavar="FOLDER", required=True, help="where to write it")
    for option in ("model", "finetune", "dataset"):
        parser.add_argument(f"--{option}", metavar="LABEL", help=f"which {option} of the study")
    parser.add_argument("--seed", metavar="N", type=int, help="which seed of the study")
    parser.add_argument("--force", action="store_true", help="write into a folder with files in it")


def _add_model(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    check = actions.add_parser("check", help="load models and test that recording changes nothing")
    check.add_argument("spec_or_name", metavar="SPEC|NAME", help="a spec, or a model by name")
    check.add_argument("--device", default="cpu", help="auto, cpu, mps, cuda or cuda:N")
    fetch = actions.add_parser("fetch", help="download an official checkpoint")
    fetch.add_argument("name", nargs="?", metavar="NAME", help="none lists what is known")
    fetch.add_argument("--folder", help="where to put it (default: the cache)")
    fetch.add_argument("--dry-run", action="store_true", help="print address and path only")


def _add_set(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--set",
        metavar="KEY=VALUE",
        action="append",
        default=[],
        help="set a key of [run]; may be repeated",
    )
