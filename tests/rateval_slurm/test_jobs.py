"""Steps in jobs of this computer: ends, progress, failures, losses, preemption, stopping."""

from __future__ import annotations

import os
import signal
import stat
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from rateval.api import RatevalError
from rateval.records.step import Demand
from rateval_slurm.bundle import Bundle
from rateval_slurm.desk import Desk
from rateval_slurm.open_steps import open_step, part


def is_alive(process: int) -> bool:
    with suppress(OSError):
        os.kill(process, 0)
        return Path(f"/proc/{process}/stat").read_text().split(")")[1].split()[0] != "Z"
    return False


def test_steps_of_a_job_share_its_process_and_end_one_by_one(
    kit: Any, toys: Any, tmp_path: Path
) -> None:
    executor = kit.start(toys.work, steps_per_job=3)
    assert executor.capacity == 3
    go, who = tmp_path / "go", tmp_path / "who"
    steps = [
        kit.step("a", touch=who),
        kit.step("b", touch=who, fail="as asked"),
        kit.step("c", touch=who, **{"await": go}),
    ]
    monitors = kit.submit(executor, *steps)
    ends: dict[str, Any] = {}
    while len(ends) < 2:  # the job goes on meanwhile
        ends |= {end.identity: end for end in executor.collect()}
    assert ends.keys() == {"a", "b"}
    assert (ends["a"].error, ends["a"].seconds) == (None, 0.25)
    assert (ends["b"].error, ends["b"].traceback) == ("ZeroDivisionError: as asked", "T")
    kit.wait_for(lambda: len(kit.lines(who)) == 3)
    assert len(set(kit.lines(who))) == 1
    go.touch()
    assert kit.collect_all(executor)["c"].error is None
    assert monitors[0].heard == [("begin", 2), ("advance", 2, "half")]
    assert monitors[1].heard == [("begin", 2), ("advance", 1, "half")]
    assert executor.collect() == []
    (run,) = kit.jobs.iterdir()
    folders = (kit.jobs, run, run / "steps")
    assert [stat.S_IMODE(path.stat().st_mode) for path in folders] == [0o700] * 3


def test_a_step_that_kills_its_job_is_lost_and_no_other_one(
    kit: Any, toys: Any, tmp_path: Path
) -> None:
    executor = kit.start(toys.work, steps_per_job=3)
    steps = [kit.step("a"), kit.step("b", die=9), kit.step("c", touch=tmp_path / "c")]
    kit.submit(executor, *steps)
    ends = kit.collect_all(executor)
    assert (ends["a"].error, ends["c"].error) == (None, None)
    (run,) = kit.jobs.iterdir()
    log = next(path for path in run.glob("*_log.err") if "about to die" in path.read_text())
    job = log.name.partition("_")[0]
    assert f"job {job} is over (FINISHED) and left this step unfinished" in ends["b"].error
    assert f"its log is {log}, and ends: " in ends["b"].error
    assert "about to die" in ends["b"].error
    assert "about to die" in ends["b"].traceback
    assert len(kit.lines(tmp_path / "c")) == 1


def test_a_job_that_cannot_begin_loses_all_its_steps(kit: Any, toys: Any) -> None:
    executor = kit.start(toys.work, steps_per_job=2, setup=["false"])
    kit.submit(executor, kit.step("a"), kit.step("b"))
    ends = kit.collect_all(executor)
    assert ends.keys() == {"a", "b"}
    for end in ends.values():
        assert "never began this step" in end.error
        assert "and is empty" in end.error


def test_a_job_played_here_may_have_the_name_of_one_that_is_over(
    kit: Any, toys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    # submitit names such a job by its address, and addresses are given out again.
    monkeypatch.setattr("submitit.local.debug.id", lambda of: 7, raising=False)
    executor = kit.start(toys.work, cluster="debug")
    for name in ("a", "b", "c"):
        kit.submit(executor, kit.step(name))
        assert [(e.identity, e.error) for e in executor.collect()] == [(name, None)]


def test_work_that_raises_ends_its_step_alone(kit: Any, toys: Any) -> None:
    executor = kit.start(toys.bug, steps_per_job=2)
    kit.submit(executor, kit.step("a"), kit.step("b"))
    ends = kit.collect_all(executor)
    assert {end.error for end in ends.values()} == {"ZeroDivisionError: a bug"}
    assert "slurm_toys" in ends["b"].traceback


def test_a_preempted_job_comes_back_for_what_it_had_not_ended(
    kit: Any, toys: Any, tmp_path: Path
) -> None:
    executor = kit.start(toys.work, steps_per_job=3)
    first, second, go = tmp_path / "first", tmp_path / "second", tmp_path / "go"
    kit.submit(
        executor,
        kit.step("a", touch=first),
        kit.step("b", touch=second, **{"await": go}),
        kit.step("c"),
    )

    def preempt() -> None:
        os.kill(int(kit.lines(second)[0]), signal.SIGUSR2)
        kit.wait_for(lambda: len(kit.lines(second)) == 2)
        go.touch()

    kit.once(lambda: kit.lines(second), preempt)
    ends = kit.collect_all(executor)
    assert [ends[name].error for name in "abc"] == [None] * 3
    assert len(kit.lines(first)) == 1
    assert len(set(kit.lines(second))) == 2


def test_a_job_that_may_not_come_back_says_so(kit: Any, toys: Any, tmp_path: Path) -> None:
    executor = kit.start(toys.work, steps_per_job=2, requeue=0)
    begun = tmp_path / "begun"
    kit.submit(executor, kit.step("a", touch=begun, **{"await": tmp_path / "never"}), kit.step("b"))
    kit.once(lambda: kit.lines(begun), lambda: os.kill(int(kit.lines(begun)[0]), signal.SIGUSR2))
    ends = kit.collect_all(executor)
    assert "left this step unfinished" in ends["a"].error
    assert "Job not requeued" in ends["a"].traceback
    assert ends["b"].error is None


def test_a_job_that_has_no_step_left_is_given_more(kit: Any, toys: Any, tmp_path: Path) -> None:
    executor = kit.start(toys.work)
    who = tmp_path / "who"
    for name in "abc":
        kit.submit(executor, kit.step(name, touch=who))
        assert kit.collect_all(executor)[name].error is None
    assert len(set(kit.lines(who))) == 1
    # Nobody has noticed yet that it is gone when more is given to it.
    os.kill(int(kit.lines(who)[0]), signal.SIGKILL)
    kit.submit(executor, kit.step("d", touch=who))
    assert kit.collect_all(executor)["d"].error is None
    assert len(set(kit.lines(who))) == 2


def test_a_job_waits_for_more_no_longer_than_it_may(kit: Any, toys: Any, tmp_path: Path) -> None:
    executor = kit.start(toys.work, linger=0.01)
    who = tmp_path / "who"
    kit.submit(executor, kit.step("a", touch=who))
    assert kit.collect_all(executor)["a"].error is None
    kit.wait_for(lambda: executor._desk.is_closed(0))
    kit.submit(executor, kit.step("b", touch=who))
    assert kit.collect_all(executor)["b"].error is None
    assert len(set(kit.lines(who))) == 2


def test_what_a_job_was_given_while_it_closed_is_done(kit: Any, toys: Any, tmp_path: Path) -> None:
    desk = Desk(tmp_path / "steps")
    desk.make()
    desk.give(7, 0, ((1, kit.step("b")),))
    desk.close(7)
    Bundle(toys.work, 7, ((0, kit.step("a")),), desk, 0, 60.0)()
    assert desk.ended() == {0, 1}


def test_stopping_ends_what_is_at_work_and_what_waits(kit: Any, toys: Any, tmp_path: Path) -> None:
    executor = kit.start(toys.work, jobs=2, steps_per_job=1, in_flight=3, setup=["true"])
    begun = tmp_path / "begun"
    kit.submit(
        executor,
        kit.step("a", touch=begun, **{"await": tmp_path / "never"}),
        kit.step("b"),
        kit.step("c", touch=tmp_path / "c"),
    )
    ends = [*executor.collect()]
    kit.wait_for(lambda: kit.lines(begun))
    executor.stop()
    executor.stop()
    assert [end.identity for end in ends] == ["b"]
    assert not is_alive(int(kit.lines(begun)[0]))
    assert executor.collect() == []


def test_light_steps_are_done_here_if_asked_for(kit: Any, toys: Any, tmp_path: Path) -> None:
    executor = kit.start(toys.work, light="here", steps_per_job=2)
    heavy, light = tmp_path / "heavy", tmp_path / "light"
    kit.submit(
        executor,
        kit.step("a", touch=heavy, demand=Demand(device=True)),
        kit.step("b", touch=light),
    )
    ends = kit.collect_all(executor)
    assert {ends["a"].error, ends["b"].error} == {None}
    assert kit.lines(light) == [str(os.getpid())]
    assert kit.lines(heavy) != [str(os.getpid())]


def test_another_device_needs_work_that_names_one(kit: Any, toys: Any) -> None:
    with pytest.raises(RatevalError, match=r'executor\.device = "cuda": these steps name no'):
        kit.start(toys.work, device="cuda")


def test_a_folder_that_cannot_be_made_is_said(kit: Any, toys: Any, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RatevalError, match=r"executor\.folder = .*cannot be made"):
        kit.start(toys.work, folder=tmp_path / "file" / "jobs")
    with pytest.raises(RatevalError, match=r'executor\.folder = "~.*no home folder'):
        kit.start(toys.work, folder="~nobody-of-that-name/jobs")


class Affine(Demand):
    affinity: str | None = None


def sharing(affinity: str | None) -> Demand:
    demand = Affine()
    object.__setattr__(demand, "affinity", affinity)
    return demand


def test_steps_are_parted_by_what_they_share(kit: Any, tmp_path: Path) -> None:
    demands = [
        sharing("x"),
        sharing("y"),
        sharing("x"),
        Demand(processes=4),
        sharing("x"),
        Demand(),
    ]
    steps = [
        open_step(number, kit.step(str(number), demand=demand), kit, Desk(tmp_path))
        for number, demand in enumerate(demands)
    ]

    def numbers(most: int, jobs: int) -> dict[int, list[list[int]]]:
        parts = part(steps, most, jobs)
        return {size: [[s.number for s in one] for one in found] for size, found in parts.items()}

    assert numbers(2, 1) == {1: [[0, 2], [4], [1], [5]], 4: [[3]]}
    assert numbers(9, 1) == {1: [[0, 2, 4], [1], [5]], 4: [[3]]}
    assert numbers(9, 5) == {1: [[0], [2], [4], [1], [5]], 4: [[3]]}  # all jobs are kept busy
