"""Steps on two nodes: done side by side, followed, and done again where a worker is lost."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from rateval.api import Executor
from rateval.records.step import Demand
from rateval.testing import check_component
from rateval_ray.plugin import RAY

from .conftest import Monitor, Nodes, begin, collect_all, demanding, step

pytestmark = pytest.mark.skipif(
    not os.environ.get("RATEVAL_SLOW"), reason="starts clusters: set RATEVAL_SLOW=1"
)


def test_steps_run_side_by_side_on_both_nodes_and_tell_how_far_they_are(
    executor: Executor, tmp_path: Path
) -> None:
    names = ["a", "b", "c"]
    monitors = [Monitor() for _ in names]
    for name, monitor in zip(names, monitors, strict=True):
        # Each waits for all, so that no two can run one after the other.
        every = os.pathsep.join(str(tmp_path / one) for one in names)
        inputs: dict[str, Any] = {"touch": str(tmp_path / name), "await": every}
        executor.submit(step(name, look=str(tmp_path / f"look {name}"), **inputs), monitor)
    ends = collect_all(executor)
    assert executor.capacity == 3
    assert sorted(ends) == names
    assert all(end.error is None for end in ends.values())
    assert len({end.seconds for end in ends.values()} - {os.getpid()}) == 3
    seen = [(tmp_path / f"look {name}").read_text().split() for name in names]
    assert [threads for threads, *_ in seen] == ["1"] * 3
    assert len({node for *_, node in seen}) == 2
    for monitor in monitors:  # progress comes in few messages, none lost and none twice
        assert [told for told in monitor.heard if told[0] == "begin"] == [("begin", 2)]
        assert sum(told[1] for told in monitor.heard if told[0] == "advance") == 2


def test_progress_is_told_while_a_step_is_in_work(executor: Executor, tmp_path: Path) -> None:
    go = tmp_path / "go"

    class Releasing(Monitor):
        def advance(self, samples: int, note: str = "") -> None:
            super().advance(samples, note)
            go.touch()

    monitor = Releasing()
    executor.submit(step("a", **{"await": str(go)}), monitor)
    assert set(collect_all(executor)) == {"a"}
    told = [told for told in monitor.heard if told[1]]  # without lines on what it waits for
    assert told == [("begin", 2), ("advance", 1, "half"), ("advance", 1, "")]


def test_a_lost_worker_costs_no_step_and_one_that_kills_workers_ends(
    executor: Executor, tmp_path: Path
) -> None:
    executor.submit(step("bystander", sleep=1), Monitor())
    executor.submit(step("once", **{"die first": str(tmp_path / "died")}), Monitor())
    executor.submit(step("always", die=1), Monitor())
    ends = collect_all(executor)
    assert sorted(ends) == ["always", "bystander", "once"]
    assert (ends["bystander"].error, ends["once"].error) == (None, None)
    error = ends["always"].error
    assert error is not None
    assert error.startswith("its Ray worker was lost 2 times, at last: ")
    assert error.endswith("run the study again: what is stored is not computed anew")
    assert not ends["always"].whole


def test_a_worker_killed_from_outside_has_its_step_done_again(
    executor: Executor, tmp_path: Path
) -> None:
    pid, go = tmp_path / "pid", tmp_path / "go"

    def kill() -> None:
        while not (pid.exists() and pid.read_text()):
            time.sleep(0.02)
        os.kill(int(pid.read_text()), signal.SIGKILL)
        go.touch()

    killer = threading.Thread(target=kill, daemon=True)
    killer.start()
    executor.submit(step("a", touch=str(pid), sleep=0.5, **{"await": str(go)}), Monitor())
    (end,) = collect_all(executor).values()
    killer.join()
    assert end.error is None


@pytest.mark.parametrize(
    ("which", "kind", "text"),
    [
        ("bug", ZeroDivisionError, "by nothing"),
        ("lost", Exception, "actor died"),  # Ray's own kind of error: a user's code may use Ray
        ("odd", RuntimeError, "1 and 2"),  # can't be made again from its pickle
    ],
)
def test_what_the_work_raises_is_raised_and_takes_no_worker(
    executor: Executor, which: str, kind: type[Exception], text: str
) -> None:
    executor.submit(step("before"), Monitor())
    ((before, end),) = collect_all(executor).items()
    assert (before, end.error) == ("before", None)
    executor.submit(step("a", **{"raise": which}), Monitor())
    with pytest.raises(kind, match=text) as caught:
        executor.collect()
    assert "ray_toys.py" in "".join([str(caught.value), *getattr(caught.value, "__notes__", [])])
    assert executor.collect() == []


def test_steps_go_where_what_they_need_is_loaded(executor: Executor, toys: Any) -> None:
    def do(affinities: list[str]) -> dict[str, float]:
        for affinity in affinities:
            near = toys.Near(True, 1, affinity)
            executor.submit(demanding(near, affinity, sleep=0.3), Monitor())
        return {name: end.seconds for name, end in collect_all(executor).items()}

    first = do(["x", "y", "z"])
    if len(set(first.values())) == 3:  # else a worker was slow to come, and another took its step
        assert do(["z"]) == {"z": first["z"]}
        assert do(["y", "x"]) == {"x": first["x"], "y": first["y"]}


def test_a_step_of_several_processes_has_a_worker_of_its_own(
    executor: Executor, tmp_path: Path
) -> None:
    executor.submit(demanding(Demand(True, 2), "both", look=str(tmp_path / "look")), Monitor())
    executor.submit(step("another"), Monitor())
    executor.submit(demanding(Demand(True, 3), "more"), Monitor())
    ends = collect_all(executor)
    assert (ends["both"].error, ends["another"].error) == (None, None)
    assert (tmp_path / "look").read_text().split()[0] == "2"
    error = ends["more"].error
    assert error is not None
    assert error.startswith("no node of the Ray cluster has the 3 CPUs that a step asks for; ")
    assert "127.0.0.1 with 2 CPUs, 2 GPUs" in error
    assert error.endswith("or lower run.processes")


def test_it_keeps_its_promises_and_frees_what_it_had(nodes: Nodes) -> None:
    check_component(RAY, "executor", address=nodes.address, workers=1)


def test_each_worker_has_a_gpu_of_its_own(nodes: Nodes, toys: Any, tmp_path: Path) -> None:
    executor = begin(toys, nodes.address, "cuda:0", in_flight=4)
    try:
        for name, other in ("ab", "ba"):
            inputs: dict[str, Any] = {"touch": str(tmp_path / name), "await": str(tmp_path / other)}
            executor.submit(step(name, **inputs, look=str(tmp_path / f"look {name}")), Monitor())
        assert set(collect_all(executor)) == {"a", "b"}
        assert executor.capacity == 4
    finally:
        executor.stop()
    seen = {(tmp_path / f"look {name}").read_text().split()[1] for name in "ab"}
    assert seen == {"0", "1"}
