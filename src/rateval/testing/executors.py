"""What every executor promises."""

from __future__ import annotations

import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from rateval.api.execution import Executor
from rateval.api.training import Monitor
from rateval.records.step import Step, StepEnd
from rateval.testing.failure import part, require, require_members

_SAMPLES = 3
_LONG_S = 120.0
_PATIENCE_S = 30.0
"""What ending a step that takes ``_LONG_S`` may take."""


def check_executor(executor: Executor) -> None:
    """Check that each step is done and ends once, is followed, and that stopping stops.

    The steps are small ones that write a file; with ``start`` they travel wherever the executor
    works, which must be able to import rateval. Raises ConformanceError at the first broken
    promise.
    """
    require_members(executor, Executor)
    capacity = executor.capacity
    require(type(capacity) is int and capacity > 0, "Executor.capacity", "be 1 or more", capacity)
    prefers = getattr(executor, "prefers", None)
    with tempfile.TemporaryDirectory(prefix="rateval-executor-") as folder:
        executor.start(_Writing(folder))
        try:
            with part("Executor.prefers"):
                if prefers is not None:
                    answer = prefers(_step(0, "works"))
                    require(isinstance(answer, bool), "Executor.prefers", "return a bool", answer)
            with part("Executor.collect"):
                _check_steps(executor, Path(folder), capacity)
            with part("Executor.stop"):
                _check_stop(executor, Path(folder))
        finally:
            executor.stop()


@dataclass(frozen=True, slots=True)
class _Writing:
    """Work that writes a file named after the step, into a folder that all processes see."""

    folder: str

    def __call__(self, step: Step, monitor: Monitor, /) -> StepEnd:
        monitor.begin(_SAMPLES)
        for _ in range(_SAMPLES):
            monitor.advance(1, step.label)
        if step.label == "long":
            time.sleep(_LONG_S)
        if step.label == "fails":
            return StepEnd(step.identity, 0.5, reused=False, error="RatevalError: as asked")
        (Path(self.folder) / step.identity).write_text(step.label, encoding="utf-8")
        return StepEnd(step.identity, 0.25, reused=False)


class _Counting:
    def __init__(self) -> None:
        self.begun: list[int] = []
        self.advanced = 0

    def begin(self, total: int) -> None:
        self.begun.append(total)

    def advance(self, samples: int, note: str = "") -> None:
        self.advanced += samples


def _step(number: int, label: str) -> Step:
    return Step("infer", label, f"step-{number}", {"number": number})


def _check_steps(executor: Executor, folder: Path, capacity: int) -> None:
    steps = [_step(number, "fails" if number == 1 else "works") for number in range(capacity + 2)]
    monitors = [_Counting() for _ in steps]
    for step, monitor in zip(steps, monitors, strict=True):
        executor.submit(step, monitor)
    ends: list[StepEnd] = []
    while len(ends) < len(steps):
        found = executor.collect()
        require(len(found) > 0, "Executor.collect", "wait for the steps that are left", found)
        ends += found
    where = "Executor.collect"
    require(not executor.collect(), where, "return nothing when no step is left", "something")
    counts = Counter(end.identity for end in ends)
    once = counts == Counter(step.identity for step in steps)
    require(once, where, "return one end for each step", dict(counts))
    for end in ends:
        failed = end.identity == steps[1].identity
        same = (end.error is not None, end.seconds) == (failed, 0.5 if failed else 0.25)
        require(same, where, "return what the work returned", end)
        done = (folder / end.identity).exists()
        require(done is not failed, where, "return a step when its work is done", end)
    for step, monitor in zip(steps, monitors, strict=True):
        heard = (monitor.begun, monitor.advanced) == ([_SAMPLES], _SAMPLES)
        got = f"begin {monitor.begun}, advance {monitor.advanced} for {step.identity}"
        require(heard, "Executor", "tell each step's monitor what its work tells", got)


def _check_stop(executor: Executor, folder: Path) -> None:
    step = _step(10_000, "long")
    executor.submit(step, _Counting())
    clock = time.perf_counter()
    executor.stop()
    executor.stop()
    took = time.perf_counter() - clock
    require(took < _PATIENCE_S, "Executor.stop", "end everything at once", f"{took:.0f} s")
    require(not (folder / step.identity).exists(), "Executor.stop", "end what is in work", step)
