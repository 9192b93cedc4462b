"""Runs that are killed, and runs that work on one store at once."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).with_name("at_once.py")


@pytest.mark.slow
@pytest.mark.parametrize("what", [["pairs"], ["kills", "5"]], ids=lambda what: what[0])
def test_runs_in_processes_of_their_own(what: list[str], tmp_path: Path, acme: Path) -> None:
    done = subprocess.run(
        [sys.executable, SCRIPT, *what],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr
