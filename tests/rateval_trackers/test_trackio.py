"""trackio's own storage reads back what a run is, in a process that looks where the run did."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from rateval.records.run import RunRecord

READ = """
import json, sys
from trackio import SQLiteStorage
project, run = sys.argv[1:]
logs, config = SQLiteStorage.get_logs(project, run), SQLiteStorage.get_run_config(project, run)
print(json.dumps([logs, config]))
"""
TELL = """
import os, sys
from pathlib import Path
from rateval.api import Context
from rateval.testing.trackers import make_record
from rateval_trackers.params import TrackioParams
from rateval_trackers.trackio_runs import make_trackio
import trackio
record = make_record(Path(sys.argv[1]), sys.argv[2])
trackio.init("own", name="mine", auto_log_cpu=False)
os.environ["TRACKIO_SPACE_ID"] = "somebody/space"
tracker = make_trackio(TrackioParams(project="ended"), Context())
tracker.start(record)
tracker.finish(record, None)
assert os.environ.pop("TRACKIO_SPACE_ID") == "somebody/space"
trackio.log({"still": 1})
trackio.finish()
"""


def call(program: str, place: Path, *arguments: str) -> str:
    return subprocess.run(
        [sys.executable, "-c", program, *arguments],
        env=os.environ | {"TRACKIO_DIR": str(place)},
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip


def read(place: Path, project: str, run: str) -> tuple[dict[int, dict[str, Any]], dict[str, Any]]:
    logs, config = json.loads(call(READ, place, project, run))
    return {log["step"]: log for log in logs}, config


def numbers(log: dict[str, Any]) -> dict[str, float]:
    return {
        name: value
        for name, value in log.items()
        if isinstance(value, int | float) and name != "step"
    }


def test_scores_curves_spec_status_and_page(
    folder: Path,
    record: RunRecord,
    scores: dict[str, float],
    curves: dict[str, dict[int, float]],
    spec: dict[str, Any],
) -> None:
    rows, config = read(folder / "trackio", "tracked", record.path.name)
    assert numbers(rows[0]) == scores
    assert rows[0]["rateval/status"] == "finished"
    epochs: dict[int, dict[str, float]] = {}
    for name, points in curves.items():
        for epoch, value in points.items():
            epochs.setdefault(epoch, {})[name] = value
    assert rows.keys() == {0} | epochs.keys()
    for epoch, values in epochs.items():
        assert numbers(rows[epoch]) == values
    for name, value in spec.items():
        assert config[name] == value
    (page,) = (folder / "trackio/media/tracked" / record.path.name).rglob("*.html")
    assert page.name in json.dumps(rows[0]["report"])
    assert "<!DOCTYPE html>" in page.read_text("utf-8")


@pytest.mark.parametrize("status", ["failed", "interrupted"])
def test_how_a_run_ended_is_told_and_another_run_goes_on(tmp_path: Path, status: str) -> None:
    call(TELL, tmp_path, str(tmp_path), status)
    rows, _ = read(tmp_path, "ended", "tracked-20260102-030405")
    assert rows[0]["rateval/status"] == status
    assert ("rateval/failures" in rows[0]) == (status == "failed")
    own, _ = read(tmp_path, "own", "mine")
    assert [log["still"] for log in own.values()] == [1]
