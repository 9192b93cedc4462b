"""A study done by jobs: the same rows as in one process, and errors that people read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import rateval

SPEC = {
    "study": {"name": "tiny"},
    "dataset": [{"use": "squares", "train": 0, "test": 6}],
    "model": [{"use": "tiny"}],
    "finetune": [{"use": "zs"}],
    "attribution": [{"use": "generic-attention"}],
    "faithfulness": {"images": 2},
    "run": {"device": "cpu", "batch_size": 5},
}


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, acme: Path) -> None:
    monkeypatch.chdir(tmp_path)


def by_jobs(**params: Any) -> dict[str, Any]:
    given = {"cluster": "local", "jobs": 1, "steps_per_job": 20, "poll": 0.1, "light": "here"}
    return SPEC | {"executor": {"use": "slurm"} | given | params}


@pytest.mark.slow
def test_rows_are_those_of_one_process() -> None:
    here = rateval.run(SPEC, output="here")
    there = rateval.run(by_jobs(device="cpu"), output="there")
    assert (here.status, there.status) == ("finished", "finished")
    assert len(here.cells) == len(there.cells) == 1
    for ours, theirs in zip(here.cells, there.cells, strict=True):
        assert ours.evidence == theirs.evidence
        assert here.rows(ours).equals(there.rows(theirs))
        assert (here.relevance(ours) == there.relevance(theirs)).all()
    assert {(stage.stage, stage.identity) for stage in here.stages} == {
        (stage.stage, stage.identity) for stage in there.stages
    }
    logs = sorted(path.name for path in Path("slurm").glob("*/*_log.out"))
    assert len(logs) == 1  # one job, for all steps with a model
    again = rateval.run(by_jobs(), output="there")
    assert all(stage.reused for stage in again.stages)


def test_jobs_played_here_give_the_same_failures() -> None:
    broken = [{"use": "any-map", "returns": "nan"}, {"use": "center-prior"}]
    record = rateval.run(by_jobs(cluster="debug", light="job") | {"attribution": broken})
    assert record.status == "failed"
    assert {cell.key.attribution for cell in record.cells} == {"center-prior"}
    (failure,) = record.failures
    assert failure.stage == "infer"
    assert "Traceback" in (record.path / "run.log").read_text(encoding="utf-8")
