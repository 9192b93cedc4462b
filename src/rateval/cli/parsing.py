"""A parser of arguments that prints as everything else is printed, and says what was meant."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import IO, Any, NoReturn

from rateval.cli.examples import write_examples
from rateval.wording import meant, show_controls, suggest

_NEAR = 0.6
"""Share of letters that a word of three keeps where two of them are swapped."""


class Parser(argparse.ArgumentParser):
    """A parser whose refusals name the nearest command, choice or option."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.color = False

    def format_help(self) -> str:
        """Return the help, with examples at its end."""
        parts = [super().format_help().rstrip(), write_examples(self.prog)]
        return "\n\n".join(filter(None, parts)) + "\n"

    def print_help(self, file: IO[str] | None = None) -> None:  # type: ignore[override]  # narrower
        """Print the help to ``file``, or to standard output."""
        from rateval.cli.terminal import say
        from rateval.console import Console

        say(Console(file=file), self.format_help().rstrip())

    def parse_args(  # type: ignore[override]  # argparse's has overloads for other namespaces
        self, args: Sequence[str] | None = None, namespace: argparse.Namespace | None = None
    ) -> argparse.Namespace:
        """Return what the words ask for; end the program where one of them is no argument."""
        parsed, rest = self.parse_known_args(args, namespace)
        if rest:
            _last_of(self, parsed).refuse(rest)
        return parsed

    def refuse(self, rest: Sequence[str]) -> NoReturn:
        """End the program for words that are no arguments, with the options nearest to them."""
        hints = [
            hint
            for word in rest
            if word.startswith("--")
            and (hint := meant(word.partition("=")[0], self._option_string_actions))
        ]
        self.error("; ".join([f"unrecognized arguments: {' '.join(rest)}", *hints]))

    def error(self, message: str) -> NoReturn:
        """End the program with usage and ``message``, as text."""
        super().error(show_controls(message))

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        if action.choices is not None and value not in action.choices:
            said = suggest(str(value), map(str, action.choices), near=_NEAR)
            raise argparse.ArgumentError(action, f'invalid choice: "{value}"; {said}')


def _last_of(parser: Parser, parsed: argparse.Namespace) -> Parser:
    """Return the parser of the command, and of its action, that was chosen."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            chosen = action.choices.get(getattr(parsed, action.dest, None) or "")
            if isinstance(chosen, Parser):
                return _last_of(chosen, parsed)
    return parser
