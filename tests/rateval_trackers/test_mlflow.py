"""MLflow's own client reads back what a run is."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from mlflow import MlflowClient
from mlflow.entities import Run

from rateval.api import Context, RatevalError
from rateval.records.plan import PlanRecord
from rateval.records.run import RunRecord
from rateval.testing.trackers import make_record
from rateval_trackers.mlflow_runs import LONGEST_VALUE, make_mlflow
from rateval_trackers.params import MlflowParams

# mlflow 3.17 uses what SQLAlchemy 2.1 calls deprecated when it is imported.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


@pytest.fixture(scope="module")
def client(folder: Path) -> MlflowClient:
    return MlflowClient(tracking_uri=f"sqlite:///{folder / 'runs/mlflow/mlflow.db'}")


def the_run(client: MlflowClient, experiment: str) -> Run:
    found = client.get_experiment_by_name(experiment)
    assert found is not None
    (run,) = client.search_runs([found.experiment_id])
    return run


def rename(name: str) -> str:
    return name.replace("·", "-")


def test_scores_and_curves_are_those_of_the_run(
    client: MlflowClient, scores: dict[str, float], curves: dict[str, dict[int, float]]
) -> None:
    noted = the_run(client, "tracked")
    scores = {rename(name): value for name, value in scores.items()}
    curves = {rename(name): points for name, points in curves.items()}
    assert len(scores) > 50
    assert curves
    assert noted.data.metrics.keys() == scores.keys() | curves.keys()
    for name, value in scores.items():
        assert noted.data.metrics[name] == value
    for name, points in curves.items():
        history = client.get_metric_history(noted.info.run_id, name)
        assert {point.step: point.value for point in history} == points


def test_spec_status_and_page(
    client: MlflowClient, spec: dict[str, Any], record: RunRecord
) -> None:
    noted = the_run(client, "tracked")
    for name, value in spec.items():
        text = value if isinstance(value, str) else json.dumps(value)
        assert noted.data.params[name] == text
    assert noted.info.status == "FINISHED"
    assert noted.data.tags["rateval.status"] == "finished"
    assert Path(noted.data.tags["rateval.folder"]).name == record.path.name
    (page,) = client.list_artifacts(noted.info.run_id)
    assert page.path == "report.html"
    text = Path(client.download_artifacts(noted.info.run_id, page.path)).read_text("utf-8")
    assert text.startswith("<!DOCTYPE html>")
    assert "tracked" in text


@pytest.fixture(scope="module")
def uri(tmp_path_factory: pytest.TempPathFactory) -> str:
    return f"sqlite:///{tmp_path_factory.mktemp('a 100% folder')}/mlflow.db"


@pytest.mark.parametrize(
    ("status", "theirs"),
    [("failed", "FAILED"), ("interrupted", "KILLED"), ("finished", "FINISHED")],
)
def test_how_a_run_ended_is_told(tmp_path: Path, uri: str, status: Any, theirs: str) -> None:
    record = make_record(tmp_path, status)
    tracker = make_mlflow(MlflowParams(uri=uri, experiment=status), Context())
    tracker.start(plan_of(record))
    client = MlflowClient(tracking_uri=uri)
    assert the_run(client, status).info.status == "RUNNING"
    tracker.finish(record, None)
    noted = the_run(client, status)
    assert noted.info.status == theirs
    assert noted.data.tags["rateval.status"] == status
    assert client.list_artifacts(noted.info.run_id) == []
    assert ("rateval.failures" in noted.data.tags) == (status == "failed")
    long = [value for value in noted.data.params.values() if "in run.json" in value]
    assert [len(value) for value in long] == [LONGEST_VALUE]
    assert re.search(r"… \(\d+ characters, all of them in run.json\)$", long[0])
    undefined = [name for name in noted.data.metrics if name.endswith("%20") or "/count" in name]
    assert len(undefined) == (0 if status == "interrupted" else 2)


def test_a_deleted_experiment_is_named(tmp_path: Path, uri: str) -> None:
    client = MlflowClient(tracking_uri=uri)
    client.delete_experiment(client.create_experiment("gone"))
    tracker = make_mlflow(MlflowParams(uri=uri, experiment="gone"), Context())
    with pytest.raises(RatevalError, match='experiment = "gone": was deleted in MLflow'):
        tracker.start(plan_of(make_record(tmp_path, "finished")))


def plan_of(record: RunRecord) -> PlanRecord:
    return PlanRecord(
        study=record.study,
        protocol="matched",
        differences=(),
        spec_resolved=record.spec_resolved,
        seeds=record.seeds,
        keys=record.planned,
    )
