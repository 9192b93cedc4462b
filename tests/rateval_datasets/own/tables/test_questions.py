"""Tables whose rows are questions about photos."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pydantic import ValidationError

from rateval.api.tasks.texts import Asked
from rateval.testing import check_component
from rateval_datasets.own.tables.params import TableParams
from rateval_datasets.plugin import rateval_register_datasets

(COMPONENT,) = [c for c in rateval_register_datasets() if c.name == "table"]
HEADER = ["image", "question", "answers", "split", "box", "question_type", "site"]
ROWS = [
    ["a.png", "what is it?", "mug|cup|cup", "train", "", "what", "n"],
    ["b.png", "what is it?", "cup", "test", "10 5 31 20", "what", "n"],
    ["b.png", "how many?", '["2", 2, "two"]', "test", "", "count", "s"],
    ["c.png", "is it red?", "Yes", "test", "", "yes/no", "s"],
    ["c.png", "Is it blue?", "yes", "test", "", "yes/no", ""],
]


@pytest.fixture
def file(tmp_path: Path, tables: Any) -> Path:
    path: Path = tables.write(tmp_path / "t.csv", HEADER, *ROWS)
    return path


def test_a_row_is_a_question(file: Path, tables: Any, make: Any) -> None:
    dataset = make(file, question="question")
    assert dataset.classes == ("2", "Yes", "cup", "yes")
    first, second, *_ = samples = tables.read(dataset.test)
    assert [sample.id for sample in samples] == ["b.png#1", "b.png#2", "c.png#1", "c.png#2"]
    assert first.asked == Asked("what is it?", ("cup",))
    np.testing.assert_array_equal(first.mask, tables.box_mask())
    assert second.asked == Asked("how many?", ("2", "2", "two"))
    assert second.mask is None
    assert [dataset.classes[sample.label] for sample in samples] == ["cup", "2", "Yes", "yes"]
    (trained,) = tables.read(dataset.train)
    assert trained.asked == Asked("what is it?", ("mug", "cup", "cup"))
    assert dataset.classes[trained.label] == "cup"
    assert dataset.notes == ("4 of 5 questions have no region: they count in accuracy alone",)


def test_questions_about_one_photo_are_a_group(file: Path, make: Any) -> None:
    split = make(file, question="question").test
    assert dict(split.groups) == {
        "image": ["b.png", "b.png", "c.png", "c.png"],
        "question type": ["what", "count", "yes/no", "yes/no"],
        "site": ["n", "s", "s", None],
    }
    assert split.ids == ["b.png#1", "b.png#2", "c.png#1", "c.png#2"]


def test_identity_tells_what_is_asked(file: Path, make: Any) -> None:
    before = make(file, question="question")
    text = file.read_text()
    file.write_text(text.replace("how many?", "how many cups?"))
    asked = make(file, question="question")
    file.write_text(text.replace("two", "three"))
    answered = make(file, question="question")
    identities = {one.test.identity for one in (before, asked, answered)}
    assert len(identities) == 3
    assert len({one.train.identity for one in (before, asked, answered)}) == 1


def test_drawn_shares_keep_questions_about_one_photo_together(
    tmp_path: Path, tables: Any, make: Any
) -> None:
    rows = [[f"{at % 10}.png", f"what is {at}?", str(at % 3)] for at in range(60)]
    path = tables.write(tmp_path / "t.csv", ["image", "question", "answers"], *rows)
    dataset = make(path, question="question", split={"test": 0.3})
    tested, trained = (set(one.groups["image"]) for one in (dataset.test, dataset.train))
    assert not tested & trained
    assert len(dataset.test) == pytest.approx(18, abs=6)
    assert len(dataset.test) + len(dataset.train) == 60


@pytest.mark.parametrize("ending", ["parquet", "jsonl"])
def test_lists_of_answers_and_columns_of_other_names(
    tmp_path: Path, tables: Any, make: Any, ending: str
) -> None:
    tables.photo(tmp_path / "a.png")
    rows = [
        {"image": "a.png", "q": "what?", "said": ["red", "blue", "blue"], "image_id": 7, "n": "q1"},
        {"image": "a.png", "q": "who?", "said": None, "image_id": 7, "n": "q2"},
    ]
    path = tmp_path / f"t.{ending}"
    if ending == "parquet":
        pq.write_table(pa.Table.from_pylist(rows), path)
    else:
        path.write_text("\n".join(map(json.dumps, rows)))
    dataset = make(path, question="q", answers="said", id="n")
    sample = tables.one(dataset.test)
    assert (sample.id, sample.asked) == ("q1", Asked("what?", ("red", "blue", "blue")))
    assert dataset.classes == ("blue",)
    assert tables.reason(dataset.test, 1) == "no answer"


def test_a_question_that_lacks_something_is_skipped(tmp_path: Path, tables: Any, make: Any) -> None:
    rows = [
        ["a.png", "what?", "mug"],
        ["a.png", "", "mug"],
        ["a.png", "what?", " "],
        ["", "what?", "mug"],
        ["gone.png", "what?", "pan"],
    ]
    path = tables.write(tmp_path / "t.csv", ["image", "question", "answers"], *rows)
    (tmp_path / "gone.png").unlink()
    split = make(path, question="question").test
    reasons = [tables.reason(split, at) for at in range(1, 5)]
    assert reasons[:3] == ["no question", "no answer", "no image"]
    assert reasons[3].startswith("unreadable image: FileNotFoundError")
    assert tables.one(split).asked == Asked("what?", ("mug",))


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        ("mug||cup", "t.csv:2: answers: answer 2 of 3 is empty; mend it, or take it away"),
        ('["mug", ""]', "t.csv:2: answers: answer 2 of 2 is empty"),
        ('["mug", null]', "t.csv:2: answers: answer 2 of 2 is empty"),
        ('["mug"', 't.csv:2: answers: ["mug" is no JSON'),
        ("[[1]]", "t.csv:2: answers: must be text or a whole number, not a list"),
        ("mu\x07g", "t.csv:2: answers: answer 1 of 1 holds the character U+0007"),
    ],
)
def test_answers_that_are_none_are_refused_with_their_place(
    tmp_path: Path, tables: Any, refuse: Any, cell: str, message: str
) -> None:
    header = ["image", "question", "answers"]
    path = tables.write(tmp_path / "t.csv", header, ["a.png", "what?", cell])
    assert message in refuse(path, question="question")


def test_questions_that_cannot_be_asked_are_refused(
    tmp_path: Path, tables: Any, refuse: Any
) -> None:
    header = ["image", "question", "answers"]
    path = tables.write(tmp_path / "t.csv", header, ["a.png", "wh\x07t?", "mug"])
    assert "t.csv:2: question: holds the character U+0007" in refuse(path, question="question")
    path = tables.write(tmp_path / "t.csv", header, ["a.png", "what?", ""])
    assert "no question can be asked: no answer" in refuse(path, question="question")
    path = tables.write(tmp_path / "t.csv", ["image", "question"], ["a.png", "what?"])
    assert 'answers = "answers": no such column' in refuse(path, question="question")
    assert 'question = "asked": no such column' in refuse(path, question="asked")
    assert 'did you mean "question"?' in refuse(path, question="Questions")


def test_a_column_is_one_thing(tmp_path: Path, tables: Any, refuse: Any) -> None:
    path = tables.write(tmp_path / "t.csv", ["image", "mask"], ["a.png", "what?"])
    for columns in ({"answers": "q"}, {"answers": "a", "mask": "q"}, {"answers": "image"}):
        with pytest.raises(ValidationError, match=r"both take the column .*name another one"):
            TableParams.model_validate({"file": path, "question": "q", **columns})
    with pytest.raises(ValidationError, match='image and label both take the column "image"'):
        TableParams.model_validate({"file": path, "label": "image"})
    path = tables.write(tmp_path / "t.csv", ["image", "q", "mask"], ["a.png", "what?", "mug"])
    told = refuse(path, question="q", answers="mask")
    assert 'answers = "mask": mask takes the column of this name' in told
    assert "set mask = false" in told


def test_a_table_without_a_named_question_is_one_of_labels(
    tmp_path: Path, tables: Any, make: Any
) -> None:
    header = ["image", "label", "question", "answers"]
    path = tables.write(tmp_path / "t.csv", header, ["a.png", "mug", "what?", "pan"])
    dataset = make(path)
    assert dataset.classes == ("mug",)
    assert tables.one(dataset.test).asked is None
    assert dict(dataset.test.groups) == {"question": ["what?"], "answers": ["pan"]}
    asked = make(path, question="question")
    assert asked.classes == ("pan",)
    assert dict(asked.test.groups) == {"image": ["a.png"], "label": ["mug"]}


def test_params_say_which_task_the_table_poses() -> None:
    assert TableParams(file=Path("t.csv")).task == "classification"
    assert TableParams(file=Path("t.csv"), question="question").task == "vqa"
    assert COMPONENT.tasks == ("classification", "vqa")


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"answers": "said"}, "answers needs question"),
        ({"question": "q", "label": "label"}, "leave out label"),
        ({"question": "q", "coco": "a.json"}, "leave out coco"),
        ({"question": "q", "class_names": {"a": "b"}}, "leave out class_names"),
    ],
)
def test_params_that_contradict_each_other(params: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        TableParams.model_validate({"file": "t.csv", **params})


def test_conformance(file: Path) -> None:
    check_component(COMPONENT, "dataset", file=file, question="question")
