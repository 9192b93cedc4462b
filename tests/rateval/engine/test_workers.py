"""Results don't depend on where steps run."""

from __future__ import annotations

import json
import pickle
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

import rateval
from rateval.api.component import Context
from rateval.engine.graph import make_graph
from rateval.engine.order import make_order
from rateval.engine.worker import Worker, open_store
from rateval.errors import RatevalError
from rateval.facade import open_spec
from rateval.plan.planning import make_plan
from rateval.records.run import RunRecord
from rateval.registry.discovery import discover
from rateval.testing import RecordingLogbook
from rateval.workbench.bench import Workbench


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, acme: Path
) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # workers share the cores: with as many each the bits are the same
    yield
    torch.set_num_threads(threads)


def spec(**changes: Any) -> dict[str, Any]:
    return {
        "study": {"name": "tiny", "seeds": [0, 1]},
        "dataset": [{"use": "squares"}, {"use": "squares", "name": "more", "test": 13}],
        "model": [{"use": "tiny"}],
        "finetune": [
            {"use": "zs"},
            {"use": "lp", "epochs": 2, "batch_size": 8},
            {"use": "ft", "epochs": 2, "batch_size": 8},
        ],
        "attribution": [{"use": "generic-attention"}, {"use": "center-prior"}],
        "run": {"device": "cpu", "batch_size": 5},
    } | changes


def processes(workers: int) -> dict[str, Any]:
    return {"executor": {"use": "local", "workers": workers}}


def facts(record: RunRecord) -> dict[str, Any]:
    """Return a record without what may differ between two runs of one study."""
    timed = {"started", "written", "seconds", "environment", "spec_resolved", "overrides", "stages"}
    return record.model_dump(exclude=timed)


def identities(record: RunRecord) -> set[tuple[str, str]]:
    return {(stage.stage, stage.identity) for stage in record.stages}


@pytest.mark.slow
def test_rows_scores_and_identities_are_equal_whatever_the_number_of_workers() -> None:
    one = rateval.run(spec(), output="one")
    two = rateval.run(spec(**processes(2)), output="two")
    assert one.status == two.status == "finished"
    assert facts(one) == facts(two)
    assert len(one.cells) == 20
    assert identities(one) == identities(two)
    for ours, theirs in zip(one.cells, two.cells, strict=True):
        assert one.rows(ours).equals(two.rows(theirs))
        assert (one.relevance(ours) == two.relevance(theirs)).all()
    again = rateval.run(spec(), output="two")
    assert all(stage.reused for stage in again.stages)


@pytest.mark.slow
def test_what_fails_in_a_worker_takes_down_its_own() -> None:
    broken = [{"use": "any-map", "returns": "nan"}, {"use": "center-prior"}]
    record = rateval.run(spec(attribution=broken, **processes(2)))
    assert record.status == "failed"
    assert {cell.key.attribution for cell in record.cells} == {"center-prior"}
    (failure,) = record.failures
    assert failure.stage == "infer"
    assert {key.attribution for key in failure.cells} == {"any-map"}
    assert "Traceback" in (record.path / "run.log").read_text(encoding="utf-8")


def make_all(tables: dict[str, Any]) -> Any:
    plan = make_plan(open_spec(tables), discover())
    return plan, make_graph(plan, Workbench(Context()))


def test_a_step_is_done_from_the_spec_and_its_identity_alone(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    plan, graph = make_all(spec())
    order = pickle.loads(pickle.dumps(make_order(plan, "cpu", "here")))
    (tmp_path / "other").mkdir()
    monkeypatch.chdir(tmp_path / "other")  # relative paths start from where the run was started
    step = next(iter(graph.steps.values()))
    end = order(pickle.loads(pickle.dumps(step)), RecordingLogbook())
    assert (end.identity, end.error) == (step.identity, None)
    assert (tmp_path / "runs/store" / step.stage / step.identity / "manifest.json").is_file()
    assert [load.label for load in end.loads] == ["tiny"]


@pytest.mark.parametrize(
    ("method", "shard_size", "loaded"), [("zs", 5, True), ("zs", 64, False), ("lp", 5, False)]
)
def test_a_model_is_loaded_ahead_where_nothing_trains_and_work_is_shared(
    method: str, shard_size: int, *, loaded: bool
) -> None:
    methods: list[dict[str, Any]] = [
        {"use": "zs"},
        {"use": "lp", "epochs": 1, "batch_size": 8},
    ]
    tables = spec(finetune=[one for one in methods if one["use"] == method])
    tables["run"] = tables["run"] | {"shard_size": shard_size}
    plan, graph = make_all(tables)
    cell = graph.cells[0]
    other, bench = (Workbench(Context()) for _ in range(2))
    one, ready = (Worker(plan, each, open_store(plan), graph) for each in (other, bench))
    assert one.do(cell.finetune, RecordingLogbook()).error is None
    ready.prepare(cell.finetune)
    assert bench.has(cell.cell.model, cell.cell.seed) is loaded
    end = ready.do(cell.infer, RecordingLogbook())
    # The record tells of a load, once, whenever it was.
    assert (end.error, [load.label for load in end.loads]) == (None, ["tiny"])
    assert ready.do(cell.judge[0], RecordingLogbook()).loads == ()


def test_a_worker_that_can_not_get_ready_leaves_it_to_the_step() -> None:
    plan, _ = make_all(spec())
    _, other = make_all(spec(dataset=[{"use": "squares", "test": 9}]))
    step = next(step for step in other.steps.values() if step.stage == "infer")
    make_order(plan, "cpu", "nowhere").prepare(step)


def test_a_worker_says_so_when_it_plans_something_else() -> None:
    plan, _ = make_all(spec())
    _, other = make_all(spec(dataset=[{"use": "squares", "test": 9}]))
    order = make_order(plan, "cpu", "there")
    step = next(step for step in other.steps.values() if step.stage == "infer")
    end = order(step, RecordingLogbook())
    assert end.error is not None
    assert "this process plans no such step" in end.error


def test_steps_hold_nothing_live() -> None:
    _, graph = make_all(spec())
    for step in graph.steps.values():
        json.dumps(dict(step.inputs))
        assert set(step.needs) < set(graph.steps)
    _, again = make_all(spec())
    assert list(again.steps) == list(graph.steps)


def test_the_table_of_the_executor_is_checked() -> None:
    with pytest.raises(RatevalError, match=r"executor\.workers = 0"):
        rateval.run(spec(**processes(0)))
    with pytest.raises(RatevalError, match=r'executor\.use = "lokal".*did you mean "local"'):
        rateval.run(spec(executor={"use": "lokal"}))


DYING = """
import os, signal, sys
import rateval
from rateval.stages import judge

def killed(*_):
    os.kill(os.getpid(), signal.SIGKILL)

import rateval.engine.doing.steps
if sys.argv[1] == "die":
    rateval.engine.doing.steps.judge = killed
rateval.run({spec!r})
"""


def test_a_run_that_is_killed_is_still_a_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from rateval.cli.main import main

    tables = spec(study={"name": "tiny"}, attribution=[{"use": "center-prior"}])
    program = tmp_path / "dying.py"
    program.write_text(DYING.replace("{spec!r}", repr(tables)))
    died = subprocess.run([sys.executable, str(program), "die"], cwd=tmp_path, check=False)
    assert died.returncode == -signal.SIGKILL
    (folder,) = Path("runs").glob("tiny-*")
    record = rateval.load(folder)
    assert (record.status, record.cells, len(record.planned)) == ("running", (), 6)
    lines = (folder / "steps.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["stage"] for line in lines] == ["finetune", "infer"]
    assert main(["report", str(folder)]) == 0
    printed = capsys.readouterr().out
    assert "not done" in printed
    assert "go on" in printed
    whole = rateval.run(tables)
    reused = [stage.stage for stage in whole.stages if stage.reused]
    assert (whole.status, reused) == ("finished", ["finetune", "infer"])


def test_the_record_is_written_while_the_run_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    from rateval.engine.telling import journal

    seen = []

    def watch(self: Any, step: Any, *rest: Any) -> None:
        (folder,) = Path("runs").glob("tiny-*")
        seen.append(len(rateval.load(folder).stages))

    monkeypatch.setattr(journal, "INTERVAL_S", 0.0)
    monkeypatch.setattr(journal, "_SHARE", 0)
    monkeypatch.setattr(journal.Journal, "note", watch)
    rateval.run(spec(study={"name": "tiny"}, finetune=[{"use": "zs"}]))
    assert seen[0] == 0
    assert seen[-1] > len(seen) - 3
    assert seen == sorted(seen)
