"""The work of a report grows as the number of cells does, counted in calls and not in time."""

from __future__ import annotations

import cProfile
import importlib.util
import io
import pstats
from pathlib import Path
from types import ModuleType

import pytest
from rich.console import Console

from rateval.report.terminal.report import render

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def benchmark() -> ModuleType:
    spec = importlib.util.spec_from_file_location("report", ROOT / "benchmarks" / "report.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("shape", ["one table", "many tables", "seeds", "failures"])
def test_four_times_the_cells_are_four_times_the_calls(benchmark: ModuleType, shape: str) -> None:
    few, many = (_calls(benchmark, shape, cells) for cells in (200, 800))
    assert many < 4.4 * few


def _calls(benchmark: ModuleType, shape: str, cells: int) -> int:
    record = benchmark.record(shape, cells)
    record._path = Path("runs/made-up")
    profile = cProfile.Profile()
    console = Console(file=io.StringIO(), width=80)
    profile.runcall(lambda: console.print(render(record, 80), crop=False))
    calls: int = pstats.Stats(profile, stream=io.StringIO()).total_calls  # type: ignore[attr-defined]  # in no stub
    return calls
