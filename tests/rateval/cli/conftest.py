from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from rateval.cli.main import main


@dataclass(frozen=True)
class Done:
    code: int
    out: str
    err: str


Rateval = Callable[..., Done]


@pytest.fixture
def rateval(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Rateval:
    """Return a function that runs the command line in this process, in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")

    def run(*arguments: str) -> Done:
        capsys.readouterr()
        try:
            code = main(arguments)
        except SystemExit as stop:  # argparse, and --version
            code = stop.code if isinstance(stop.code, int) else 1
        printed = capsys.readouterr()
        assert "Traceback" not in printed.err
        return Done(code, printed.out, printed.err)

    return run


def run_process(*arguments: str, **more: str) -> Done:
    """Run ``python -m rateval`` as a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "rateval", *arguments],
        capture_output=True,
        text=True,
        env=os.environ | more,
        timeout=120,
        check=False,
    )
    return Done(done.returncode, done.stdout, done.stderr)


@pytest.fixture
def rateval_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Rateval:
    monkeypatch.chdir(tmp_path)
    return run_process


@pytest.fixture
def write_spec(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes a small spec, with lines replaced or added."""

    def write(added: str = "", **replaced: str) -> Path:
        parts = {
            "study": '[study]\nname = "small"\n',
            "dataset": '[[dataset]]\nuse = "squares"\n',
            "model": '[[model]]\nuse = "tiny"\n',
            "finetune": '[[finetune]]\nuse = "zs"\n',
            "run": '[run]\ndevice = "cpu"\n',
        } | replaced
        path = tmp_path / "spec.toml"
        path.write_text("".join(parts.values()) + added)
        return path

    return write
