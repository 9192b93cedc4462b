from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from rateval.api import Sample, Skipped
from rateval_datasets.own.coco.params import CocoParams

TEXTS = [
    ("", "is no JSON: Expecting value"),
    ('{"images": [', "is no JSON: "),
    ("[]", "is no JSON object, and so no COCO file"),
    ("[" * 100_000, "is no JSON: "),
    ("{}", 'has no list "categories"; a COCO file of instances has images'),
    ('{"categories": [], "images": {}}', 'has no list "images"'),
    ('{"categories": [], "images": []}', "lists no image"),
    ('{"categories": [1]}', "categories[0]: is no JSON object"),
    ('{"categories": [{"id": true}]}', "categories[0]: id = True: must be a whole number or text"),
    ('{"categories": [{"id": 1}]}', "categories[0]: name = None: must be text"),
]
EDITS: list[tuple[str, Callable[[Any], object], str]] = [
    (
        "category",
        lambda t: t["annotations"][1].update(category_id=77),
        "annotations[1]: category_id",
    ),
    ("image", lambda t: t["annotations"][1].pop("image_id"), "annotations[1]: image_id = None"),
    ("crowd", lambda t: t["annotations"][1].update(iscrowd="x"), "annotations[1]: iscrowd = 'x'"),
    (
        "twice",
        lambda t: t["images"].append(t["images"][0]),
        "images[2]: the id 0 stands there twice",
    ),
    ("name", lambda t: t["images"][1].update(file_name="x.png"), "lists x.png twice"),
    ("no name", lambda t: t["images"][1].update(file_name=3), "images[1]: file_name = 3: must be"),
    (
        "width",
        lambda t: t["images"][1].update(width="60"),
        "images[1]: width = '60': must be a whole",
    ),
    ("height", lambda t: t["images"][1].update(height=-1), "images[1]: height = -1: must not be"),
    ("nan", lambda t: t["images"][1].update(height=float("nan")), "images[1]: height = nan: must"),
    ("inf", lambda t: t["images"][1].update(height=float("inf")), "images[1]: height = inf: must"),
    ("attributes", lambda t: t["images"][1].update(attributes=3), "images[1]: attributes must be"),
    ("class", lambda t: t["categories"][1].update(name="kettle"), "categories[1]: the name kettle"),
    ("class id", lambda t: t["categories"][1].update(id=1), "categories[1]: the id 1 stands there"),
]


@pytest.mark.parametrize(("text", "message"), TEXTS, ids=range(len(TEXTS)))
def test_files_that_are_none_of_cocos(tmp_path: Path, refuse: Any, text: str, message: str) -> None:
    path = tmp_path / "a.json"
    path.write_text(text)
    why = refuse(path)
    assert f"annotations = {path}: {message}" in why


@pytest.mark.parametrize(("name", "change", "message"), EDITS, ids=[name for name, *_ in EDITS])
def test_entries_at_fault_are_told_with_their_place(
    tmp_path: Path, coco: Any, refuse: Any, name: str, change: Any, message: str
) -> None:
    box = {"bbox": [10, 5, 21, 15]}
    path = coco.write(tmp_path / "a.json", {"x.png": [box], "y.png": [box]})
    assert message in refuse(coco.edit(path, change))


SEGMENTATIONS = [
    ([[1, 2, 3, 4]], "an outline has fewer than three points"),
    ([[1, 2, 3, 4, 5, 6, 7]], "an outline is a list of numbers x, y, x, y"),
    ([1, 2, 3, 4, 5, 6], "an outline is a list of numbers x, y, x, y"),
    ([[1, 2, 3, 4, 5, float("nan")]], "some outside of any image"),
    ([[1, 2, 3, 4, 5, "x"]], "could not convert string to float: 'x'"),
    ([[1, 2, 3, 4, 5, None]], "some outside of any image"),
    ([[1, 2, 3, 4, 5, {}]], "float"),
    ([[1, 2, 3, 4, 5, 10**400]], "int too large"),
    ("runs", "a segmentation is a list of outlines, or the runs of a mask"),
    ({"size": [40, 60]}, "a mask's counts are neither text nor whole numbers"),
    ({"size": [40, 60], "counts": [100]}, "a mask's runs are of 100 pixels, its size of 2,400"),
    ({"size": [40, 60], "counts": [1, 2**70]}, "a mask's runs are of more pixels"),
    ({"size": [40, 60], "counts": "92="}, "a mask's runs are of 24 pixels, its size of 2,400"),
    ({"size": [40, 60], "counts": "ä"}, "a mask's counts hold what is no run"),
    ({"size": [10**6, 10**6], "counts": [10**12]}, "more than 89,478,485 pixels"),
    ({"size": [40, 61], "counts": [2440]}, "a mask has 61 x 40 pixels, its annotations 60 x 40"),
    ({"size": "40", "counts": [2400]}, "a mask's runs are of '40', which no image is"),
]


@pytest.mark.parametrize(("said", "message"), SEGMENTATIONS, ids=range(len(SEGMENTATIONS)))
def test_an_object_at_fault_costs_its_photo(
    tmp_path: Path, coco: Any, make: Any, said: Any, message: str
) -> None:
    bad = {"segmentation": said, "bbox": [1, 2, 3, 4]}
    path = coco.write(tmp_path / "a.json", {"x.png": [bad], "y.png": [{"bbox": [10, 5, 21, 15]}]})
    first, second = coco.read(make(path).test)
    assert isinstance(second, Sample)
    assert isinstance(first, Skipped)
    assert message in first.reason


@pytest.mark.parametrize("box", [[1, 2, 3], [1, 2, -3, 4], ["a"], [1, 2, 3, None], 5, {"x": 1}])
def test_a_box_at_fault_costs_its_photo(tmp_path: Path, coco: Any, make: Any, box: Any) -> None:
    path = coco.write(tmp_path / "a.json", {"x.png": [{"bbox": box}]})
    (why,) = coco.reasons(make(path).test).values()
    assert why.startswith("unreadable evidence: annotations[0]: ")


def test_photos_that_are_missing_or_elsewhere(
    tmp_path: Path, coco: Any, make: Any, refuse: Any
) -> None:
    box = {"bbox": [10, 5, 21, 15]}
    path = coco.write(tmp_path / "set/a.json", {"x.png": [box], "y.png": [box]})
    coco.edit(path, lambda table: table["images"][1].update(file_name="../../etc/passwd"))
    (tmp_path / "set/x.png").rename(tmp_path / "set/z.png")
    why = refuse(path)
    assert "none of 1 images is there, such as" in why
    assert "root names the folder where file_name begins" in why
    coco.edit(path, lambda table: table["images"][0].update(file_name="z.png"))
    assert coco.reasons(make(path).test) == {"../../etc/passwd": "its file_name leads out of root"}
    (tmp_path / "set/z.png").write_bytes(b"nothing")
    assert "cannot identify image file" in coco.reasons(make(path).test)["z.png"]


def test_annotations_of_images_that_are_not_listed_are_noted(
    tmp_path: Path, coco: Any, make: Any
) -> None:
    path = coco.write(tmp_path / "a.json", {"x.png": [{}, {}]})
    coco.edit(path, lambda table: table["annotations"][0].update(image_id=77))
    assert make(path).notes == ("1 annotations of a.json are of images that it doesn't list: 77",)


def test_paths_at_fault(tmp_path: Path, coco: Any, refuse: Any) -> None:
    assert "a.json: no such file" in refuse(tmp_path / "a.json")
    assert "is a folder; give the JSON file" in refuse(tmp_path)
    path = coco.write(tmp_path / "a.json", {"x.png": [{}]})
    assert f"root = {path}: is a file" in refuse(path, root=path)
    assert f"annotations.test = {tmp_path}/b.json" in refuse({"test": tmp_path / "b.json"})
    assert 'test_split = "tset": no such split' in refuse({"test": path}, test_split="tset")
    path.write_bytes(b"\xff" + path.read_bytes())
    assert "a.json:1: no UTF-8 text: the byte 0xff" in refuse(path)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"labels": "a.csv", "label": "folder"}, "give either label, or labels"),
        ({"annotations": {"test": "a.json"}, "split": {"test": 0.5}}, "name the splits already"),
        ({"annotations": {"test": "a.json"}, "root": {"train": "b"}}, "other splits than"),
        ({"root": {"train": "b"}}, "other splits than annotations"),
        ({"annotations": {}}, "annotations"),
    ],
)
def test_params_that_contradict(params: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        CocoParams.model_validate({"annotations": "a.json", **params})
