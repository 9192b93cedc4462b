"""The executor of this computer: steps in this process and in others, and how those end."""

from __future__ import annotations

import importlib
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from rateval.api import Component, Context, Executor, Step, StepEnd
from rateval.engine.executors import processes
from rateval.engine.executors.local import make_local
from rateval.engine.executors.params import LocalParams
from rateval.engine.executors.plugin import LOCAL
from rateval.machine.readers import count_cores
from rateval.records.step import Demand
from rateval.testing import check_component

# Processes that are spawned import it by name, which they can't do with this file.
TOYS = """
from __future__ import annotations

import os
import time
from pathlib import Path

from rateval.api import StepEnd
from rateval.machine.readers import resolve_readers


def work(step, monitor):
    monitor.begin(2)
    monitor.advance(1, "half")
    for action, value in step.inputs.items():
        if action == "sleep":
            time.sleep(value)
        elif action == "exit":
            os._exit(value)
        elif action == "raise":
            raise {"interrupt": KeyboardInterrupt, "bug": ZeroDivisionError}[value]
        elif action == "touch":
            Path(value).write_text(str(os.getpid()))
        elif action == "read":
            Path(value).write_text(str(resolve_readers("auto")))
        elif action == "await":
            limit = time.monotonic() + 60
            while not Path(value).exists():
                time.sleep(0.01)
                if time.monotonic() > limit:
                    raise TimeoutError(value)
    monitor.advance(1)
    return StepEnd(step.identity, float(os.getpid()), reused=False)


class Preparing:
    def __call__(self, step, monitor):
        return work(step, monitor)

    def prepare(self, step):
        work(step.beside[0], Deaf())


class Deaf:
    def begin(self, total):
        pass

    def advance(self, samples, note=""):
        pass
"""


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    (tmp_path / "executor_toys.py").write_text(TOYS)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield importlib.import_module("executor_toys").work
    del sys.modules["executor_toys"]


class Monitor:
    def __init__(self) -> None:
        self.heard: list[tuple[Any, ...]] = []

    def begin(self, total: int) -> None:
        self.heard.append(("begin", total))

    def advance(self, samples: int, note: str = "") -> None:
        self.heard.append(("advance", samples, note))


TOLD = [("begin", 2), ("advance", 1, "half"), ("advance", 1, "")]


def step(name: str, **inputs: Any) -> Step:
    return Step("infer", name, name, inputs)


def started(work: Any, workers: int) -> Executor:
    executor = make_local(LocalParams(workers=workers), Context())
    executor.start(work)
    return executor


@pytest.fixture
def start(work: Any) -> Iterator[Callable[[int], Executor]]:
    """Return a function that starts an executor, which is stopped after the test."""
    made: list[Executor] = []

    def start_one(workers: int) -> Executor:
        made.append(started(work, workers))
        return made[-1]

    yield start_one
    for executor in made:
        executor.stop()
    assert not multiprocessing.active_children()


def collect_all(executor: Executor) -> list[StepEnd]:
    ends: list[StepEnd] = []
    while found := executor.collect():
        ends += found
    return ends


@pytest.mark.parametrize("workers", [1, 2])
def test_it_keeps_its_promises(workers: int) -> None:
    check_component(LOCAL, "executor", workers=workers)


def test_its_strings_import_nothing_heavy() -> None:
    assert isinstance(LOCAL, Component)
    code = (
        "import rateval.engine.executors.plugin, sys; "
        "print(*({'torch', 'pydantic', 'numpy', 'concurrent.futures.process'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


def test_one_worker_is_this_process_and_keeps_the_order(start: Callable[[int], Executor]) -> None:
    executor = start(1)
    monitors = [Monitor() for _ in range(3)]
    for number, monitor in enumerate(monitors):
        executor.submit(step(str(number)), monitor)
    assert monitors[0].heard == []  # nothing is done before somebody waits for it
    ends = collect_all(executor)
    assert [end.identity for end in ends] == ["0", "1", "2"]
    assert {end.seconds for end in ends} == {os.getpid()}
    assert [monitor.heard for monitor in monitors] == [TOLD] * 3
    assert executor.capacity == 1


def test_an_interruption_in_this_process_ends_the_step(start: Callable[[int], Executor]) -> None:
    executor = start(1)
    executor.submit(step("a", **{"raise": "interrupt"}), Monitor())
    executor.submit(step("b"), Monitor())
    with pytest.raises(KeyboardInterrupt):
        executor.collect()
    executor.stop()
    assert executor.collect() == []


def test_steps_run_side_by_side_and_tell_how_far_they_are(
    start: Callable[[int], Executor], tmp_path: Path
) -> None:
    executor = start(2)
    # Each waits for what the other one leaves, so that they can't run one after the other.
    one, other = str(tmp_path / "one"), str(tmp_path / "other")
    monitors = {name: Monitor() for name in "abcd"}
    executor.submit(step("a", touch=one, **{"await": other}), monitors["a"])
    executor.submit(step("b", touch=other, **{"await": one}), monitors["b"])
    executor.submit(step("c"), monitors["c"])
    executor.submit(step("d"), monitors["d"])
    ends = collect_all(executor)
    assert sorted(end.identity for end in ends) == ["a", "b", "c", "d"]
    workers = {end.seconds for end in ends}
    assert len(workers) == 2
    assert os.getpid() not in workers
    assert all(monitor.heard == TOLD for monitor in monitors.values())


def test_progress_is_told_while_a_step_is_in_work(
    start: Callable[[int], Executor], tmp_path: Path
) -> None:
    executor = start(2)
    go = tmp_path / "go"

    class Releasing(Monitor):
        def advance(self, samples: int, note: str = "") -> None:
            super().advance(samples, note)
            go.touch()

    monitor = Releasing()
    executor.submit(step("a", **{"await": str(go)}), monitor)
    assert [end.identity for end in executor.collect()] == ["a"]
    assert monitor.heard == TOLD


def test_a_worker_that_dies_ends_its_own_step_and_no_other(
    start: Callable[[int], Executor], tmp_path: Path
) -> None:
    executor = start(2)
    begun = str(tmp_path / "begun")
    executor.submit(step("bystander", touch=begun, sleep=2), Monitor())
    executor.submit(step("killed", **{"await": begun}, exit=9), Monitor())
    (first,) = executor.collect()  # both were lost, and are done once more, each alone
    executor.submit(step("held"), Monitor())
    ends = {end.identity: end for end in (first, *collect_all(executor))}
    assert set(ends) == {"bystander", "killed", "held"}
    assert (ends["bystander"].error, ends["held"].error) == (None, None)
    killed = ends["killed"]
    assert killed.error is not None
    assert killed.error.startswith("BrokenProcessPool: a worker process ended with code 9 with no ")
    assert "use fewer executor.workers" in killed.error
    assert (killed.reused, killed.traceback) == (False, None)
    executor.submit(step("next"), Monitor())
    (end,) = executor.collect()
    assert (end.identity, end.error) == ("next", None)


def test_a_step_that_comes_after_an_idle_worker_was_killed_is_done(
    start: Callable[[int], Executor],
) -> None:
    executor = start(2)
    executor.submit(step("first"), Monitor())
    (end,) = executor.collect()
    os.kill(int(end.seconds), signal.SIGKILL)
    time.sleep(0.5)
    executor.submit(step("second"), Monitor())
    assert [(end.identity, end.error) for end in collect_all(executor)] == [("second", None)]


def test_a_bug_of_the_work_is_raised(start: Callable[[int], Executor]) -> None:
    for workers in (1, 2):
        executor = start(workers)
        executor.submit(step("a", **{"raise": "bug"}), Monitor())
        with pytest.raises(ZeroDivisionError):
            executor.collect()


def test_stopping_kills_what_is_in_work(start: Callable[[int], Executor], tmp_path: Path) -> None:
    executor = start(2)
    begun, done = tmp_path / "begun", tmp_path / "done"
    executor.submit(step("a", touch=str(begun), sleep=60), Monitor())
    executor.submit(step("b", sleep=60, touch=str(done)), Monitor())
    executor.submit(step("c", touch=str(done)), Monitor())
    while not begun.exists():
        time.sleep(0.05)
    clock = time.perf_counter()
    executor.stop()
    assert time.perf_counter() - clock < 10
    assert not multiprocessing.active_children()
    assert not done.exists()
    assert executor.collect() == []


def test_ctrl_c_reaches_the_one_that_waits_and_no_worker(work: Any, tmp_path: Path) -> None:
    """A whole group of processes gets the signal, as it does from a terminal."""
    program = f"""
import sys
sys.path.insert(0, {str(tmp_path)!r})
from executor_toys import work
from rateval.api import Context, Step
from rateval.engine.executors.local import make_local
from rateval.engine.executors.params import LocalParams
from rateval.machine.interrupts import remembered_interrupts
from rateval.progress import SilentMonitor

if __name__ == "__main__":
    executor = make_local(LocalParams(workers=2), Context())
    executor.start(work)
    with remembered_interrupts():
        try:
            executor.submit(
                Step("infer", "a", "a", {{"touch": "begun", "sleep": 60}}), SilentMonitor()
            )
            executor.collect()
        except KeyboardInterrupt:
            print("interrupted")
        finally:
            executor.stop()
"""
    (tmp_path / "program.py").write_text(program)
    running = subprocess.Popen(
        [sys.executable, "program.py"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    killer = threading.Timer(60, running.kill)
    killer.start()
    while not (tmp_path / "begun").exists() and running.poll() is None:
        time.sleep(0.05)
    os.killpg(running.pid, signal.SIGINT)
    out, err = running.communicate()
    killer.cancel()
    assert (out.strip(), err, running.returncode) == ("interrupted", "", 0)


def test_an_interrupt_that_was_missed_is_noticed(
    start: Callable[[int], Executor], monkeypatch: pytest.MonkeyPatch
) -> None:
    def missed() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(processes, "raise_missed_interrupt", missed)
    executor = start(2)
    executor.submit(step("a", sleep=60), Monitor())
    with pytest.raises(KeyboardInterrupt):
        executor.collect()


def test_processes_share_the_readers_of_images(
    start: Callable[[int], Executor], tmp_path: Path
) -> None:
    for workers in (1, 2):
        executor = start(workers)
        executor.submit(step("one", read=str(tmp_path / f"{workers}")), Monitor())
        collect_all(executor)
    alone, one_of_two = (int((tmp_path / name).read_text()) for name in ("1", "2"))
    assert alone == min(count_cores(), 8)
    assert one_of_two == max(1, alone // 2)


def test_a_step_goes_to_the_worker_that_has_loaded_what_it_needs(
    start: Callable[[int], Executor],
) -> None:
    def needing(name: str, affinity: str) -> Step:
        return Step("infer", name, name, {}, demand=Demand(device=True, affinity=affinity))

    executor = start(2)
    assert isinstance(executor, processes.InProcesses)
    assert not executor.prefers(needing("any", "one"))  # nobody has loaded anything yet
    workers: dict[str, float] = {}
    for name in ("one", "two"):
        executor.submit(needing(name, name), Monitor())
    workers |= {end.identity: end.seconds for end in collect_all(executor)}
    assert workers["one"] != workers["two"]
    for again in ("two", "one", "two"):
        assert executor.prefers(needing("next", again))
        executor.submit(needing("next", again), Monitor())
        (end,) = collect_all(executor)
        assert end.seconds == workers[again]
    executor.submit(step("loads nothing"), Monitor())
    (end,) = collect_all(executor)
    kept = next(name for name, worker in workers.items() if worker == end.seconds)
    assert executor.prefers(needing("next", kept))


def loading(name: str, ahead: dict[str, Any], **inputs: Any) -> Step:
    """Return a step that needs something loaded, and what is done ahead of those after it."""
    demand = Demand(device=True, affinity=name)
    return Step("infer", name, name, inputs, demand=demand, beside=(step("ahead", **ahead),))


@pytest.fixture
def preparing(work: Any) -> Any:
    return importlib.import_module("executor_toys").Preparing()


@pytest.mark.skipif(count_cores() < 2, reason="with one core, nothing is prepared ahead")
def test_an_idle_worker_gets_ready_while_another_loads(preparing: Any, tmp_path: Path) -> None:
    executor = started(preparing, 2)
    ready = tmp_path / "ready"
    try:
        # It ends only when the other one has got ready meanwhile.
        executor.submit(loading("a", {"touch": str(ready)}, **{"await": str(ready)}), Monitor())
        (first,) = collect_all(executor)
        other = int(ready.read_text())
        assert other not in (os.getpid(), first.seconds)
        both = {name: str(tmp_path / name) for name in ("one", "two")}
        executor.submit(step("b", touch=both["one"], **{"await": both["two"]}), Monitor())
        executor.submit(step("c", touch=both["two"], **{"await": both["one"]}), Monitor())
        ends = collect_all(executor)
        assert {end.seconds for end in ends} == {first.seconds, other}
    finally:
        executor.stop()
    assert not multiprocessing.active_children()


def test_no_process_starts_ahead_of_what_needs_nothing_loaded(
    start: Callable[[int], Executor], tmp_path: Path
) -> None:
    executor = start(2)
    executor.submit(step("a", sleep=0.5), Monitor())
    collect_all(executor)
    assert len(multiprocessing.active_children()) == 1


@pytest.mark.skipif(count_cores() < 2, reason="with one core, nothing is prepared ahead")
@pytest.mark.parametrize("fault", [{"raise": "bug"}, {"exit": 9}])
def test_what_goes_wrong_ahead_harms_no_step(
    preparing: Any, tmp_path: Path, fault: dict[str, Any]
) -> None:
    executor = started(preparing, 2)
    begun = tmp_path / "begun"
    try:
        executor.submit(
            loading("a", {"touch": str(begun), **fault}, **{"await": str(begun)}), Monitor()
        )
        ends = collect_all(executor)
        for name in ("b", "c"):
            executor.submit(step(name, sleep=0.1), Monitor())
        ends += collect_all(executor)
    finally:
        executor.stop()
    assert {end.identity: end.error for end in ends} == {"a": None, "b": None, "c": None}


def test_stopping_kills_what_gets_ready(preparing: Any, tmp_path: Path) -> None:
    executor = started(preparing, 2)
    begun = tmp_path / "begun"
    executor.submit(loading("a", {"touch": str(begun), "sleep": 60}, sleep=1), Monitor())
    collect_all(executor)
    clock = time.perf_counter()
    executor.stop()
    assert time.perf_counter() - clock < 10
    assert not multiprocessing.active_children()
