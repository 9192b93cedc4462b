"""Every command's help says what it does, and shows examples that can be typed."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Iterator

import pytest

from rateval.cli.examples import EXAMPLES
from rateval.cli.main import make_parser


def parsers(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    """Yield the parsers of all commands and of their actions."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for one in action.choices.values():
                yield one
                yield from parsers(one)


ALL = {parser.prog.partition(" ")[2]: parser for parser in parsers(make_parser())}


def test_there_are_many() -> None:
    assert {"run", "runs", "runs prune", "model fetch", "doctor", "completion"} <= ALL.keys()
    assert EXAMPLES.keys() == ALL.keys()


@pytest.mark.parametrize("name", ALL)
def test_the_help_of_a_command(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    text = ALL[name].format_help()
    assert ALL[name].description
    shown = [line.strip() for line in text.partition("\nexamples:\n")[2].splitlines()]
    assert shown
    for typed, what in EXAMPLES[name]:
        assert f"rateval {typed}" in shown
        assert what in shown
        assert len(typed) <= 70
        assert len(what) <= 74


@pytest.mark.parametrize("name", ALL)
def test_examples_can_be_typed(name: str) -> None:
    for typed, _ in EXAMPLES[name]:
        words = shlex.split(typed)
        assert " ".join(words[: name.count(" ") + 1]) == name
        parsed = make_parser([words[0]]).parse_args(words)
        assert parsed.command == words[0]


def test_an_example_that_cannot_be_typed_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        make_parser(["run"]).parse_args(["run", "spec.toml", "--limits", "3"])
    assert "unrecognized" in capsys.readouterr().err
