"""VizWiz-VQA-Grounding."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from rateval.api import Context, RatevalError
from rateval.api.tasks.texts import Asked
from rateval.testing import check_component
from rateval_datasets.plugin import rateval_register_datasets
from rateval_datasets.questions.params import VizWizParams
from rateval_datasets.questions.split import QuestionDataset
from rateval_datasets.questions.vizwiz import make_vizwiz

(COMPONENT,) = [c for c in rateval_register_datasets() if c.name == "vizwiz-vqa-grounding"]
NAME = "VizWiz_val_0000000{}.jpg"


def make(root: Path, **params: Any) -> QuestionDataset:
    return make_vizwiz(VizWizParams(root=root, **params), Context())


def triangle() -> NDArray[np.bool_]:
    """The pixels whose centres lie in the triangle 10, 5, 40.5, 5, 10, 35.5."""
    y, x = np.indices((40, 50)) + 0.5
    return np.asarray((x >= 10) & (y >= 5) & (x + y < 45.5))


def edit(path: Path, name: str, **change: Any) -> None:
    found = json.loads(path.read_text())
    found[name].update(change)
    path.write_text(json.dumps(found))


def test_questions_answers_and_outlines(tools: Any, vizwiz: Path) -> None:
    dataset = make(vizwiz)
    assert dataset.classes == ("b", "c", "soup", "yes")
    sample = tools.sample(dataset.test, NAME.format(0))
    assert sample.asked == Asked("What is this?", ("b", "b", "a", "a"))
    assert dataset.classes[sample.label] == "b"
    np.testing.assert_array_equal(sample.mask, triangle(), strict=True)
    both = triangle()
    both[:4, :4] = True
    found = tools.sample(dataset.test, NAME.format(1)).mask
    np.testing.assert_array_equal(found, both, strict=True)
    assert tools.sample(dataset.test, NAME.format(2)).mask is None
    assert dict(dataset.test.groups) == {"image": [NAME.format(at) for at in range(3)]}
    assert dataset.notes == ("1 of 3 test questions have no region: they count in accuracy alone",)
    assert dataset.train is not None
    assert tools.sample(dataset.train, "VizWiz_train_00000000.jpg").mask.any()
    assert make(vizwiz, train=False).train is None


def test_masks_in_place_of_outlines(tools: Any, vizwiz: Path) -> None:
    dataset = make(vizwiz, evidence="masks")
    drawn = np.zeros((40, 50), dtype=np.bool_)
    drawn[3:9, 4:12] = True
    mask = tools.sample(dataset.test, NAME.format(0)).mask
    np.testing.assert_array_equal(mask, drawn, strict=True)
    assert tools.sample(dataset.test, NAME.format(1)).mask is None
    assert dataset.test.identity != make(vizwiz).test.identity
    path = vizwiz / "binary_masks_png" / "val" / "VizWiz_val_00000000.png"
    Image.new("L", (40, 40)).save(path)
    reasons = tools.skipped(make(vizwiz, evidence="masks").test)
    assert reasons[NAME.format(0)].startswith("mask and image contradict each other: 40 x 40")


def test_what_is_at_fault_is_skipped(tools: Any, vizwiz: Path) -> None:
    path = vizwiz / "val_grounding.json"
    edit(path, NAME.format(0), answer_grounding=[{"x": 1, "y": 2}])
    edit(path, NAME.format(1), width=77)
    edit(path, NAME.format(2), answers=[])
    reasons = tools.skipped(make(vizwiz).test)
    assert "unreadable evidence: " in reasons[NAME.format(0)]
    assert "the outline has 77 x 40 pixels" in reasons[NAME.format(1)]
    assert reasons[NAME.format(2)] == "no answer"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"answer_grounding": [{"x": 1}]}, '"answer_grounding" holds no points x and y'),
        ({"answer_grounding": [7]}, '"answer_grounding" holds no points x and y'),
        ({"answer_grounding": {"x": 1}}, '"answer_grounding" holds no points x and y'),
        ({"height": 0}, '"height" is 0, which no image has'),
        ({"answers": "mug"}, '"answers" is mug, not a list'),
        ({"question": None}, '"question" is None, not text'),
    ],
)
def test_fields_that_are_none_are_refused(
    tools: Any, vizwiz: Path, change: dict[str, Any], message: str
) -> None:
    edit(vizwiz / "val_grounding.json", NAME.format(0), **change)
    why = tools.refusal(lambda: make(vizwiz))
    assert f"val_grounding.json: {NAME.format(0)}: {message}" in why


def test_names_that_leave_the_folder_or_stand_twice_are_refused(tools: Any, vizwiz: Path) -> None:
    path = vizwiz / "val_grounding.json"
    text = path.read_text()
    path.write_text(text.replace(NAME.format(0), "../secret.jpg"))
    assert "../secret.jpg is no name of a photo" in tools.refusal(lambda: make(vizwiz))
    path.write_text(text.replace(NAME.format(1), NAME.format(0)))
    assert f"{NAME.format(0)} stands there twice" in tools.refusal(lambda: make(vizwiz))


@pytest.mark.parametrize("gone", ["val_grounding.json", "val", "train"])
def test_missing_parts_are_named(vizwiz: Path, gone: str) -> None:
    (vizwiz / gone).rename(vizwiz / "gone")
    with pytest.raises(RatevalError, match=f"vizwiz-vqa-grounding: no such .*/{gone}.*vizwiz.org"):
        make(vizwiz)


def test_missing_masks_are_named(vizwiz: Path) -> None:
    (vizwiz / "binary_masks_png").rename(vizwiz / "gone")
    with pytest.raises(RatevalError, match=r"no such folder: .*/binary_masks_png/val"):
        make(vizwiz, evidence="masks")


@pytest.mark.parametrize("evidence", ["outlines", "masks"])
def test_conformance(vizwiz: Path, evidence: str) -> None:
    check_component(COMPONENT, "dataset", root=vizwiz, evidence=evidence)
