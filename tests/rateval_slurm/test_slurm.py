"""What is submitted to Slurm, and what is made of its answers, with programs that play its own."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import pytest

from rateval.api import RatevalError
from rateval.records.step import Demand
from rateval_slurm import on_slurm


@pytest.fixture(autouse=True)
def _no_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(on_slurm.OnSlurm, "grace_s", 0.3)


def options(script: Path) -> dict[str, str]:
    """Return the options of a script, by their names; empty for one without a value."""
    lines = script.read_text().splitlines()
    found = [line.removeprefix("#SBATCH --") for line in lines if line.startswith("#SBATCH --")]
    named = {name: value for name, _, value in (line.partition("=") for line in found)}
    assert len(named) == len(found)  # none is given twice
    return named


def scripts(slurm: Path) -> list[Path]:
    return sorted((slurm / "scripts").iterdir())


def submit(kit: Any, executor: Any, *steps: Any) -> None:
    """Submit steps as ``collect`` does, without waiting."""
    kit.submit(executor, *steps)
    executor._submit_waiting(executor._cluster)


def test_a_script_says_what_was_asked_for(kit: Any, toys: Any, slurm: Path) -> None:
    (slurm / "hold").touch()
    executor = kit.start(
        toys.work,
        cluster="slurm",
        partition="gpu,long",
        account="lab",
        qos="low",
        constraint="a100|h100",
        time="1-02:30:01",
        cpus=6,
        gpus=1,
        memory="24G",
        jobs=2,
        steps_per_job=2,
        setup=["module load cuda", "export A='b c'"],
        requeue=5,
        options={"mail-type": "END", "exclusive": True, "nice": 10, "comment": "a; rm -rf x"},
    )
    assert executor.capacity == 4
    device = Demand(device=True)
    steps = [kit.step(str(number), demand=device) for number in range(6)]
    submit(kit, executor, *steps, kit.step("train", demand=Demand(device=True, processes=4)))
    array, alone = scripts(slurm)
    log = str(next(kit.jobs.iterdir()))
    assert options(array) == {
        "job-name": "rateval",
        "partition": "gpu,long",
        "account": "lab",
        "qos": "low",
        "constraint": "'a100|h100'",
        "time": "1591",
        "nodes": "1",
        "ntasks-per-node": "1",
        "cpus-per-task": "6",
        "gpus-per-node": "1",
        "mem": "24G",
        "array": "0-2%2",
        "signal": "USR2@120",
        "open-mode": "append",
        "output": f"{log}/%A_%a_0_log.out",
        "error": f"{log}/%A_%a_0_log.err",
        "requeue": "",
        "mail-type": "END",
        "exclusive": "",
        "nice": "10",
        "comment": "'a; rm -rf x'",
    }
    shared = options(alone)
    assert [shared[name] for name in ("cpus-per-task", "gpus-per-node", "mem")] == [
        "24",
        "4",
        "96G",
    ]
    assert "array" not in shared
    text = array.read_text()
    assert text.index("\nmodule load cuda\nexport A='b c'\n") < text.index("srun ")
    executor.stop()
    assert (slurm / "cancelled").read_text().splitlines() == ["100 101"]
    assert next(kit.jobs.glob("*/steps/stop")).exists()


def test_what_is_not_asked_for_is_left_to_the_cluster(kit: Any, toys: Any, slurm: Path) -> None:
    (slurm / "hold").touch()
    executor = kit.start(toys.work, cluster="slurm", requeue=0)
    submit(kit, executor, kit.step("a"))
    given = options(*scripts(slurm))
    assert not {"partition", "account", "qos", "gpus-per-node", "mem", "wckey", "requeue"} & set(
        given
    )
    assert given["no-requeue"] == ""
    assert given["time"] == "60"


def test_an_array_is_done_and_a_preempted_job_comes_back(
    kit: Any, toys: Any, slurm: Path, tmp_path: Path
) -> None:
    executor = kit.start(toys.work, cluster="slurm", jobs=2, steps_per_job=2)
    begun, go = tmp_path / "begun", tmp_path / "go"
    monitors = kit.submit(
        executor,
        kit.step("a"),
        kit.step("b", fail="as asked"),
        kit.step("c", touch=begun, **{"await": go}),
    )

    def preempt() -> None:
        os.kill(int(kit.lines(begun)[0]), signal.SIGUSR2)
        kit.wait_for(lambda: len(set(kit.lines(begun))) == 2)
        go.touch()

    kit.once(lambda: kit.lines(begun), preempt)
    ends = kit.collect_all(executor)
    assert {name: end.error for name, end in ends.items()} == {
        "a": None,
        "b": "ZeroDivisionError: as asked",
        "c": None,
    }
    assert monitors[2].heard[0] == ("begin", 2)
    assert [options(script)["array"] for script in scripts(slurm)] == ["0-1%2"]
    executor.stop()
    assert not (slurm / "cancelled").exists()  # nothing is left to cancel


def held(kit: Any, toys: Any, slurm: Path, **params: Any) -> Any:
    """Return an executor that waits for the job 100, which nobody does."""
    (slurm / "hold").touch()
    executor = kit.start(toys.work, cluster="slurm", **params)
    submit(kit, executor, kit.step("a"))
    return executor


@pytest.mark.parametrize("state", ["OUT_OF_MEMORY", "CANCELLED by 1000", "NODE_FAIL", "TIMEOUT"])
def test_a_job_that_is_over_is_told_by_its_state(
    state: str, kit: Any, toys: Any, slurm: Path
) -> None:
    executor = held(kit, toys, slurm)
    (slurm / "done" / "100").write_text(state)
    log = next(kit.jobs.iterdir()) / "100_0_log.err"
    log.write_text("slurmstepd: error: \x1b[31mDetected 1 oom_kill event\n\n")
    error = kit.collect_all(executor)["a"].error
    assert f"job 100 is over ({state.split()[0]}) and never began this step" in error
    assert f"its log is {log}, and ends: slurmstepd: error:  [31mDetected 1 oom_kill" in error


@pytest.mark.parametrize("state", ["SUSPENDED", "PREEMPTED", "NODE_FAIL", "REQUEUE_HOLD"])
def test_a_job_in_the_queue_is_not_over(state: str, kit: Any, toys: Any, slurm: Path) -> None:
    executor = held(kit, toys, slurm)
    (slurm / "done" / "100").write_text(state)
    (slurm / "queue" / "100").touch()
    cluster, jobs = executor._cluster, [open_.job for open_ in executor._jobs]
    for _ in range(3):
        cluster._asked = float("-inf")
        assert not cluster.look(jobs)
    (slurm / "queue" / "100").unlink()
    (slurm / "done" / "100").write_text("FAILED")
    cluster._asked = float("-inf")
    assert cluster.look(jobs) == {"100": "FAILED"}


def test_a_job_that_nobody_knows_any_more_is_lost_after_a_while(
    kit: Any, toys: Any, slurm: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    executor = held(kit, toys, slurm)
    now = [1000.0]
    monkeypatch.setattr(executor._cluster, "_clock", lambda: now[0])
    jobs = [open_.job for open_ in executor._jobs]
    look = executor._cluster.look
    assert not look(jobs)
    now[0] += on_slurm.MISSING_S - 1
    assert not look(jobs)
    (slurm / "silent").touch()  # the queue doesn't answer: that says nothing of the job
    now[0] += on_slurm.MISSING_S
    assert not look(jobs)
    (slurm / "silent").unlink()
    now[0] += 1
    assert look(jobs) == {"100": "UNKNOWN, and the queue has it no more"}


def test_a_queue_that_never_answers_is_given_up(
    kit: Any, toys: Any, slurm: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    executor = held(kit, toys, slurm)
    (slurm / "silent").touch()
    now = [executor._cluster._answered]
    monkeypatch.setattr(executor._cluster, "_clock", lambda: now[0])
    jobs = [open_.job for open_ in executor._jobs]
    assert not executor._cluster.look(jobs)
    now[0] += on_slurm.SILENT_S + 1
    assert "squeue has not answered" in executor._cluster.look(jobs)["100"]


def test_what_sbatch_refuses_is_said(kit: Any, toys: Any, slurm: Path) -> None:
    (slurm / "refuse").write_text("sbatch: error: invalid partition specified: gpu\n")
    executor = kit.start(toys.work, cluster="slurm", partition="gpu")
    kit.submit(executor, kit.step("a"))
    with pytest.raises(RatevalError, match="refuses the jobs: sbatch: error: invalid partition"):
        executor.collect()


def test_slurm_out_of_reach_for_a_moment_is_asked_again(kit: Any, toys: Any, slurm: Path) -> None:
    (slurm / "refuse").write_text("sbatch: error: Socket timed out on send/recv operation\n")
    executor = kit.start(toys.work, cluster="slurm")
    kit.submit(executor, kit.step("a"))
    kit.once(lambda: executor._tries > 1, (slurm / "refuse").unlink)
    assert kit.collect_all(executor)["a"].error is None


def test_slurm_that_stays_out_of_reach_ends_the_run(kit: Any, toys: Any, slurm: Path) -> None:
    (slurm / "refuse").write_text("sbatch: error: Unable to contact slurm controller\n")
    executor = kit.start(toys.work, cluster="slurm")
    kit.submit(executor, kit.step("a"))
    with pytest.raises(RatevalError, match="Unable to contact slurm controller"):
        executor.collect()


def test_without_slurm_it_says_what_to_do(
    kit: Any, toys: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(RatevalError, match=r"no sbatch, srun.*login node.*cluster = .local."):
        kit.start(toys.work, cluster="slurm")
    assert not kit.jobs.exists()
