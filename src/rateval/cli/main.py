"""The command line: parse, dispatch, and turn errors into exit codes. Imports inside commands."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Collection, Sequence
from typing import Any

from rateval.errors import RatevalError
from rateval.machine.interrupts import INTERRUPTED

USER_ERROR = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code.

    That is 0, or 1 where something in a study failed, 2 for a user's error, 130 after Ctrl-C.

    A bug keeps its traceback; Python then exits with 1.
    """
    words = sys.argv[1:] if arguments is None else arguments
    # The first word that is no option names the command.
    parsed = make_parser([word for word in words if not word.startswith("-")][:1]).parse_args(words)
    try:
        return int(_module_of(parsed.command).execute(parsed))
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


COMMANDS = {
    "run": "run a study",
    "parity": "run a study as matched and as published (aaai25), side by side",
    "validate": "check a spec without running it",
    "report": "print the report of a run again",
    "list": "list components",
    "show": "show a component and its parameters",
    "export-checkpoint": "write a fine-tuned model of a run in its library's own format",
    "model": "look a model over, download a checkpoint",
    "init": "write a commented starter spec",
}
"""Name of a command to what it does; the module of that name has its arguments and its body."""


def make_parser(chosen: Collection[str] = tuple(COMMANDS)) -> argparse.ArgumentParser:
    """Return the command line's parser, with the arguments of the ``chosen`` commands.

    Those of the others are left out, because each command's module is imported for its own.
    """
    parser = argparse.ArgumentParser(
        prog="rateval",
        description="Tell whether a vision-language model is right for the right reasons.",
        epilog="Start with `rateval init`, or look around with `rateval list`.",
    )
    parser.add_argument(
        "--version", nargs=0, action=_ShowVersion, help="show rateval, its plugins and versions"
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, purpose in COMMANDS.items():
        command = commands.add_parser(name, help=purpose)
        if name in chosen:
            _module_of(name).add_arguments(command)
    return parser


def _module_of(command: str) -> Any:
    return importlib.import_module(f"rateval.cli.{command.replace('-', '_')}")
