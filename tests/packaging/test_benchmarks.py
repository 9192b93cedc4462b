"""Benchmarks say how far they are, and end before a limit."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture(autouse=True)
def _importable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(FOLDER))


def test_rounds_end_before_the_limit(capsys: pytest.CaptureFixture[str]) -> None:
    from pace import rounds

    begin = time.perf_counter()
    done = []
    for number in rounds(1000, 0.5):
        done.append(number)
        time.sleep(0.1)
    assert 1 <= len(done) <= 5
    assert time.perf_counter() - begin < 5
    said = capsys.readouterr().err
    assert f"stopped after {len(done)} of 1000 rounds: the limit is 0 s" in said
    assert "round 1 of 1000: 0 s, at most " in said


def test_one_round_takes_place_and_no_more_than_asked_for() -> None:
    from pace import rounds

    assert list(rounds(3, 0.0)) == [0]
    assert list(rounds(3, 100.0)) == [0, 1, 2]


@pytest.mark.parametrize(
    "name", ["attribution", "reading", "shapes", "shifts", "startup", "validators"]
)
def test_each_goes_by_such_rounds_and_says_how_long_it_takes(name: str) -> None:
    text = (FOLDER / f"{name}.py").read_text(encoding="utf-8")
    assert " rounds(" in text.replace("pace.rounds(", " rounds(")
    docstring = text.split('"""')[1]
    assert "on 2 cores" in docstring or "a minute" in docstring


def test_reading_gives_ratios_of_equal_tensors() -> None:
    command = [sys.executable, str(FOLDER / "reading.py"), "--images", "8", "--width", "160"]
    ran = subprocess.run(command, capture_output=True, text=True, check=True)
    ratios = [line for line in ran.stdout.splitlines() if "images/s" in line]
    assert len(ratios) == 8
    assert all(" x torchvision; by processor " in line for line in ratios)


def test_results_and_progress_come_apart() -> None:
    command = [sys.executable, str(FOLDER / "validators.py"), "--batch", "2", "--rounds", "2"]
    ran = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "median of 2 rounds" in ran.stdout
    assert "round 2 of 2: " in ran.stderr
    assert "round" not in ran.stdout.replace("rounds", "")
