"""VQA v2."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from rateval.api import Context, RatevalError
from rateval.api.tasks.texts import Asked
from rateval.testing import check_component
from rateval_datasets.plugin import rateval_register_datasets
from rateval_datasets.questions.params import VqaV2Params
from rateval_datasets.questions.split import QuestionDataset
from rateval_datasets.questions.vqa_v2 import make_vqa_v2

(COMPONENT,) = [c for c in rateval_register_datasets() if c.name == "vqa-v2"]


def make(root: Path, **params: Any) -> QuestionDataset:
    return make_vqa_v2(VqaV2Params(root=root, **params), Context())


def test_questions_answers_and_groups(tools: Any, vqa: Path) -> None:
    dataset = make(vqa)
    assert dataset.classes == ("2", "cup", "no")
    sample = tools.sample(dataset.test, "42000")
    assert sample.asked == Asked("What is it?", ("mug", "cup", "cup"))
    assert dataset.classes[sample.label] == "cup"
    assert sample.mask is None
    assert not dataset.has_masks
    assert tools.skipped(dataset.test) == {"73000": "no answer"}
    assert dict(dataset.test.groups) == {
        "image": ["42", "42", "73"],
        "question type": ["what is", "how many", "is it"],
        "answer type": ["other", "number", "yes/no"],
    }
    assert dataset.train is not None
    assert tools.sample(dataset.train, "9000").asked == Asked("Is it red?", ("no",))


def test_photos_may_lie_in_images_and_training_may_be_left_out(tools: Any, vqa: Path) -> None:
    (vqa / "images").mkdir()
    (vqa / "val2014").rename(vqa / "images" / "val2014")
    dataset = make(vqa, train=False)
    assert dataset.train is None
    assert dataset.classes == ("2", "cup")
    assert tools.sample(dataset.test, "42001").image.size == (50, 40)
    (vqa / "v2_mscoco_train2014_annotations.json").unlink()
    assert make(vqa).train is None


@pytest.mark.parametrize(
    ("file", "key", "change", "message"),
    [
        ("mscoco_val2014_annotations", "annotations", {"question_id": 7}, "is not among the"),
        ("mscoco_val2014_annotations", "annotations", {"question_id": 42001}, "is annotated twice"),
        ("mscoco_val2014_annotations", "annotations", {"answers": [3]}, "holds what is no answer"),
        ("mscoco_val2014_annotations", "annotations", {"image_id": "x"}, "not a whole number"),
        ("OpenEnded_mscoco_val2014_questions", "questions", {"question": 1}, "is 1, not text"),
        ("OpenEnded_mscoco_val2014_questions", "questions", {"question_id": 42001}, "there twice"),
    ],
)
def test_contradictions_are_refused_with_their_place(
    tools: Any, vqa: Path, file: str, key: str, change: dict[str, Any], message: str
) -> None:
    path = vqa / f"v2_{file}.json"
    found = json.loads(path.read_text())
    at = 0 if "question" in change else 2
    found[key][at].update(change)
    path.write_text(json.dumps(found))
    why = tools.refusal(lambda: make(vqa))
    assert f"v2_{file}.json: {key}[{at}]: " in why
    assert message in why


def test_files_of_another_kind_are_refused(tools: Any, vqa: Path) -> None:
    path = vqa / "v2_mscoco_val2014_annotations.json"
    path.write_text('{"annotations": []}')
    assert "holds no question" in tools.refusal(lambda: make(vqa))
    path.write_text('{"annotations": [1]}')
    assert "annotations[0]: is no object, but 1" in tools.refusal(lambda: make(vqa))
    path.write_text("{}")
    assert 'cannot be read: there is no "annotations" in it' in tools.refusal(lambda: make(vqa))


@pytest.mark.parametrize(
    "gone",
    ["v2_OpenEnded_mscoco_val2014_questions.json", "v2_mscoco_val2014_annotations.json", "val2014"],
)
def test_missing_parts_are_named(vqa: Path, gone: str) -> None:
    (vqa / gone).rename(vqa / "gone")
    with pytest.raises(RatevalError, match=f"vqa-v2: no such .*/{gone}.*visualqa.org"):
        make(vqa)


def test_conformance(vqa: Path) -> None:
    check_component(COMPONENT, "dataset", root=vqa)
