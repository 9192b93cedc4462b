"""``rateval completion``: a script with which a shell completes commands, options and names."""

from __future__ import annotations

from argparse import REMAINDER, SUPPRESS, ArgumentParser, Namespace
from importlib import resources

from rateval.cli.terminal import say
from rateval.console import Console

SHELLS = {
    "bash": "completion.bash",
    "zsh": "completion.zsh",
    "fish": "completion.fish",
}
"""Name of a shell to the file of its script."""
MARK = ":"
"""What scripts put before each word, so that none of them is read as an option of ours."""


def add_arguments(parser: ArgumentParser) -> None:
    """Declare what the command takes."""
    parser.description = (
        "Print a script for a shell. Once it is read there, Tab completes commands, options, "
        "their values, and names of components."
    )
    parser.add_argument("shell", choices=tuple(SHELLS), metavar="SHELL", help=", ".join(SHELLS))
    parser.add_argument("--answer", nargs=REMAINDER, metavar="WORD", help=SUPPRESS)


def execute(parsed: Namespace) -> int:
    """Print the script, or what could stand in the place of the last word."""
    console = Console()
    if parsed.answer is None:
        script = resources.files("rateval.cli.installation") / SHELLS[parsed.shell]
        say(console, script.read_text(encoding="utf-8").rstrip())
        return 0
    from rateval.cli.installation.answers import answer

    words = [word.removeprefix(MARK) for word in parsed.answer]
    for name, what in answer(words or [""]):
        # Bash shows the words alone; the others what each of them is, too.
        with_what = what and parsed.shell != "bash"
        say(console, f"{name}:{what}" if with_what else name)
    return 0
