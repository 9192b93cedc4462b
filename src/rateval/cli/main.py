"""The command line: parse, dispatch, and turn errors into exit codes. Imports inside commands."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Collection, Sequence
from contextlib import suppress
from typing import Any, TextIO

from rateval.cli.parsing import Parser
from rateval.errors import OutputError, RatevalError
from rateval.machine.interrupts import INTERRUPTED

BUG = 1
USER_ERROR = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code.

    That is 0, or 1 where something in a study failed, 2 for a user's error, 130 after Ctrl-C. A
    gate's are 3 for failed and 4 for undecided.

    A bug's traceback is printed; the code is then 1.
    """
    words = sys.argv[1:] if arguments is None else arguments
    # The first word that is no option names the command.
    chosen = [word for word in words if not word.startswith("-")][:1]
    try:
        parsed = make_parser(chosen).parse_args(words)
        return int(_module_of(parsed.command).execute(parsed))
    except RatevalError as error:
        _complain(f"error: {error}")
        if isinstance(error, OutputError):
            _give_up(sys.stdout)
        return USER_ERROR
    except KeyboardInterrupt:
        _complain("interrupted")
        return INTERRUPTED
    except BrokenPipeError:  # the reader, such as `head`, has seen enough
        _give_up(sys.stdout)
        return 0
    except Exception:
        import traceback  # who has no bug need not wait for it

        _complain(traceback.format_exc().rstrip())
        return BUG


def _complain(text: str) -> None:
    from rateval.cli.terminal import say
    from rateval.console import Console

    try:
        say(Console(stderr=True), text)
    except (OutputError, BrokenPipeError):  # there is nobody left to tell
        _give_up(sys.stderr)


def _give_up(stream: TextIO) -> None:
    """Let what a stream still holds go nowhere: the interpreter would flush it once more."""
    with suppress(OSError, AttributeError):  # of a test, or closed from the start
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


class _ShowVersion(argparse.Action):
    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from rateval.cli.terminal import say
        from rateval.cli.version import describe_versions
        from rateval.console import Console

        say(Console(), describe_versions())
        parser.exit()


COMMANDS = {
    "run": "run a study",
    "parity": "run a study as matched and as published (aaai25), side by side",
    "validate": "check a spec without running it",
    "plan": "tell what a run would do, take and keep, before it runs",
    "runs": "list runs; start one again, verify what is stored, delete what no run needs",
    "report": "print the report of a run again",
    "compare": "compare runs with a baseline, unit by unit",
    "score": "judge and count a run anew from what it stored, without a model",
    "gate": "hold a run against requirements: exit code 0, 3 or 4",
    "export": "write a run as CSV, Parquet, LaTeX, a FiftyOne dataset and more",
    "list": "list components",
    "show": "show a component and its parameters",
    "import-reference": "make a run of the JSON files of the paper's authors",
    "export-reference": "write a run as such JSON files",
    "export-checkpoint": "write a fine-tuned model of a run in its library's own format",
    "data": "look datasets over before a study, as a report or as pictures",
    "shift": "look shifts over before a study, as pictures",
    "model": "look a model over, download a checkpoint",
    "look": "explain one photo: prediction, relevance, evidence, edits",
    "power": "tell how many images a difference needs, before a study",
    "init": "write a spec for your own photos and model, or a commented starter spec",
    "new-plugin": "write a plugin that works, to put your own component into",
    "check-plugin": "try every promise of a plugin, and name all that are broken",
    "doctor": "tell what of this installation works, is missing or is broken",
    "completion": "print what lets a shell complete commands and names",
}
"""Name of a command to what it does; the module of that name has its arguments and its body."""

OF_STUDIES = frozenset({"run", "validate", "plan", "init"})
"""Those whose modules are in ``cli/studies``."""

OF_INSTALLATION = frozenset({"doctor", "completion"})
"""Those whose modules are in ``cli/installation``."""

OF_RESULTS = frozenset(
    {
        "runs",
        "report",
        "compare",
        "score",
        "gate",
        "export",
        "import-reference",
        "export-reference",
        "look",
    }
)
"""Those whose modules are in ``cli/results``."""


OF_AUTHORS = frozenset({"new-plugin", "check-plugin"})
"""Those for authors of plugins, whose modules are in ``cli/authors``."""


def make_parser(chosen: Collection[str] = tuple(COMMANDS)) -> argparse.ArgumentParser:
    """Return the command line's parser, with the arguments of the ``chosen`` commands.

    Those of the others are left out, because each command's module is imported for its own.
    """
    parser = Parser(
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
            _describe(command, purpose)
    return parser


def _describe(command: argparse.ArgumentParser, purpose: str) -> None:
    """Let a command, and each action of it, say what it does where it says nothing of its own."""
    command.description = command.description or f"{purpose[0].upper()}{purpose[1:]}."
    for argument in command._actions:
        if isinstance(argument, argparse._SubParsersAction):
            for one in argument._choices_actions:
                _describe(argument.choices[one.dest], one.help or one.dest)


def _module_of(command: str) -> Any:
    folder = "rateval.cli"
    if command in OF_RESULTS:
        folder = "rateval.cli.results"
    elif command in OF_STUDIES:
        folder = "rateval.cli.studies"
    elif command in OF_AUTHORS:
        folder = "rateval.cli.authors"
    elif command in OF_INSTALLATION:
        folder = "rateval.cli.installation"
    return importlib.import_module(f"{folder}.{command.replace('-', '_')}")
