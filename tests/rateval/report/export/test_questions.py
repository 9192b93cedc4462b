"""Runs of questions for other tools: what was asked, what was said, and what people answered."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import yaml
from PIL import Image

import rateval
from rateval.cli.main import main
from rateval.records.run import RunRecord

SAYS = "=1+1 <b>nothing</b>"
SPEC: dict[str, Any] = {
    "study": {"name": "asked"},
    "dataset": [{"use": "questions", "test": 8, "besides": ["blue"]}],
    "model": [{"use": "writer"}, {"use": "writer", "name": "talker", "says": SAYS}],
    "finetune": [{"use": "zs"}],
    "attribution": [{"use": "center-prior"}],
    "run": {"device": "cpu"},
}
Rows = dict[tuple[str, str], dict[str, Any]]


@pytest.fixture
def run(acme: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunRecord:
    monkeypatch.chdir(tmp_path)
    return rateval.run(SPEC, output="runs")


def rows_of(run: RunRecord) -> Rows:
    return {
        (cell.key.model, row["id"]): row for cell in run.cells for row in run.rows(cell).to_pylist()
    }


def export(run: RunRecord, name: str, *more: str) -> Path:
    assert main(["export", str(run.path), "--format", name, "--output", name, *more]) == 0
    return Path(name)


def test_rows_name_what_was_written(run: RunRecord) -> None:
    rows = rows_of(run)
    table = pq.read_table(export(run, "parquet", "--what", "rows")).to_pylist()
    assert len(table) == len(rows) == 16
    for line in table:
        row = rows[line["model"], line["id"]]
        assert line["prediction_name"] == line["output"] == row["output"]
        assert (line["input"], line["references"]) == (row["input"], row["references"])
    with export(run, "csv", "--what", "rows").open(newline="", encoding="utf-8") as file:
        lines = list(csv.DictReader(file))
    for read in lines:
        row = rows[read["model"], read["id"]]
        written = f"'{SAYS}" if read["model"] == "talker" else row["output"]
        assert (read["output"], read["prediction_name"]) == (written, written)
        assert json.loads(read["references"]) == row["references"]


def test_coco_has_no_category_for_a_text_that_is_no_answer(run: RunRecord) -> None:
    rows, folder = rows_of(run), export(run, "coco")
    (images,) = (json.loads(one.read_text()) for one in folder.glob("*/annotations.json"))
    names = {one["id"]: one["name"] for one in images["categories"]}
    ids = {one["id"]: one["test_id"] for one in images["images"]}
    found = [
        one for file in folder.glob("*/results/*.json") for one in json.loads(file.read_text())
    ]
    assert len(found) == 16
    for one in found:
        row = rows[one["cell"].split(" ")[0], ids[one["image_id"]]]
        assert (one["question"], one["answer"]) == (row["input"], row["output"])
        assert one["references"] == row["references"]
        assert one["score"] is None
        assert names.get(one["category_id"]) == (None if row["output"] == SAYS else row["output"])


def test_fiftyone_has_the_question_once_and_each_answer(run: RunRecord) -> None:
    rows = rows_of(run)
    folder = export(run, "fiftyone")
    samples = json.loads((folder / "samples.json").read_text())["samples"]
    assert len(samples) == 8
    for sample in samples:
        row = rows["writer", sample["image"]]
        assert (sample["question"], sample["answers"]) == (row["input"], row["references"])
        for model in ("writer", "talker"):
            (said,) = (
                value
                for name, value in sample.items()
                if name.startswith(f"{model}_") and name.endswith("_prediction")
            )
            assert said["label"] == rows[model, sample["image"]]["output"]
            assert "confidence" not in said


def test_units_that_changed_have_their_questions(
    run: RunRecord, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    models = [{"use": "writer", "seed": 1}, {"use": "writer", "name": "talker"}]
    other = rateval.run(SPEC | {"model": models}, output="other")
    before, after = rows_of(run), rows_of(other)
    both = [str(run.path), str(other.path)]
    capsys.readouterr()
    assert main(["compare", *both, "--changed", "changed.csv", "--show", "4", "--plain"]) == 0
    printed = capsys.readouterr().out
    with Path("changed.csv").open(newline="", encoding="utf-8") as file:
        lines = list(csv.DictReader(file))
    assert {line["candidate_cell"].split(" ")[0] for line in lines} == {"writer", "talker"}
    for line in lines:
        one = line["candidate_cell"].split(" ")[0], line["id"]
        assert line["question"] == before[one]["input"] == after[one]["input"]
        assert line["baseline_prediction"].removeprefix("'") == before[one]["output"]
        assert line["candidate_prediction"] == after[one]["output"]
    assert "question" in printed
    assert "Is the square red?" in printed
    assert all(len(text) <= 80 for text in printed.splitlines() if "/" not in text)


def test_a_writer_chooses_from_no_classes(
    acme: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    photo = tmp_path / "photo.png"
    Image.new("RGB", (60, 40), "red").save(photo)
    assert main(["look", str(photo), "--model", "writer", "--classes", "red,blue"]) == 2
    told = capsys.readouterr().err
    assert '--classes: "writer" says texts and chooses from no classes' in told


def test_a_card_says_that_questions_are_answered(run: RunRecord) -> None:
    text = export(run, "model-card", "--cell", "writer*").read_text(encoding="utf-8")
    metadata = yaml.safe_load(text.split("---\n")[1])
    assert metadata["pipeline_tag"] == "visual-question-answering"
    (entry, *_) = metadata["model-index"][0]["results"]
    assert entry["task"]["type"] == "visual-question-answering"
    assert entry["task"]["name"] == "Visual question answering"
    told = text.split("---\n", 2)[2]
    assert "questions" in told
    assert not re.search(r"\d images|other images", told)
    assert "of the answers where the image is blank, " in told


def test_the_table_of_cells_has_what_is_known_of_answers(run: RunRecord) -> None:
    lines = pq.read_table(export(run, "parquet", "--what", "cells")).to_pylist()
    assert {line["unit"] for line in lines} == {"question"}
    for cell in run.cells:
        own = [line for line in lines if line["model"] == cell.key.model]
        scores = [score for evidence in cell.evidence for score in evidence.scores]
        assert len(own) == len(scores)
        blind = cell.without_image
        assert blind is not None
        for line, score in zip(own, scores, strict=True):
            soft = score.soft
            assert line["soft"] == (None if soft is None else soft.value)
            assert line["soft_low"] == (None if soft is None else soft.low)
            for name in ("blank_right", "blank_kept", "other_right", "other_kept"):
                found = getattr(blind, name)
                ends = [line[name], line[f"{name}_low"], line[f"{name}_high"]]
                assert ends == [found.value, found.low, found.high]
            assert line["chair_i"] is line["cider"] is None


def test_soft_scores_stand_in_the_table_of_cells(
    acme: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    soft = rateval.run(SPEC | {"task": [{"use": "vqa", "correct": "soft"}]}, output="runs")
    with export(soft, "csv").open(newline="", encoding="utf-8") as file:
        lines = list(csv.DictReader(file))
    scores = [s for cell in soft.cells for evidence in cell.evidence for s in evidence.scores]
    assert any(score.soft is not None for score in scores)
    for line, score in zip(lines, scores, strict=True):
        value = None if score.soft is None else score.soft.value
        assert line["soft"] == ("" if value is None else str(value))
