"""A table is recognised with its columns, and a spec for it is valid."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest

from rateval.drafting.draft import Draft, make_draft
from rateval.errors import RatevalError
from rateval.registry.discovery import discover

ROWS = [("x.png", "kettle"), ("y.png", "mug")]


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def draft(data: str, masks: str | None = None) -> Draft:
    path = None if masks is None else Path(masks)
    return make_draft(discover(), "rateval init", data=Path(data), masks=path)


def dataset_of(drafted: Draft) -> dict[str, Any]:
    (dataset,) = tomllib.loads(drafted.text)["dataset"]
    return dict(dataset)


def refusal(data: str, masks: str | None = None) -> str:
    with pytest.raises(RatevalError) as caught:
        draft(data, masks)
    return str(caught.value)


@pytest.mark.parametrize("ending", ["csv", "tsv", "jsonl", "parquet"])
def test_every_kind_of_file(tables: Any, ending: str) -> None:
    path = Path(f"photos.{ending}")
    if ending in ("csv", "tsv"):
        tables.write(path, ["image", "label"], *ROWS, delimiter="," if ending == "csv" else "\t")
    for name, _ in ROWS:
        tables.photo(Path(name))
    if ending == "jsonl":
        lines = [json.dumps({"image": name, "label": label}) for name, label in ROWS]
        path.write_text("\n".join(lines))
    if ending == "parquet":
        names, labels = zip(*ROWS, strict=True)
        pyarrow.parquet.write_table(pyarrow.table({"image": names, "label": labels}), path)
    found = draft(str(path))
    assert dataset_of(found) == {"use": "table", "file": str(path)}
    assert "2 classes: kettle, mug" in found.text
    assert "2 photos to test on, none to train on" in found.text
    assert "# split = { test = 0.3 }" in found.text


def test_photos_in_a_folder_beside_the_table(tables: Any) -> None:
    tables.write(Path("photos.csv"), ["image", "label"], *ROWS)
    Path("pictures").mkdir()
    for name, _ in ROWS:
        Path(name).rename(Path("pictures") / name)
    assert dataset_of(draft("photos.csv"))["root"] == "pictures"


def test_columns_of_other_names(tables: Any) -> None:
    tables.mask(Path("m/x.png"))
    for name, _ in ROWS:
        tables.photo(Path(name))
    rows = [("x.png", "m/x.png", "kettle", "Train", "3"), ("y.png", "", "mug", "valid", "4")]
    tables.write(Path("t.csv"), ["Path", "mask_path", "Class", "subset", "patient"], *rows)
    found = draft("t.csv")
    assert dataset_of(found) == {
        "use": "table",
        "file": "t.csv",
        "image": "Path",
        "label": "Class",
        "mask": "mask_path",
        "split_column": "subset",
    }
    assert "1 photos to test on, 1 to train on" in found.text


def test_several_columns_that_may_be_it_are_asked_about(tables: Any) -> None:
    for name in "abcd":
        tables.photo(Path(f"{name}.png"))
    rows = [("a.png", "b.png", "kettle", "x"), ("c.png", "d.png", "mug", "x")]
    tables.write(Path("t.csv"), ["front", "photo", "class", "category"], *rows)
    found = draft("t.csv")
    assert (dataset_of(found)["image"], dataset_of(found)["label"]) == ("photo", "class")
    unknown = " ".join(found.unknown)
    assert "the column of the images: photo, front; the first is taken" in unknown
    assert "the column of the labels: class, category; the first is taken" in unknown


@pytest.mark.parametrize(
    ("box", "expected"),
    [
        ("[10, 5, 31, 20]", {}),
        ("[30, 25, 21, 15]", {"box_format": "xywh"}),
        ("[0.1, 0.2, 0.5, 1.01]", {"box_unit": "shares"}),
        ("[0.5, 0.5, 0.2, 0.3]", {"box_format": "xywh", "box_unit": "shares"}),
    ],
)
def test_how_boxes_are_written(tables: Any, box: str, expected: dict[str, str]) -> None:
    rows = [("x.png", "kettle", box), ("y.png", "mug", "")]
    tables.write(Path("t.csv"), ["image", "label", "box"], *rows)
    found = draft("t.csv")
    assert dataset_of(found) == {"use": "table", "file": "t.csv", **expected}
    assert "how boxes are written" in " ".join(found.unknown)
    assert "2 can be read and 1 have evidence" in found.text


def test_outlines_alone_say_their_unit(tables: Any) -> None:
    rows = [("x.png", "kettle", "0.1 0.1 0.9 0.1 0.5 0.8"), ("y.png", "mug", "")]
    tables.write(Path("t.csv"), ["image", "label", "polygon"], *rows)
    found = draft("t.csv")
    assert dataset_of(found)["box_unit"] == "shares"
    assert "how boxes are written" not in " ".join(found.unknown)


def test_splits_of_other_names_are_asked_about(tables: Any) -> None:
    rows = [("x.png", "kettle", "new"), ("y.png", "mug", "new"), ("z.png", "mug", "old")]
    tables.write(Path("t.csv"), ["image", "label", "split"], *rows)
    found = draft("t.csv")
    assert dataset_of(found)["test_split"] == "new"
    assert "the photos to test on: new, old is no name" in " ".join(found.unknown)
    rows = [("x.png", "kettle", "test"), ("y.png", "mug", "test"), ("z.png", "mug", "old")]
    tables.write(Path("u.csv"), ["image", "label", "split"], *rows)
    assert dataset_of(draft("u.csv"))["test_split"] == "test"


def test_lists_of_ids_divide_the_photos(tables: Any) -> None:
    tables.write(Path("t.csv"), ["image", "label"], *ROWS, ("z.png", "mug"))
    Path("test.txt").write_text("x.png\ny.png\n")
    assert dataset_of(draft("t.csv"))["split"] == {"test": "test.txt"}


@pytest.mark.parametrize("inner", ["", "images/"])
def test_the_only_table_of_a_folder(tables: Any, inner: str) -> None:
    rows = [(f"{inner}{name}", label) for name, label in ROWS]
    tables.write(Path("all/t.csv"), ["image", "label"], *rows)
    assert dataset_of(draft("all")) == {"use": "table", "file": "all/t.csv"}
    tables.write(Path("all/u.csv"), ["image", "label"], *rows)
    if not inner:
        said = refusal("all")
        assert "holds several tables, t.csv, u.csv; give the one that lists the photos" in said


def test_class_folders_come_first(tables: Any) -> None:
    rows = [("kettle/x.png", "kettle"), ("mug/y.png", "mug")]
    tables.write(Path("all/t.csv"), ["image", "label"], *rows)
    found = draft("all")
    assert dataset_of(found)["use"] == "folder"
    assert "might as well" not in " ".join(found.unknown)
    tables.write(Path("all/t.csv"), ["image", "label"], (rows[0][0], "a"), (rows[1][0], "b"))
    assert "it might as well be table: 2 rows of t.csv" in " ".join(draft("all").unknown)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "file = t.csv: is empty; its first row names the columns"),
        ("image,label\n", "file = t.csv: holds no row"),
        ("a,b\n1,2\n", "a column of the photos' paths is needed; there are a, b; call it image"),
        ("image,b\nx.png,2\n", "a column of labels is needed; there are image, b; call it label"),
        (
            "image,question,reply\nx.png,what?,mug\n",
            "beside the questions, a column of answers is needed; there are image, question, "
            "reply; call it answers",
        ),
        ("image,label\nz.png,mug\n", "none of its 1 photos is there, such as z.png; looked below"),
        ("image,label\n,mug\n", "none of its 0 photos is there; looked below"),
        ("image,label\nx.png,mug,1\n", "t.csv:2: has 3 cells, the header 2"),
    ],
)
def test_what_is_no_table_of_photos(tables: Any, text: str, complaint: str) -> None:
    Path("t.csv").write_text(text)
    said = refusal("t.csv")
    assert complaint in said
    assert said.startswith("--data t.csv: no dataset is recognised there:\n  table: ")


def test_masks_are_named_by_the_table(tables: Any) -> None:
    tables.write(Path("t.csv"), ["image", "label"], *ROWS)
    Path("masks").mkdir()
    assert "a table names the mask of each photo in a column, mask" in refusal("t.csv", "masks")


def test_questions_are_found_by_their_columns(tables: Any) -> None:
    rows = [("x.png", "What is it?", "a kettle"), ("x.png", "Is it red?", "yes|yes|no")]
    tables.write(Path("asked.csv"), ["photo", "Question", "answer"], *rows)
    tables.photo(Path("x.png"))
    found = draft("asked.csv")
    assert dataset_of(found) == {
        "use": "table",
        "file": "asked.csv",
        "image": "photo",
        "question": "Question",
        "answers": "answer",
    }
    spec = tomllib.loads(found.text)
    assert spec["model"] == [{"use": "blip-vqa"}]
    assert spec["task"] == [{"use": "vqa", "correct": "soft"}]
    assert "2 different answers: a kettle, yes" in found.text
    assert "2 questions to test on, none to train on" in found.text
    assert "evidence" not in spec


def test_labels_beside_questions_are_told(tables: Any) -> None:
    tables.write(
        Path("asked.csv"), ["image", "question", "answers", "label"], ("x.png", "Red?", "no", "mug")
    )
    tables.photo(Path("x.png"))
    found = draft("asked.csv")
    assert dataset_of(found)["question"] == "question"
    assert any("the labels in label" in line for line in found.unknown)
    Path("coco.json").write_text('{"images": [], "annotations": [], "categories": []}')
    said = refusal("asked.csv", "coco.json")
    assert "masks = coco.json: a COCO file says what stands in a photo" in said
