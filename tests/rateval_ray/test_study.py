"""A study on a Ray cluster comes to the numbers of one process, whatever dies meanwhile."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import rateval
from rateval.errors import StudyError
from rateval.records.run import RunRecord

from .conftest import Nodes

pytestmark = pytest.mark.skipif(
    not os.environ.get("RATEVAL_SLOW"), reason="starts clusters: set RATEVAL_SLOW=1"
)


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, acme: Path) -> None:
    monkeypatch.chdir(tmp_path)


def spec(address: str | None = None, **params: Any) -> dict[str, Any]:
    on_ray = {"use": "ray", **({"address": address} if address else {}), **params}
    return {
        "study": {"name": "tiny", "seeds": [0, 1]},
        "dataset": [{"use": "squares", "train": 24, "test": 11}],
        "model": [{"use": "tiny"}],
        "finetune": [{"use": "zs"}, {"use": "ft", "epochs": 3, "batch_size": 4}],
        "attribution": [{"use": "generic-attention"}, {"use": "center-prior"}],
        "run": {"device": "cpu", "batch_size": 5},
        "executor": {"use": "local"} if address is None and not params else on_ray,
    }


def require_equal(one: RunRecord, other: RunRecord) -> None:
    assert one.status == other.status == "finished"
    timed = {"started", "written", "seconds", "environment", "spec_resolved", "overrides", "stages"}
    assert one.model_dump(exclude=timed) == other.model_dump(exclude=timed)
    stages = [{(stage.stage, stage.identity) for stage in run.stages} for run in (one, other)]
    assert stages[0] == stages[1]
    for ours, theirs in zip(one.cells, other.cells, strict=True):
        assert one.rows(ours).equals(other.rows(theirs))
        assert (one.relevance(ours) == other.relevance(theirs)).all()


def when_busy(nodes: Nodes, act: Callable[[int], object]) -> threading.Thread:
    """Act, in another thread, on the first worker that is seen at work."""

    def look() -> None:
        end = time.monotonic() + 120
        while time.monotonic() < end:
            if busy := nodes.busy():
                act(busy[0])
                return
            time.sleep(0.01)

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    return thread


@pytest.mark.slow
def test_rows_are_those_of_one_process_though_a_worker_was_killed(nodes: Nodes) -> None:
    here = rateval.run(spec(), output="here")
    killed = []

    def kill(pid: int) -> None:
        os.kill(pid, signal.SIGKILL)
        killed.append(pid)

    killer = when_busy(nodes, kill)
    there = rateval.run(spec(nodes.address), output="there")
    killer.join()
    assert len(killed) == 1
    require_equal(here, there)


@pytest.mark.slow
def test_a_node_may_go_and_come_in_the_middle_of_a_study(nodes_to_lose: Nodes) -> None:
    here = rateval.run(spec(), output="here")
    # One CPU for each step, which the node that stays has, too.
    changing = when_busy(nodes_to_lose, lambda pid: nodes_to_lose.tell("remove"))
    there = rateval.run(spec(nodes_to_lose.address, cpus=1), output="there")
    changing.join()
    require_equal(here, there)
    nodes_to_lose.tell("add")
    again = rateval.run(spec(nodes_to_lose.address, cpus=1), output="again")
    require_equal(here, again)


@pytest.mark.slow
def test_a_run_whose_head_died_ends_and_goes_on_elsewhere(
    nodes: Nodes, nodes_to_lose: Nodes
) -> None:
    here = rateval.run(spec(), output="here")
    seen: list[int] = []

    def kill(pid: int) -> None:
        while not list(Path("there/store").glob("*/[0-9a-f]*/manifest.json")):
            time.sleep(0.02)
        seen.append(pid)
        nodes_to_lose.tell("kill head")

    killer = when_busy(nodes_to_lose, kill)
    clock = time.monotonic()
    with pytest.raises(StudyError) as caught:
        rateval.run(spec(nodes_to_lose.address), output="there")
    assert time.monotonic() - clock < 240
    killer.join()
    assert seen
    text = str(caught.value)
    assert "run the study again: what is stored is not computed anew" in text
    assert "\n" not in text
    there = rateval.run(spec(nodes.address), output="there")
    assert any(stage.reused for stage in there.stages)
    require_equal(here, there)


@pytest.mark.slow
@pytest.mark.parametrize("own", [True, False])
def test_ctrl_c_ends_workers_at_once_and_leaves_a_foreign_cluster(
    nodes: Nodes, tmp_path: Path, own: bool
) -> None:
    where = "" if own else f'address = "{nodes.address}"\n'
    (tmp_path / "spec.toml").write_text(
        '[study]\nname = "tiny"\n[[dataset]]\nuse = "squares"\ntrain = 64\n'
        '[[model]]\nuse = "tiny"\n'
        '[[finetune]]\nuse = "ft"\nepochs = 5000\nbatch_size = 4\n[run]\ndevice = "cpu"\n'
        f'[executor]\nuse = "ray"\n{where}'
    )
    running = subprocess.Popen(
        [sys.executable, "-m", "rateval", "run", "spec.toml"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    killer = threading.Timer(150, running.kill)
    killer.start()
    while not list(tmp_path.glob("runs/store/*/.*")) and running.poll() is None:
        time.sleep(0.1)
    time.sleep(3)
    folders = set(Path("/tmp").glob("rateval-ray-*"))
    os.killpg(running.pid, signal.SIGINT)
    clock = time.monotonic()
    said, _ = running.communicate()
    killer.cancel()
    assert time.monotonic() - clock < 30
    assert running.returncode == 130, said
    assert "Traceback" not in said
    assert folders > set(Path("/tmp").glob("rateval-ray-*"))
    end = time.monotonic() + 20
    while not own and nodes.busy() and time.monotonic() < end:
        time.sleep(0.2)
    assert not nodes.busy()
    if not own:
        record = rateval.run(spec(nodes.address, workers=1), output="after")
        assert record.status == "finished"
