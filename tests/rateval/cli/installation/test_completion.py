"""What shells complete, by the shells themselves where they are installed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from rateval.cli.installation.answers import answer
from rateval.cli.installation.completion import SHELLS
from rateval.cli.main import COMMANDS

Rateval = Callable[..., Any]


def names(*words: str) -> list[str]:
    return [name for name, _ in answer(words)]


def test_commands_actions_and_options() -> None:
    assert names("") == list(COMMANDS)
    assert names("comp") == ["compare", "completion"]
    assert names("runs", "") == ["resume", "verify", "clean", "prune"]
    assert "--older-than" in names("runs", "prune", "--")
    assert names("runs", "prune", "--keep-last", "3", "--ol") == ["--older-than"]
    assert names("gate", "--decide", "") == ["interval", "value"]
    assert "--answer" not in names("completion", "--")


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("show", ""), "model"),
        (("show", "model", "cl"), "clip"),
        (("look", "x.png", "--model", "cl"), "clip"),
        (("look", "--attribution", "generic-a"), "generic-attention"),
        (("model", "check", "cl"), "clip"),
        (("model", "fetch", "clip-vit-b-3"), "clip-vit-b-32"),
        (("export", "RUN", "--format", "la"), "latex"),
        (("list", "metr"), "metric"),
    ],
)
def test_values_and_names(words: tuple[str, ...], expected: str) -> None:
    assert expected in names(*words)


@pytest.mark.parametrize(
    "words",
    [
        ("run", ""),
        ("run", "--output", ""),
        ("look", "x.png", "--model", "clip", ""),
        ("show", "no-such-kind", ""),
        ("no-such-command", "x"),
    ],
)
def test_elsewhere_the_shell_offers_files(words: tuple[str, ...]) -> None:
    assert names(*words) == []


@pytest.mark.parametrize("shell", SHELLS)
def test_the_script_is_printed(rateval: Rateval, shell: str) -> None:
    done = rateval("completion", shell)
    assert done.code == 0
    assert f"rateval completion {shell} --answer" in done.out


def test_no_word_is_read_as_an_option_of_ours(rateval: Rateval) -> None:
    assert "--limit" in rateval("completion", "bash", "--answer", ":run", ":--").out.split()
    assert rateval("completion", "bash", "--answer", ":--", ":--help", ":-h").code == 0


def run(command: Sequence[str], tmp_path: Path, **more: str) -> str:
    """Return what a shell says, for which ``rateval`` is the one under test."""
    program = tmp_path / "bin/rateval"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m rateval "$@"\n')
    program.chmod(0o755)
    path = f"{program.parent}:{os.environ['PATH']}"
    done = subprocess.run(
        command, capture_output=True, text=True, check=True, timeout=60, cwd=tmp_path,
        env=os.environ | {"PATH": path} | more,
    )  # fmt: skip
    return done.stdout


@pytest.mark.skipif(not shutil.which("bash"), reason="needs bash")
def test_bash(tmp_path: Path) -> None:
    script = """
        eval "$(rateval completion bash)"
        complete -p rateval
        try() { COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _rateval; echo "${COMPREPLY[*]}"; }
        try rateval comp; try rateval show model cl; try rateval run --dev
    """
    first, *rest = run(["bash", "-c", script], tmp_path).splitlines()
    assert "-F _rateval rateval" in first
    assert rest == ["compare completion", "clip", "--device"]


@pytest.mark.skipif(not shutil.which("fish"), reason="needs fish")
def test_fish(tmp_path: Path) -> None:
    script = """
        rateval completion fish | source
        complete -C 'rateval comp'; complete -C 'rateval show model cl'
        complete -C 'rateval run --dev'; complete -C 'rateval run spe'
    """
    (tmp_path / "spec.toml").touch()
    lines = run(["fish", "-N", "-c", script], tmp_path, HOME=str(tmp_path)).splitlines()
    assert [line.partition("\t")[0] for line in lines] == [
        "compare", "completion", "clip", "--device", "spec.toml",
    ]  # fmt: skip


@pytest.mark.skipif(not shutil.which("zsh"), reason="needs zsh")
def test_zsh(tmp_path: Path) -> None:
    script = """
        compdef() { print -r -- "compdef $*"; }
        _describe() { print -rl -- "${(P@)argv[-1]%%:*}"; }
        _files() { print -r files; }
        eval "$(rateval completion zsh)"
        try() { words=("$@"); CURRENT=$#; _rateval; }
        try rateval comp; try rateval show model cl; try rateval run --dev; try rateval run spe
    """
    lines = run(["zsh", "-f", "-c", script], tmp_path).splitlines()
    assert lines[0] == "compdef _rateval rateval"
    said = [line.partition(":")[0] for line in lines[1:]]
    assert said == ["compare", "completion", "clip", "--device", "files"]
