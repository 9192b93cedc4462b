"""A study of questions from its spec to what people read of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

import rateval as library

SPEC: dict[str, Any] = {
    "study": {"name": "asked"},
    "dataset": [{"use": "questions", "test": 12, "besides": ["blue", "<b>green</b>"]}],
    "model": [{"use": "writer"}],
    "finetune": [{"use": "zs"}, {"use": "ft", "epochs": 2, "lr": 0.1}],
    "attribution": [{"use": "generic-attention"}, {"use": "random"}],
    "run": {"device": "cpu", "batch_size": 5},
}


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, acme: Path) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("answer", ["generate", "rank"])
def test_rows_hold_questions_and_answers(answer: str) -> None:
    record = library.run(SPEC | {"task": [{"use": "vqa", "answer": answer}]})
    assert record.status == "finished"
    assert record.spec_resolved["statistics"]["cluster"] == "image"
    assert record.spec_resolved["task"][0]["params"]["answer"] == answer
    cell = record.cells[0]
    rows = record.rows(cell).to_pylist()
    assert [row["id"] for row in rows][:2] == ["0000-colour", "0000-red"]
    for row in rows:
        right = row["output"] == row["references"][0]
        assert row["correct"] is right
        assert (row["prediction"] == row["label"]) is right
        assert row["blank_output"] is not None
        assert row["likelihood"] <= 0
    assert {row["input"] for row in rows} == {"What colour is the square?", "Is the square red?"}
    found = cell.without_image
    assert found is not None
    kept = sum(row["output"] == row["blank_output"] for row in rows)
    assert (found.blank_kept.numerator, found.blank_kept.over) == (kept, "clusters")
    assert cell.calibration is None
    # What explains doesn't change what is answered.
    assert record.rows(cell)["output"].equals(record.rows(record.cells[1])["output"])


def test_what_people_disagree_on_has_soft_scores() -> None:
    record = library.run(SPEC | {"task": [{"use": "vqa", "correct": "soft", "cut": 0.5}]})
    cell = record.cells[0]
    rows = record.rows(cell).to_pylist()
    soft = {row["soft"] for row in rows}
    assert any(0 < value < 1 for value in soft)
    assert all(row["correct"] == (row["soft"] >= 0.5) for row in rows)
    score = cell.evidence[0].score("accuracy")
    assert score is not None
    assert score.soft is not None
    assert score.soft.value == pytest.approx(sum(row["soft"] for row in rows) / len(rows))


@pytest.fixture
def _one_thread() -> Iterator[None]:
    """Let this process compute with one thread, as each of two workers of two cores does."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.mark.usefixtures("_one_thread")
def test_other_workers_edits_and_metrics_afterwards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")  # the bits of a sum depend on their number
    more = {
        "counterfactual": {"donors": 1},
        "faithfulness": {"images": 4, "steps": 2},
        "held_out": {"images": 8},
        "evidence": [{"use": "relevance-mass"}, {"use": "counterfactual"}],
    }
    record = library.run(SPEC | more, output="one")
    two = SPEC | more | {"executor": {"use": "local", "workers": 2}}
    assert record.status == "finished"
    again = library.run(two, output="two")
    for one, other in zip(record.cells, again.cells, strict=True):
        assert record.rows(one).equals(again.rows(other))
        assert one.evidence == other.evidence
    assert record.trainings[0].epochs[0].accuracy is None
    scored = library.score(record, validators={"use": "iou", "at": 0.3})
    assert [cell.count for cell in scored.cells] == [12] * len(record.cells)


def test_a_plan_tells_of_questions_before_they_are_asked(rateval: Any) -> None:
    Path("spec.toml").write_text(
        '[study]\nname = "asked"\n[[dataset]]\nuse = "questions"\n[[model]]\nuse = "writer"\n'
        '[[finetune]]\nuse = "zs"\n[run]\ndevice = "cpu"\n',
        encoding="utf-8",
    )
    for measured in ([], ["--measure"]):
        done = rateval("plan", "spec.toml", *measured)
        assert done.code == 0, done.err
        assert "infer" in done.out


def test_reports_and_exports_say_what_was_asked(rateval: Any) -> None:
    library.run(SPEC, output="one")
    library.run(SPEC | {"model": [{"use": "writer", "seed": 1}]}, output="two")
    (one,), (two,) = (list(Path(name).glob("asked-*")) for name in ("one", "two"))
    page = rateval("report", str(one), "--html", "page.html")
    assert page.code == 0, page.err
    text = Path("page.html").read_text(encoding="utf-8")
    assert "What colour is the square?" in text
    assert "<b>green</b>" not in text
    told = rateval("report", str(one)).out
    assert "answers without the image" in told
    compared = rateval("compare", str(one), str(two), "--json")
    assert compared.code == 0, compared.err
    for name in ("parquet", "csv", "coco", "fiftyone"):
        done = rateval("export", str(one), "--format", name, "--output", f"out-{name}")
        assert done.code == 0, done.err
    (results,) = list(Path("out-coco").rglob("*zs*generic*.json"))
    said = json.loads(results.read_text(encoding="utf-8"))
    assert {one["question"] for one in said} == {"What colour is the square?", "Is the square red?"}


def test_a_dataset_that_asks_nothing_is_named() -> None:
    record = library.run(SPEC | {"dataset": [{"use": "questions", "unasked": 2}]})
    assert record.status == "failed"
    assert any("2 of 5 have none" in failure.error for failure in record.failures)


def test_a_model_that_ignores_the_image_is_never_right_for_the_region() -> None:
    record = library.run(
        SPEC
        | {
            "model": [{"use": "writer", "says": "yes"}],
            "finetune": [{"use": "zs"}],
            "attribution": [{"use": "center-prior"}],
            "evidence": [{"use": "counterfactual"}],
            "counterfactual": {"donors": 2},
        }
    )
    (cell,) = record.cells
    quadrants = cell.evidence[0].quadrants
    assert quadrants["RW"] > 0
    assert (quadrants["RR"], quadrants["WR"]) == (0, 0)
    found = cell.without_image
    assert found is not None
    assert (found.blank_kept.value, found.other_kept.value) == (1, 1)
