"""GQA."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rateval.api import Context, RatevalError
from rateval.api.tasks.texts import Asked
from rateval.testing import check_component
from rateval_datasets.plugin import rateval_register_datasets
from rateval_datasets.questions.gqa import make_gqa
from rateval_datasets.questions.params import GqaParams
from rateval_datasets.questions.split import QuestionDataset

(COMPONENT,) = [c for c in rateval_register_datasets() if c.name == "gqa"]


def make(root: Path, **params: Any) -> QuestionDataset:
    return make_gqa(GqaParams(root=root, **params), Context())


def edit(path: Path, change: Any) -> None:
    found = json.loads(path.read_text())
    change(found)
    path.write_text(json.dumps(found))


def test_questions_answers_and_groups(tools: Any, gqa: Path) -> None:
    dataset = make(gqa)
    assert dataset.classes == ("cup", "left", "no", "perhaps", "yes")
    assert list(dataset.test.ids) == ["00100", "00101", "00102", "00103", "00104"]
    sample = tools.sample(dataset.test, "00102")
    assert sample.asked == Asked("Is it a café?", ("no",))
    assert dataset.classes[sample.label] == "no"
    assert dict(dataset.test.groups) == {
        "image": ["1", "1", "1", "1", "2"],
        "question type": ["verify"] * 5,
        "semantic type": ["obj"] * 5,
    }
    assert dataset.train is not None
    trained = tools.sample(dataset.train, "00200")
    assert trained.asked == Asked("Is there a cat?", ("perhaps",))


def test_evidence_is_what_question_answer_and_full_answer_name(tools: Any, gqa: Path) -> None:
    dataset = make(gqa)
    cup = np.zeros((40, 50), dtype=np.bool_)
    cup[4:16, 5:15] = True
    table = np.zeros((40, 50), dtype=np.bool_)
    table[20:40] = True
    both = tools.sample(dataset.test, "00100").mask
    np.testing.assert_array_equal(both, cup | table, strict=True)
    np.testing.assert_array_equal(tools.sample(dataset.test, "00101").mask, cup, strict=True)
    assert tools.sample(dataset.test, "00102").mask is None, "nothing is named"
    assert tools.sample(dataset.test, "00103").mask is None, "a box without a pixel"
    dog = np.zeros((20, 25), dtype=np.bool_)  # of a photo half as large as its graph says
    for row in range(20):
        for column in range(25):
            dog[row, column] = 1 <= row + 0.5 < 16 and 1.5 <= column + 0.5 < 21.5
    np.testing.assert_array_equal(tools.sample(dataset.test, "00104").mask, dog, strict=True)
    assert dataset.has_masks
    assert dataset.notes == ("2 of 5 test questions have no region: they count in accuracy alone",)


def test_testdev_has_no_scene_graphs(tools: Any, gqa: Path) -> None:
    dataset = make(gqa, part="testdev", train=False)
    assert dataset.classes == ("no",)
    assert tools.sample(dataset.test, "00300").mask is None
    assert not dataset.has_masks
    assert dataset.train is None


def test_without_a_training_file_there_is_no_training_split(gqa: Path) -> None:
    with_train = make(gqa)
    (gqa / "questions" / "train_balanced_questions.json").unlink()
    dataset = make(gqa)
    assert dataset.train is None
    assert dataset.classes == ("cup", "left", "no", "yes")
    assert dataset.test.identity != with_train.test.identity, "labels are others"


def test_identity_holds_regions_and_answers(gqa: Path) -> None:
    before = make(gqa).test.identity
    assert make(gqa).test.identity == before
    path = gqa / "sceneGraphs" / "val_sceneGraphs.json"
    edit(path, lambda graphs: graphs["1"]["objects"]["11"].update(w=11))
    moved = make(gqa).test.identity
    path = gqa / "questions" / "val_balanced_questions.json"
    edit(path, lambda questions: questions["00100"].update(question="Is it?"))
    assert len({before, moved, make(gqa).test.identity}) == 3


def test_what_is_at_fault_is_skipped(tools: Any, gqa: Path) -> None:
    def change(questions: dict[str, Any]) -> None:
        questions["00100"]["annotations"]["answer"] = {"0": "99"}
        questions["00101"]["answer"] = ""
        questions["00102"]["question"] = " "
        questions["00103"]["question"] = "a\u0007?"

    edit(gqa / "questions" / "val_balanced_questions.json", change)
    (gqa / "images" / "2.jpg").unlink()
    reasons = tools.skipped(make(gqa).test)
    assert reasons["00100"] == "question and scene graph contradict each other: no object 99"
    assert reasons["00101"] == "no answer"
    assert reasons["00102"] == "no question"
    assert "unreadable question: it holds the character U+0007" in reasons["00103"]
    assert reasons["00104"].startswith("unreadable image: FileNotFoundError")


def test_a_graph_of_another_image_is_skipped(tools: Any, gqa: Path) -> None:
    path = gqa / "sceneGraphs" / "val_sceneGraphs.json"
    edit(path, lambda graphs: graphs["2"].update(width=90))
    reasons = tools.skipped(make(gqa).test)
    assert "the scene graph has 90 x 40 pixels" in reasons["00104"]


@pytest.mark.parametrize(
    ("part", "change", "message"),
    [
        ("questions/val_balanced_questions.json", {"imageId": 7}, '"imageId" is 7, not text'),
        ("questions/val_balanced_questions.json", {"answer": None}, '"answer" is None, not text'),
        ("questions/val_balanced_questions.json", {"annotations": []}, "not an object"),
        ("questions/val_balanced_questions.json", {"annotations": {"answer": 3}}, '"answer" is 3'),
        ("questions/val_balanced_questions.json", {"imageId": "../1"}, "no name of a file"),
        ("questions/val_balanced_questions.json", {"types": {"semantic": 1}}, '"semantic" is 1'),
    ],
)
def test_fields_that_are_none_are_refused(
    tools: Any, gqa: Path, part: str, change: dict[str, Any], message: str
) -> None:
    edit(gqa / part, lambda questions: questions["00101"].update(change))
    why = tools.refusal(lambda: make(gqa))
    assert f"{part}: question 00101: " in why
    assert message in why


def test_broken_files_are_refused(tools: Any, gqa: Path) -> None:
    graphs = gqa / "sceneGraphs" / "val_sceneGraphs.json"
    edit(graphs, lambda found: found["1"]["objects"]["11"].pop("x"))
    why = tools.refusal(lambda: make(gqa))
    assert 'val_sceneGraphs.json: image 1: object 11: "x" is not there, not a whole number' in why
    path = gqa / "questions" / "val_balanced_questions.json"
    path.write_text(path.read_text()[:-9])
    assert "val_balanced_questions.json cannot be read: is no JSON" in tools.refusal(
        lambda: make(gqa)
    )
    path.write_text("{}")
    assert "val_balanced_questions.json: holds no question" in tools.refusal(lambda: make(gqa))
    path.write_text('{"1": {}, "1": {}}')
    assert 'question 1: "imageId" is not there' in tools.refusal(lambda: make(gqa))


@pytest.mark.parametrize(
    "gone",
    ["images", "questions/val_balanced_questions.json", "sceneGraphs/val_sceneGraphs.json"],
)
def test_missing_parts_are_named(gqa: Path, gone: str) -> None:
    (gqa / gone).rename(gqa / "gone")
    with pytest.raises(RatevalError, match=f"gqa: no such .*/{gone}.*gqa/download.html"):
        make(gqa)


def test_a_folder_too_deep_is_named(gqa: Path) -> None:
    with pytest.raises(RatevalError, match="give the folder above"):
        make(gqa / "questions")


def test_conformance(gqa: Path) -> None:
    check_component(COMPONENT, "dataset", root=gqa)
