"""A forecast beside the run that it is of."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

import rateval
from rateval.engine.forecast.forecast import Forecast, StageForecast
from rateval.engine.forecast.make import Asked, make_forecast
from rateval.plan.planning import make_plan
from rateval.registry.discovery import discover
from rateval.spec.document import Document

SPEC: dict[str, Any] = {
    "study": {"name": "small"},
    "dataset": [{"use": "shapes", "train_size": 80, "test_size": 120}],
    "model": [{"use": "tiny"}],
    "finetune": [{"use": "zs"}, {"use": "ft", "epochs": 2, "lr": 0.01, "batch_size": 8}],
    "attribution": [{"use": "generic-attention"}, {"use": "random"}],
    "evidence": [{"use": "relevance-mass"}, {"use": "counterfactual"}],
    "counterfactual": {"donors": 2},
    "held_out": {"images": 8},
    "run": {"device": "cpu", "batch_size": 8},
}


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, acme: Path) -> None:
    monkeypatch.chdir(tmp_path)


def forecast(spec: dict[str, Any] = SPEC, **asked: Any) -> Forecast:
    plan = make_plan(Document("spec", spec, ""), discover())
    return make_forecast(plan, Asked(**asked), lambda line: None)


def by_stage(found: Forecast) -> dict[str, StageForecast]:
    return {stage.stage: stage for stage in found.stages}


def stored_bytes(stage: str) -> int:
    files = Path("runs/store", stage).rglob("*")
    return sum(one.stat().st_size for one in files if one.is_file() and one.name != "manifest.json")


def test_steps_and_bytes_are_those_of_the_run() -> None:
    found = by_stage(forecast(measure=True))
    guessed = by_stage(forecast())
    assert not Path("runs").exists()
    record = rateval.run(SPEC)
    real = Counter(stage.stage for stage in record.stages)
    assert {name: stage.to_do for name, stage in found.items()} == {
        name: count for name, count in real.items() if name not in ("load", "pictures")
    }
    assert not any(stage.stored for stage in found.values())
    # Rows, maps and packed masks, of which a trial saw a quarter.
    for name in ("infer", "judge", "counterfactual"):
        assert found[name].bytes == pytest.approx(stored_bytes(name), rel=0.1)
    assert found["finetune"].bytes == pytest.approx(stored_bytes("finetune"), rel=0.1)
    # What is said without a trial, by the columns alone.
    rows = sum(one.stat().st_size for one in Path("runs/store/infer").glob("*/rows.parquet"))
    assert guessed["infer"].bytes == pytest.approx(rows, rel=0.25)
    assert not guessed["infer"].bytes_whole
    for name in ("judge", "counterfactual"):
        assert guessed[name].bytes == pytest.approx(stored_bytes(name), rel=0.35)
    assert guessed["score"].bytes is None
    assert guessed["score"].why
    assert guessed["infer"].seconds is None


def test_what_is_stored_is_told_and_what_is_like_it_says_the_bytes() -> None:
    rateval.run(SPEC | {"finetune": [{"use": "zs"}]})
    before = sorted(Path("runs").rglob("*"))
    more = by_stage(forecast())
    assert (more["infer"].steps, more["infer"].stored, more["infer"].to_do) == (4, 2, 2)
    assert (more["finetune"].stored, more["finetune"].to_do) == (1, 1)
    one = by_stage(forecast(only=["tiny · zs*"]))
    assert not any(stage.to_do for stage in one.values())
    fresh = SPEC | {"finetune": [{"use": "zs"}], "run": SPEC["run"] | {"reuse": False}}
    again = by_stage(forecast(fresh))
    assert again["infer"].to_do == 2
    assert again["infer"].bytes == stored_bytes("infer")
    assert sorted(Path("runs").rglob("*")) == before


def test_units_and_shards_are_counted_by_the_images_that_are_used() -> None:
    spec = SPEC | {
        "run": SPEC["run"] | {"limit": 60},
        "faithfulness": {"images": 7, "steps": 2},
        "dataset": [{"use": "shapes", "train_size": 80, "test_size": 1100}],
    }
    found = by_stage(forecast(spec))
    assert found["infer"].units == 4 * 60
    assert found["faithfulness"].units == 4 * 7
    assert found["finetune"].units == 60 - 8
    whole = by_stage(forecast(SPEC | {"dataset": spec["dataset"]}))
    assert whole["infer"].shards == 4 * 3
    assert whole["judge"].shards is whole["finetune"].shards is None


def test_what_cannot_be_tried_is_told_and_the_rest_is_measured() -> None:
    spec = SPEC | {
        "finetune": [{"use": "zs"}, {"use": "ft", "epochs": 1, "precision": "float16"}],
    }
    found = forecast(spec, measure=True)
    stages = by_stage(found)
    assert stages["infer"].seconds is not None
    assert not stages["infer"].seconds_whole
    assert found.measured is not None
    assert not found.measured.whole
    assert any("could not be tried" in risk and "float16" in risk for risk in found.risks)


def test_time_by_workers_is_that_of_the_graph() -> None:
    one, many = (forecast(measure=True, workers=count).measured for count in (1, 50))
    assert one is not None
    assert many is not None
    assert one.wall == pytest.approx(one.work)
    assert many.wall >= many.least
    assert many.wall < many.work
    assert one.peaks
    assert one.devices is None
    assert one.longest


def test_risks_are_told() -> None:
    dataset = {"use": "squares", "test": 40, "without_mask": 10}
    found = forecast(SPEC | {"dataset": [dataset]})
    assert any("10 of 40 test images have no mask" in risk for risk in found.risks)
    assert any("40 test images show no fall in PT below" in risk for risk in found.risks)
    bare = forecast(SPEC | {"dataset": [dataset | {"masks": False}]})
    assert any("all of 40 test images have no mask" in risk for risk in bare.risks)
