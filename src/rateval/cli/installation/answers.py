"""What could be typed next, by the parsers themselves: nothing here knows a command."""

from __future__ import annotations

from argparse import Action, ArgumentParser, _SubParsersAction
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from rateval.api.kinds import KINDS

Answer = tuple[str, str]
"""A word, and what it is."""

_NAMES = {
    "--model": "model",
    "--attribution": "attribution",
    "--validator": "validator",
    "--evidence": "validator",
    "--metric": "metric",
    "--tracker": "tracker",
}
"""Options whose values are called by a component's name, where they take NAME."""


@dataclass
class _Reading:
    """Where in a command line one is."""

    parser: ArgumentParser
    option: Action | None = None
    """The option whose values come next."""
    values: int = 0
    """Of that option, already given."""
    given: list[str] = field(default_factory=list)
    """Words in the places of arguments without an option."""

    def take(self, word: str) -> None:
        """Read one word that is whole."""
        if word.startswith("-") and word != "-":
            self.option, self.values = self.parser._option_string_actions.get(word), 0
            if self.option is not None and not _takes(self.option, 0):
                self.option = None
        elif self.option is not None:
            self.values += 1
            if not _takes(self.option, self.values):
                self.option = None
        else:
            self._go_into(word)

    def _go_into(self, word: str) -> None:
        wanted = self.wanted()
        if isinstance(wanted, _SubParsersAction) and word in wanted.choices:
            self.parser, self.given = wanted.choices[word], []
        else:
            self.given.append(word)

    def wanted(self) -> Action | None:
        """Return the argument without an option that comes next."""
        places = [action for action in self.parser._actions if not action.option_strings]
        for place in places[len(self.given) :]:
            return place
        return places[-1] if places and places[-1].nargs in ("*", "+") else None


def _takes(option: Action, given: int) -> bool:
    """Return whether an option that has so many values may have another one."""
    if isinstance(option.nargs, int):
        return given < option.nargs
    return option.nargs in ("*", "+") or given < 1


def answer(words: Sequence[str]) -> list[Answer]:
    """Return what could stand in the place of the last word, by the others; none: a file's name.

    >>> answer(["comp"])[0][0], [name for name, _ in answer(["export", "--wh"])]
    ('compare', ['--what'])
    """
    from rateval.cli.main import make_parser

    commands = [word for word in words[:-1] if not word.startswith("-")][:1]
    reading = _Reading(make_parser(commands))
    for word in words[:-1]:
        reading.take(word)
    begun = words[-1]
    found = _options(reading.parser) if begun.startswith("-") else _values(reading)
    return [one for one in found if one[0].startswith(begun)]


def _options(parser: ArgumentParser) -> Iterator[Answer]:
    for action in parser._actions:
        for name in action.option_strings:
            if name.startswith("--") and action.help != "==SUPPRESS==":
                yield name, _shorten(action.help or "")


def _values(reading: _Reading) -> Iterable[Answer]:
    action = reading.option or reading.wanted()
    if action is None:
        return ()
    if isinstance(action, _SubParsersAction):
        return [(one.dest, _shorten(one.help or "")) for one in action._choices_actions]
    if action.choices is not None:
        return [(str(choice), "") for choice in action.choices]
    return _components(reading, action)


def _components(reading: _Reading, action: Action) -> Iterable[Answer]:
    """Return names that rateval knows, where a word is one."""
    called, place = reading.parser.prog, str(action.metavar or action.dest)
    kind = None
    if action.option_strings == ["--format"]:
        return _formats()
    if action.option_strings:
        first = reading.values == 0 and "NAME" in str(action.metavar)
        kind = _NAMES.get(action.option_strings[-1]) if first else None
    elif called.endswith(" model fetch"):
        return _checkpoints()
    elif called.endswith(" model check"):
        kind = "model"
    elif place == "NAME" and reading.given and reading.given[-1] in KINDS:
        kind = reading.given[-1]
    return _of_kind(kind) if kind else ()


def _formats() -> list[Answer]:
    from rateval.report.export.formats import FORMATS

    return [(name, "") for name in FORMATS]


def _checkpoints() -> list[Answer]:
    from rateval.checkpoints.official import load_checkpoints

    return [(row.name, row.file) for row in load_checkpoints()]


def _of_kind(kind: Any) -> list[Answer]:
    from rateval.registry.discovery import discover

    found = discover().of_kind(kind)
    return [(one.component.name, _shorten(one.component.summary)) for one in found]


def _shorten(text: str) -> str:
    """Return what a shell has room for beside a word.

    >>> _shorten("a " * 40).endswith("…")
    True
    """
    text = " ".join(text.replace("%%", "%").split())
    return text if len(text) <= 60 else f"{text[:59]}…"
