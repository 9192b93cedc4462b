"""Runs noted in MLflow: a run of it for each run of a study."""

from __future__ import annotations

import json
import logging
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from rateval.api import Context, RatevalError
from rateval_trackers.flat import (
    Plain,
    collect_curves,
    collect_scores,
    describe_end,
    flatten_spec,
    name_run,
)
from rateval_trackers.naming import Names, clean_for_mlflow
from rateval_trackers.params import MlflowParams

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")  # read when mlflow is imported

from mlflow import MlflowClient
from mlflow.entities import Metric, Param, RunTag

if TYPE_CHECKING:
    from rateval.api import PlanRecord, RunRecord

T = TypeVar("T")
STATUSES = {"finished": "FINISHED", "failed": "FAILED", "interrupted": "KILLED"}
"""Status of a run to that of MLflow's."""
LONGEST_VALUE = 5000
"""Characters of a param or a tag: what every version takes."""
BATCH = 100
"""Params, or metrics, that are sent at once."""


class MlflowTracker:
    """A tracker that makes a run in MLflow; it follows ``rateval.api.tracking.Tracker``."""

    def __init__(self, params: MlflowParams) -> None:
        self._params = params
        self._names = Names(clean_for_mlflow)

    def start(self, plan: PlanRecord) -> None:
        """Make the run, with the spec as its params."""
        with _quietly():
            self._client = MlflowClient(tracking_uri=self._find_uri(plan))
            experiment = self._find_experiment(plan)
            name = name_run(plan.study, datetime.now(UTC))
            self._run = self._client.create_run(experiment, run_name=name).info.run_id
            named = {self._names(at): value for at, value in flatten_spec(plan).items()}
            params = [Param(name, _write(value)) for name, value in named.items()]
            for some in _split(params):
                self._client.log_batch(self._run, params=some)

    def finish(self, record: RunRecord, page: Path | None) -> None:
        """Note scores, curves, page and status."""
        with _quietly():
            now, metrics = int(time.time() * 1000), Names(clean_for_mlflow)
            rows = {0: collect_scores(record)} | collect_curves(record)
            found = [
                Metric(metrics(at), value, now, step)
                for step, scores in rows.items()
                for at, value in scores.items()
            ]
            for some in _split(found):
                self._client.log_batch(self._run, metrics=some)
            told = describe_end(record).items()
            tags = [RunTag(f"rateval.{name}", _shorten(text)) for name, text in told]
            self._client.log_batch(self._run, tags=tags)
            if page is not None and self._params.page:
                self._client.log_artifact(self._run, str(page))
            self._client.set_terminated(self._run, STATUSES[record.status])

    def _find_uri(self, plan: PlanRecord) -> str:
        """Return where MLflow keeps runs, and settle where it keeps files, if not on a server."""
        uri = self._params.uri or f"sqlite:///{_runs_of(plan) / 'mlflow' / 'mlflow.db'}"
        self._files: str | None = None
        if uri.startswith("sqlite:///"):
            folder = Path(uri.removeprefix("sqlite:///")).absolute().parent
            folder.mkdir(parents=True, exist_ok=True)
            self._files = (folder / "artifacts").as_uri()
        return uri

    def _find_experiment(self, plan: PlanRecord) -> str:
        name = self._params.experiment or plan.study
        there = self._client.get_experiment_by_name(name)
        if there is None:
            return str(self._client.create_experiment(name, artifact_location=self._files))
        if there.lifecycle_stage == "deleted":
            raise RatevalError(
                f"experiment = {json.dumps(name)}: was deleted in MLflow, which keeps its name; "
                "restore it there, or name another one"
            )
        return str(there.experiment_id)


def _runs_of(plan: PlanRecord) -> Path:
    return Path(plan.spec_resolved["run"]["output"]).absolute()


def _write(value: Plain) -> str:
    return _shorten(value if isinstance(value, str) else json.dumps(value)) or '""'


def _shorten(text: str) -> str:
    if len(text) <= LONGEST_VALUE:
        return text
    rest = f"… ({len(text)} characters, all of them in run.json)"
    return text[: LONGEST_VALUE - len(rest)] + rest


def _split(items: Sequence[T]) -> Iterator[Sequence[T]]:
    for at in range(0, len(items), BATCH):
        yield items[at : at + BATCH]


@contextmanager
def _quietly() -> Iterator[None]:
    """Keep what MLflow and its database tell of themselves off the terminal, not warnings."""
    loggers = {name: logging.getLogger(name) for name in ("mlflow", "alembic")}
    levels: Mapping[str, int] = {name: logger.level for name, logger in loggers.items()}
    for logger in loggers.values():
        logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        for name, logger in loggers.items():
            logger.setLevel(levels[name])


def make_mlflow(params: MlflowParams, context: Context) -> MlflowTracker:
    """Make the tracker of MLflow."""
    return MlflowTracker(params)
