"""COCO files are recognised wherever their photos lie, and a spec for them is valid."""

from __future__ import annotations

import json
import shutil
import tomllib
from pathlib import Path
from typing import Any

import pytest

from rateval.drafting.draft import Draft, make_draft
from rateval.errors import RatevalError
from rateval.registry.discovery import discover

BOX = {"bbox": [10, 5, 21, 15]}
PAN = {"bbox": [10, 5, 21, 15], "category_id": 0}
MUG = {"bbox": [10, 5, 21, 15], "category_id": 2}
Named = dict[str, list[dict[str, Any]]]
FLAT: Named = {"x.png": [BOX], "y.png": [MUG]}


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


def lay(coco: Any, file: str, photos: str, named: Named) -> None:
    """Write a COCO file, and photos below another folder than its own."""
    Path(file).parent.mkdir(parents=True, exist_ok=True)
    Path(file).write_text(json.dumps(coco.content(named)))
    for name in named:
        coco.photo(Path(photos) / name)


@pytest.mark.parametrize("photos", ["photos", "photos/images", "photos/any"])
def test_flat_photos_with_a_file_as_masks(coco: Any, photos: str) -> None:
    lay(coco, "annotations.json", photos, FLAT)
    found = draft("photos", "annotations.json")
    assert dataset_of(found) == {"use": "coco", "annotations": "annotations.json", "root": photos}
    assert "2 photos to test on, none to train on" in found.text
    assert "2 can be read and 2 have evidence" in found.text
    assert "# split = { test = 0.3 }" in found.text


def test_paths_that_begin_with_the_folder_of_the_photos(coco: Any) -> None:
    lay(coco, "notes/a.json", ".", {"photos/x.png": [BOX], "photos/y.png": [MUG]})
    assert dataset_of(draft("photos", "notes/a.json"))["root"] == "."


def test_photos_below_the_folder_of_the_file(coco: Any) -> None:
    coco.write(Path("all/annotations.json"), FLAT)
    expected = {"use": "coco", "annotations": "all/annotations.json"}
    assert dataset_of(draft("all/annotations.json")) == expected
    assert dataset_of(draft("all")) == expected
    lay(coco, "set/annotations/one.json", "set/images", FLAT)
    assert dataset_of(draft("set/annotations/one.json"))["root"] == "set/images"


def test_labels_by_folders_where_categories_are_called_so(coco: Any) -> None:
    coco.write(Path("a.json"), {"kettle/x.png": [BOX, PAN], "mug/y.png": []})
    found = draft("a.json")
    assert dataset_of(found)["label"] == "folder"
    assert "2 can be read and 1 have evidence" in found.text


def test_other_folders_and_several_objects_are_asked_about(coco: Any) -> None:
    coco.write(Path("a.json"), {"left/x.png": [BOX, PAN], "right/y.png": [BOX], "right/z.png": []})
    found = draft("a.json")
    assert "label" not in dataset_of(found)
    unknown = " ".join(found.unknown)
    assert "the labels: taken from the objects, kettle; the folders of the photos, left," in unknown
    assert "the labels of 2 of 3 images" in unknown
    assert "all objects are kettle, and with one class every prediction is right" in unknown


def test_photos_that_no_file_lists_are_counted(coco: Any) -> None:
    lay(coco, "a.json", "photos", FLAT)
    coco.photo(Path("photos/z.png"))
    assert "1 in photos, such as z.png, which no COCO file lists" in " ".join(
        draft("photos", "a.json").unknown
    )


@pytest.mark.parametrize("inner", ["images/train2017", "train2017", "images/train", "train"])
def test_one_file_for_each_split(coco: Any, inner: str) -> None:
    for year in ("train2017", "val2017"):
        photos = f"set/{inner.replace('train2017', year).replace('train', year[:-4])}"
        lay(coco, f"set/annotations/instances_{year}.json", photos, FLAT)
    found = draft("set")
    root = {"train": f"set/{inner}", "val": f"set/{inner.replace('train', 'val')}"}
    assert dataset_of(found) == {
        "use": "coco",
        "annotations": {
            "train": "set/annotations/instances_train2017.json",
            "val": "set/annotations/instances_val2017.json",
        },
        "root": root,
    }
    assert "2 photos to test on, 2 to train on" in found.text
    # One of them has its own photos, though the other's are called alike.
    assert dataset_of(draft("set/annotations/instances_val2017.json"))["root"] == root["val"]


def test_a_split_whose_photos_are_not_there_is_left_out(coco: Any) -> None:
    for split in ("train", "val"):
        lay(coco, f"set/annotations/instances_{split}.json", f"set/{split}", FLAT)
    shutil.rmtree("set/train")
    found = draft("set")
    assert dataset_of(found)["annotations"] == "set/annotations/instances_val.json"
    assert "left out: set/annotations/instances_train.json: none of its 2 images is there" in (
        " ".join(found.unknown)
    )


def test_files_that_are_called_as_their_splits(coco: Any) -> None:
    for split in ("train", "test"):
        lay(coco, f"set/annotations/{split}.json", f"set/{split}", FLAT)
    found = draft("set")
    assert dataset_of(found)["root"] == {"test": "set/test", "train": "set/train"}
    assert "2 photos to test on, 2 to train on" in found.text


def test_an_export_of_roboflows(coco: Any) -> None:
    for split in ("train", "valid"):
        coco.write(Path(f"set/{split}/_annotations.coco.json"), FLAT)
    found = draft("set")
    assert dataset_of(found) == {
        "use": "coco",
        "annotations": {
            "train": "set/train/_annotations.coco.json",
            "val": "set/valid/_annotations.coco.json",
        },
    }
    assert "2 photos to test on, 2 to train on" in found.text


def test_splits_without_usual_names_are_asked_about(coco: Any) -> None:
    for split in ("north", "south"):
        lay(coco, f"set/annotations/instances_{split}.json", f"set/{split}", FLAT)
    found = draft("set")
    assert dataset_of(found)["test_split"] == "north"
    assert "the photos to test on: north, south is no name" in " ".join(found.unknown)


def test_class_folders_beside_a_file_stay_class_folders(coco: Any) -> None:
    named: Named = {"kettle/x.png": [BOX], "mug/y.png": [BOX], "mug/z.png": []}
    lay(coco, "annotations.json", "photos", named)
    found = draft("photos", "annotations.json")
    assert dataset_of(found) == {"use": "folder", "root": "photos", "coco": "annotations.json"}
    # The kettle on a photo of a mug is none of its evidence.
    assert "2 class folders, 1 of them with objects of their class in annotations.json" in (
        found.text
    )
    assert "3 can be read and 1 have evidence" in found.text


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("nothing", "annotations = a.json: is no JSON"),
        ('{"a": 1}', 'annotations = a.json: has no list "categories"'),
        ("[]", "annotations = a.json: is no JSON object, and so no COCO file"),
    ],
)
def test_what_is_no_coco_file(coco: Any, text: str, complaint: str) -> None:
    Path("a.json").write_text(text)
    coco.photo(Path("photos/mug/x.png"))
    assert complaint in refusal("a.json")
    said = refusal("photos", "a.json")
    assert complaint in said
    assert complaint.replace("annotations", "coco") in said


def test_photos_that_are_nowhere(coco: Any) -> None:
    Path("a.json").write_text(json.dumps(coco.content(FLAT)))
    assert "none of its 2 images is there, such as x.png; looked below ." in refusal("a.json")


def test_without_pycocotools_the_extra_is_named(coco: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    lay(coco, "set/annotations/instances_train.json", "set/train", FLAT)
    absent = ("pycocotools", "datumaro")
    monkeypatch.setattr("rateval.registry.catalogue._is_there", lambda module: module not in absent)
    monkeypatch.setattr("rateval.registry.catalogue._brings_nothing", lambda *given: False)
    assert "which coco reads; needs pycocotools, which is not installed; pip install" in (
        refusal("set")
    )
    assert "[coco]" in refusal("set")
