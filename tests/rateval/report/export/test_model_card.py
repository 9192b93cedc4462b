"""A model card's fragment: valid metadata of the Hub, and prose that says what is not known."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import yaml

from rateval.errors import RatevalError
from rateval.records.run import RunRecord
from rateval.report.export.model_card import to_yaml, write_card
from rateval.report.export.selecting import select

Export = Callable[..., tuple[int, str, str]]


def test_metadata_hold_the_records_numbers(run: RunRecord, export: Export) -> None:
    code, out, _ = export("--format", "model-card", "--cell", "clip · lp*")
    assert code == 0
    _, head, prose = out.split("---\n", 2)
    data = yaml.safe_load(head)
    (model,) = data["model-index"]
    assert model["name"] == "clip · lp"
    cell = run.cells[1]
    for evidence, entry in zip(cell.evidence, model["results"], strict=True):
        assert entry["task"]["type"] == "image-classification"
        assert entry["dataset"]["type"] == entry["dataset"]["name"] == "biased"
        assert entry["dataset"]["args"]["validator"] == evidence.validator
        assert entry["dataset"]["args"]["images"] == 60
        scores = [score for score in evidence.scores if score.value.value is not None]
        for score, metric in zip(scores, entry["metrics"], strict=True):
            assert (metric["type"], metric["value"]) == (score.metric, score.value.value)
            assert metric["args"]["low"] == score.value.low
            assert metric["args"]["high"] == score.value.high
            assert (metric["args"]["level"], metric["verified"]) == (0.95, False)
    assert "### What these numbers don't say" in prose
    assert "valid evidence" in prose and "put its id on the Hub" in prose


def test_the_hubs_own_library_reads_it(run: RunRecord) -> None:
    hub = pytest.importorskip("huggingface_hub")
    text = "".join(write_card(select(run, ["clip · lp*"]), ""))
    data = hub.ModelCard(text).data
    assert data.model_name == "clip · lp"
    values = [s.value.value for e in run.cells[1].evidence for s in e.scores]
    assert [one.metric_value for one in data.eval_results] == [v for v in values if v is not None]
    assert hub.repocard.metadata_eval_result is not None
    assert "model-index:" in str(data)


def test_a_card_is_of_one_model(run: RunRecord) -> None:
    with pytest.raises(
        RatevalError, match=r"of one model, and these are clip · zs, clip · lp; nam"
    ):
        list(write_card(select(run), ""))


def test_what_is_undefined_unknown_or_unfinished_is_said(run: RunRecord) -> None:
    (zs, _) = run.cells
    evidence = zs.evidence[0]
    undefined = evidence.scores[1].value.model_copy(
        update={"value": None, "low": None, "high": None, "denominator": 0, "numerator": 0}
    )
    scores = (evidence.scores[0], evidence.scores[1].model_copy(update={"value": undefined}))
    changed = evidence.model_copy(
        update={
            "scores": scores,
            "quadrants": evidence.quadrants | {"RU": 3, "WU": 1},
            "undefined": {"empty mask": 2},
            "association": None,
        }
    )
    cell = zs.model_copy(update={"evidence": (changed,)})
    record = run.model_copy(update={"cells": (cell,), "limit": 60, "status": "interrupted"})
    text = "".join(write_card(select(record), ""))
    (model,) = yaml.safe_load(text.split("---\n", 2)[1])["model-index"]
    assert [metric["type"] for metric in model["results"][0]["metrics"]] == ["accuracy"]
    for said in (
        "of 4 images the evidence is unknown",
        "2 empty mask",
        "PT undefined",
        "At most 60 samples",
        "The run is not complete",
    ):
        assert said in text


def test_hostile_labels_stay_text(hostile: RunRecord) -> None:
    text = "".join(write_card(select(hostile, ["*lp*"]), ""))
    (model,) = yaml.safe_load(text.split("---\n", 2)[1])["model-index"]
    assert model["name"].startswith("clip · =cmd|") and model["name"].endswith("lp")
    assert "\x1b" not in text


def test_yaml_is_read_back_as_it_was() -> None:
    values = {
        "a": 'x: "y" #z\n- \u2028',
        "b": [{"c": {"d": [1, 2.5, "e"]}, "f": True}, {"g": -1e-7}],
        "h": {},
        "i": [],
    }
    assert yaml.safe_load(to_yaml(values)) == values | {"a": 'x: "y" #z\n- \\u2028'}
