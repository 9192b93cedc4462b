"""TensorBoard's own reader reads back what a run is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.util import tensor_util

from rateval.api import Context
from rateval.records.run import RunRecord
from rateval.testing.trackers import make_record
from rateval_trackers.params import TensorboardParams
from rateval_trackers.tensorboard_events import make_tensorboard


def read(folder: Path) -> EventAccumulator:
    events = EventAccumulator(str(folder), size_guidance={"tensors": 0})
    events.Reload()
    return events


def points(events: EventAccumulator, tag: str) -> dict[int, float]:
    return {
        event.step: float(tensor_util.make_ndarray(event.tensor_proto))
        for event in events.Tensors(tag)
    }


def text(events: EventAccumulator, tag: str) -> str:
    (event,) = events.Tensors(f"{tag}/text_summary")
    (value,) = tensor_util.make_ndarray(event.tensor_proto)
    return str(value.decode())


def test_scores_and_curves_are_those_of_the_run(
    folder: Path, record: RunRecord, scores: dict[str, float], curves: dict[str, dict[int, float]]
) -> None:
    events = read(folder / "runs/tensorboard" / record.path.name)
    wanted = {name: {0: value} for name, value in scores.items()} | curves
    assert len(wanted) > 50
    tags = set(events.Tags()["tensors"])
    assert tags == wanted.keys() | {"rateval/end/text_summary", "rateval/spec/text_summary"}
    for name, values in wanted.items():
        assert points(events, name) == values
        assert events.SummaryMetadata(name).plugin_data.plugin_name == "scalars"


def test_spec_status_and_page(folder: Path, record: RunRecord, spec: dict[str, Any]) -> None:
    there = folder / "runs/tensorboard" / record.path.name
    events = read(there)
    rows = text(events, "rateval/spec").splitlines()
    for name, value in spec.items():
        assert f"| `{name.replace('bi-ased', 'bi/ased')}` | `{value}` |" in rows
    assert "| `status` | `finished` |" in text(events, "rateval/end").splitlines()
    assert (there / "report.html").read_text("utf-8").startswith("<!DOCTYPE html>")


@pytest.mark.parametrize("status", ["failed", "interrupted"])
def test_how_a_run_ended_is_told(tmp_path: Path, status: Any) -> None:
    record = make_record(tmp_path, status)
    tracker = make_tensorboard(TensorboardParams(folder=tmp_path / "events"), Context())
    tracker.start(record)  # type: ignore[arg-type]  # has what a plan has
    tracker.finish(record, None)
    told = text(read(tmp_path / "events" / record.path.name), "rateval/end")
    assert f"| `status` | `{status}` |" in told
    assert ("E: / <b>" in told) == (status == "failed")  # in one cell, as code
    assert not list(tmp_path.glob("events/*/*.html"))
