"""Questions about the images of COCO files, with the objects that their answers need."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

import rateval
from rateval.api import Context, RatevalError, Sample, Skipped
from rateval.api.tasks.texts import Asked
from rateval.testing import check_dataset
from rateval_datasets.own.coco.dataset import make_coco
from rateval_datasets.own.coco.params import CocoParams

from .conftest import TRIANGLE, box_mask, content, photo, triangle_mask, write

BOX = [10, 5, 21, 15]
IMAGES: dict[str, list[dict[str, Any]]] = {
    "a.png": [
        {"category_id": 1, "segmentation": [TRIANGLE]},
        {"category_id": 2, "bbox": BOX, "iscrowd": 1},
        {"category_id": 2, "segmentation": [TRIANGLE]},
    ],
    "deep/b.png": [{"category_id": 0, "bbox": BOX}],
    "c.png": [],
}
"""Their objects have the ids 1, 2, 3 and 4; the images 0, 1 and 2."""
ASKED: list[dict[str, Any]] = [
    {"question_id": 70, "image_id": 0, "question": "What is left?", "annotation_ids": [1]},
    {"question_id": 71, "image_id": 0, "question": "What is boxed?", "annotation_ids": [2]},
    {"question_id": 72, "image_id": 0, "question": "Where are mugs?", "category_id": 2},
    {"question_id": 73, "image_id": 0, "question": "Is there a pan?", "category_id": 0},
    {"question_id": 74, "image_id": 1, "question": "What for?", "annotation_ids": []},
    {"question_id": 75, "image_id": 2, "question": "Why?"},
    {"question_id": 76, "image_id": 9, "question": "Whose?"},
]
GIVEN: list[list[str]] = [
    ["kettle", "pot", "kettle"],
    ["mug"],
    ["table", "table"],
    ["no"],
    ["to fry"],
    [],
    ["nobody's"],
]


def answers(numbers: range = range(7)) -> dict[str, Any]:
    """Return VQA's file of answers, with types."""
    return {
        "annotations": [
            {
                "question_id": 70 + at,
                "image_id": ASKED[at]["image_id"],
                "question_type": "what is" if at < 2 else "other",
                "answer_type": "other",
                "multiple_choice_answer": "kettle",
                "answers": [{"answer": one, "answer_id": n} for n, one in enumerate(GIVEN[at], 1)],
            }
            for at in numbers
        ]
    }


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Any]:
    """Write photos, instances, questions and answers; return params that name them."""
    write(tmp_path / "a.json", IMAGES)
    (tmp_path / "q.json").write_text(json.dumps({"questions": ASKED}))
    (tmp_path / "v.json").write_text(json.dumps(answers()))
    named = {"annotations": "a.json", "questions": "q.json", "answers": "v.json"}
    return {key: str(tmp_path / name) for key, name in named.items()}


def same(sample: Sample, expected: Any) -> bool:
    return sample.mask is not None and np.array_equal(sample.mask, expected)


def make(given: dict[str, Any], **more: Any) -> Any:
    return make_coco(CocoParams(**given | more), Context())


def read(dataset: Any) -> dict[str, Sample | Skipped]:
    return {one.id: one for one in dataset.test.samples(range(len(dataset.test)))}


def test_objects_named_one_by_one_or_by_category_are_the_evidence(files: dict[str, Any]) -> None:
    dataset = make(files)
    check_dataset(dataset, again=make(files))
    found = read(dataset)
    ids = ["a.png#70", "a.png#71", "a.png#72", "a.png#73", "deep/b.png#74", "c.png#75"]
    assert list(found) == ids
    masks: list[Any] = [triangle_mask(), box_mask(), box_mask() | triangle_mask(), None, None]
    for name, expected in zip(ids, masks, strict=False):
        sample = found[name]
        assert isinstance(sample, Sample)
        if expected is None:
            assert sample.mask is None
        else:
            assert same(sample, expected)
    assert found["c.png#75"] == Skipped("c.png#75", "no answer")
    first = found["a.png#70"]
    assert isinstance(first, Sample)
    assert first.asked == Asked("What is left?", ("kettle", "pot", "kettle"))
    assert dataset.classes[first.label] == "kettle"
    assert dataset.classes == ("kettle", "mug", "no", "table", "to fry")
    assert CocoParams(**files).task == "vqa"


def test_crowds_count_unless_left_out_but_for_those_that_are_named(files: dict[str, Any]) -> None:
    found = read(make(files, crowds=False))
    one, several = found["a.png#71"], found["a.png#72"]
    assert isinstance(one, Sample)
    assert isinstance(several, Sample)
    assert same(one, box_mask())
    assert same(several, triangle_mask())


def test_groups_are_the_photo_and_the_types(files: dict[str, Any]) -> None:
    groups = make(files).test.groups
    assert groups["image"] == ["a.png"] * 4 + ["deep/b.png", "c.png"]
    assert groups["question type"] == ["what is"] * 2 + ["other"] * 4
    assert groups["answer type"] == ["other"] * 6


def test_what_is_left_out_is_told(files: dict[str, Any], tmp_path: Path) -> None:
    dataset = make(files)
    assert dataset.notes == (
        "1 questions of q.json are about images that a.json doesn't list: 76",
        "2 of 6 questions have no region: they count in accuracy alone",
    )
    more = answers()
    more["annotations"].append({"question_id": 99, "image_id": 0, "answers": ["x"]})
    (tmp_path / "v.json").write_text(json.dumps(more))
    assert "1 answers of v.json are to questions that q.json doesn't ask: 99" in make(files).notes


def test_answers_may_stand_with_the_questions(files: dict[str, Any], tmp_path: Path) -> None:
    one = [entry | {"answers": GIVEN[at]} for at, entry in enumerate(ASKED)]
    (tmp_path / "q.json").write_text(json.dumps({"questions": one}))
    alone = {key: value for key, value in files.items() if key != "answers"}
    ours, theirs = read(make(alone)), read(make(files))
    assert list(ours) == list(theirs)
    for name, sample in ours.items():
        other = theirs[name]
        if isinstance(sample, Sample) and isinstance(other, Sample):
            assert sample.asked == other.asked
            assert (sample.mask is None) == (other.mask is None)
        else:
            assert sample == other


def test_objects_may_stand_with_the_answers(files: dict[str, Any], tmp_path: Path) -> None:
    bare = [{k: v for k, v in one.items() if k != "annotation_ids"} for one in ASKED]
    (tmp_path / "q.json").write_text(json.dumps({"questions": bare}))
    given = answers()
    given["annotations"][0]["annotation_ids"] = [3]
    (tmp_path / "v.json").write_text(json.dumps(given))
    found = read(make(files))["a.png#70"]
    assert isinstance(found, Sample)
    assert same(found, triangle_mask())


def test_files_by_split_and_shares_of_images(files: dict[str, Any], tmp_path: Path) -> None:
    for name in ("train", "test"):
        write(tmp_path / name / "a.json", IMAGES)
        given = answers(range(5) if name == "train" else range(6))
        (tmp_path / name / "v.json").write_text(json.dumps(given))
        (tmp_path / name / "q.json").write_text(json.dumps({"questions": ASKED[:6]}))
    parts = {
        key: {split: str(tmp_path / split / file) for split in ("train", "test")}
        for key, file in (("annotations", "a.json"), ("questions", "q.json"), ("answers", "v.json"))
    }
    dataset = make(parts)
    assert len(dataset.test) == len(dataset.train) == 6
    assert dataset.test.ids[0] == "test/a.png#70"
    assert isinstance(dataset.train.samples([5])[0], Skipped)


def test_drawn_shares_keep_questions_about_a_photo_together(
    files: dict[str, Any], tmp_path: Path
) -> None:
    write(tmp_path / "a.json", {f"{at}.png": [] for at in range(20)})
    asked = [
        {"question_id": at, "image_id": at // 3, "question": "what?", "answers": ["it"]}
        for at in range(60)
    ]
    (tmp_path / "q.json").write_text(json.dumps({"questions": asked}))
    alone = {key: value for key, value in files.items() if key != "answers"}
    drawn = make(alone, split={"train": 0.5, "test": 0.5})
    assert len(drawn.train) + len(drawn.test) == 60
    sides = [set(split.groups["image"]) for split in (drawn.train, drawn.test)]
    assert not sides[0] & sides[1]


EDITS: list[tuple[str, Callable[[Any], object], str]] = [
    ("q", lambda t: t.pop("questions"), 'q.json: has no list "questions"'),
    ("q", lambda t: t["questions"].append(3), "questions[7]: is no JSON object"),
    ("q", lambda t: t["questions"][1].pop("question_id"), "questions[1]: question_id = None: must"),
    ("q", lambda t: t["questions"][1].update(question_id=70), "the question 70 stands there twice"),
    ("q", lambda t: t["questions"][1].update(question=3), "questions[1]: question = 3: must be te"),
    ("q", lambda t: t["questions"][0].update(category_id=1), "says both annotation_ids and cat"),
    ("q", lambda t: t["questions"][2].update(category_id=8), "category_id = 8: a.json has no such"),
    (
        "q",
        lambda t: t["questions"][2].update(category_id=[2]),
        "category_id = [2]: must be a",
    ),
    (
        "q",
        lambda t: t["questions"][0].update(annotation_ids=1),
        "annotation_ids = 1: must be",
    ),
    (
        "q",
        lambda t: t["questions"][0].update(annotation_ids=[4]),
        "questions[0]: annotation_ids: 4 is no object of the image 0 in a.json",
    ),
    ("q", lambda t: t["questions"][0].update(annotation_ids=[True]), "True is no object"),
    ("v", lambda t: t.pop("annotations"), 'v.json: has no list "annotations"'),
    ("v", lambda t: t["annotations"][1].update(image_id=2), "image_id = 2: questions[1] has 0"),
    ("v", lambda t: t["annotations"][0].update(answers="x"), "annotations[0]: answers must be a"),
    ("v", lambda t: t["annotations"][0].update(answers=[3]), "answers hold 3, which is no text"),
]


@pytest.mark.parametrize(("which", "edit", "message"), EDITS, ids=range(len(EDITS)))
def test_what_is_wrong_is_named_with_its_place(
    files: dict[str, Any], tmp_path: Path, which: str, edit: Callable[[Any], object], message: str
) -> None:
    path = tmp_path / f"{which}.json"
    changed = json.loads(path.read_text())
    edit(changed)
    path.write_text(json.dumps(changed))
    with pytest.raises(RatevalError) as raised:
        make(files)
    assert message in str(raised.value)
    assert path.name in str(raised.value)


def test_ids_that_stand_twice_are_no_objects(files: dict[str, Any], tmp_path: Path) -> None:
    twice = content(IMAGES)
    twice["annotations"][1]["id"] = 1
    (tmp_path / "a.json").write_text(json.dumps(twice))
    with pytest.raises(RatevalError, match="annotation_ids: 1 is the id of 2 objects"):
        make(files)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"label": "folder"}, "questions: .* leave out label"),
        ({"labels": "l.csv"}, "questions: .* leave out labels"),
        ({"questions": None}, "answers needs questions"),
        ({"questions": {"test": "q.json"}}, "questions names other splits than annotations"),
    ],
)
def test_params_that_contradict(files: dict[str, Any], more: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        CocoParams(**files | more)


def test_texts_that_are_none_cost_their_question(files: dict[str, Any], tmp_path: Path) -> None:
    changed = [one | {"question": "\x07"} if at == 1 else one for at, one in enumerate(ASKED)]
    (tmp_path / "q.json").write_text(json.dumps({"questions": changed}))
    found = read(make(files))["a.png#71"]
    assert isinstance(found, Skipped)
    assert found.reason == "unreadable question: it holds the character U+0007, which is no text"
    asked = [one | {"image_id": 9} for one in ASKED]
    (tmp_path / "q.json").write_text(json.dumps({"questions": asked}))
    with pytest.raises(RatevalError, match="questions: none is about an image of the annotations"):
        make(files)


def test_a_study_asks_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From the files to PT, by the tiny BLIP that comes with rateval."""
    monkeypatch.chdir(tmp_path)
    images = {f"{at}.png": [{"category_id": 1, "segmentation": [TRIANGLE]}] for at in range(6)}
    (tmp_path / "a.json").write_text(json.dumps(content(images)))
    for name in images:
        photo(tmp_path / name)
    asked = [
        {
            "question_id": at,
            "image_id": at // 2,
            "question": "what colour is the square ?",
            "answers": ["red" if at % 2 else "blue"],
            "category_id": 1,
        }
        for at in range(12)
    ]
    (tmp_path / "q.json").write_text(json.dumps({"questions": asked}))
    record = rateval.run(
        {
            "study": {"name": "asked"},
            "dataset": [{"use": "coco", "annotations": "a.json", "questions": "q.json"}],
            "model": [{"use": "blip-vqa"}],
            "finetune": [{"use": "zs"}],
            "attribution": [{"use": "token-attention"}],
            "evidence": [{"use": "relevance-mass", "threshold": 0.1}],
            "run": {"device": "cpu"},
        }
    )
    assert record.status == "finished"
    (cell,) = record.cells
    assert cell.count == 12
    chance = cell.evidence[0].chance
    assert chance is not None
    assert chance.boxes is not None
    assert chance.boxes.every.denominator == 12 * 20
    rows = record.rows(cell).to_pylist()
    assert {row["input"] for row in rows} == {"what colour is the square ?"}
    assert all(row["mask_area"] > 0 for row in rows)


def test_the_files_of_the_document_are_read(tmp_path: Path) -> None:
    text = (Path(__file__).parents[4] / "docs" / "datasets.md").read_text(encoding="utf-8")
    blocks = re.findall(
        r'^  ```text\n(  \{"(?:questions|annotations)".*?)^  ```$', text, re.M | re.S
    )
    assert len(blocks) == 2
    write(tmp_path / "a.json", {"other.png": [], "mugs.png": [{"category_id": 2, "bbox": BOX}]})
    shown = json.loads((tmp_path / "a.json").read_text())
    shown["annotations"][0]["id"] = 31
    (tmp_path / "a.json").write_text(json.dumps(shown))
    for name, block in zip(("q.json", "v.json"), blocks, strict=True):
        (tmp_path / name).write_text(block)
    named = {"annotations": "a.json", "questions": "q.json", "answers": "v.json"}
    dataset = make({key: str(tmp_path / name) for key, name in named.items()})
    found = read(dataset)
    assert list(found) == ["mugs.png#7", "mugs.png#8"]
    for sample in found.values():
        assert isinstance(sample, Sample)
        assert same(sample, box_mask())
    assert dataset.classes == ("3", "red")


ODD: tuple[Any, ...] = (
    None,
    True,
    -1,
    0.5,
    "",
    "\x00",
    [],
    [[]],
    {},
    {"answer": 3},
    10**30,
    "é" * 9,
)


@pytest.mark.parametrize("which", ["q", "v"])
def test_whatever_stands_in_a_file_is_read_or_refused(
    files: dict[str, Any], tmp_path: Path, which: str
) -> None:
    """Every value of the file in turn, each time by all odd ones: no other error, no traceback."""
    path = tmp_path / f"{which}.json"
    whole = path.read_text()
    refused = 0
    for at, _ in enumerate(places_in(json.loads(whole))):
        for odd in ODD:
            changed = json.loads(whole)
            holder, key = list(places_in(changed))[at]
            holder[key] = odd
            path.write_text(json.dumps(changed))
            try:
                dataset = make(files)
                dataset.test.samples(range(len(dataset.test)))
            except RatevalError as error:
                refused += 1
                assert "\n" not in str(error)
    assert refused > 50


def places_in(value: Any) -> Iterator[tuple[Any, Any]]:
    """Yield what holds each value of a JSON document, and where."""
    keys = list(value) if isinstance(value, dict) else range(len(value))
    for key in keys:
        yield value, key
        if isinstance(value[key], dict | list):
            yield from places_in(value[key])
