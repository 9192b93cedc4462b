from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from PIL import Image
from pycocotools import mask as packer

from rateval.api import Context, Sample
from rateval_datasets.own.formats.dataset import make_datumaro
from rateval_datasets.own.formats.params import DatumaroParams


def packed(mask: Any) -> dict[str, Any]:
    found = packer.encode(np.asfortranarray(mask.astype(np.uint8)))
    return {"size": list(mask.shape), "counts": found["counts"].decode()}


def forms(coco: Any) -> dict[str, tuple[dict[str, Any], Any]]:
    """Name of a form of evidence to an annotation and the mask that it is."""
    triangle, box = coco.triangle_mask(), coco.box_mask()
    runs = {"size": list(coco.size), "counts": coco.runs_of(triangle)}
    corners = [10, 5, 31, 5, 31, 20, 10, 20]
    return {
        "outline": ({"segmentation": [coco.triangle], "bbox": [0, 0, 60, 40]}, triangle),
        "outlines": ({"segmentation": [coco.triangle, corners]}, triangle | box),
        "runs": ({"segmentation": runs, "bbox": [0, 0, 60, 40]}, triangle),
        "packed runs": ({"segmentation": packed(triangle)}, triangle),
        "box": ({"bbox": [10, 5, 21, 15]}, box),
        "box beside nothing": ({"segmentation": [[]], "bbox": [10.0, 5, 21, 15]}, box),
    }


@pytest.mark.parametrize(
    "name", ["outline", "outlines", "runs", "packed runs", "box", "box beside nothing"]
)
def test_forms_of_evidence(tmp_path: Path, coco: Any, make: Any, name: str) -> None:
    annotation, expected = forms(coco)[name]
    dataset = make(coco.write(tmp_path / "a.json", {"x.png": [annotation]}))
    assert dataset.classes == ("kettle",)
    np.testing.assert_array_equal(coco.one(dataset.test).mask, expected)


def test_objects_of_the_class_are_united(tmp_path: Path, coco: Any, make: Any) -> None:
    found = [{"bbox": [10, 5, 21, 15]}, {"segmentation": [coco.triangle]}]
    dataset = make(coco.write(tmp_path / "a.json", {"x.png": found}))
    expected = coco.box_mask() | coco.triangle_mask()
    np.testing.assert_array_equal(coco.one(dataset.test).mask, expected)


def test_labels_of_annotations(tmp_path: Path, coco: Any, make: Any) -> None:
    box = {"bbox": [10, 5, 21, 15]}
    images = {
        "a.png": [{**box, "category_id": 0}],
        "b.png": [{**box, "category_id": 2}] * 2,
        "c.png": [box, {**box, "category_id": 2}],
        "d.png": [],
        "e.png": [{"category_id": 1}],
    }
    dataset = make(coco.write(tmp_path / "a.json", images))
    assert dataset.classes == ("kettle", "mug", "pan")
    found = {one.id: one.label for one in coco.read(dataset.test) if isinstance(one, Sample)}
    assert found == {"a.png": 2, "b.png": 1, "e.png": 0}
    assert coco.one(dataset.test, 4).mask is None
    assert coco.reasons(dataset.test) == {
        "c.png": "no single label: objects of several classes: kettle, mug",
        "d.png": "no label: nothing is on it",
    }


def test_labels_of_folders(tmp_path: Path, coco: Any, make: Any) -> None:
    box = {"bbox": [10, 5, 21, 15]}
    images = {
        "mug/a.png": [box, {"bbox": [0, 0, 5, 5], "category_id": 2}],
        "plate/b.png": [box],
        "c.png": [box],
    }
    dataset = make(coco.write(tmp_path / "a.json", images), label="folder")
    assert dataset.classes == ("mug", "plate")
    first, second, _ = coco.read(dataset.test)
    assert first.mask.sum() == 25
    assert second.mask is None
    assert coco.reasons(dataset.test) == {"c.png": "no label: its file_name has no folder"}


def test_labels_of_a_table(tmp_path: Path, coco: Any, make: Any, refuse: Any) -> None:
    box = {"bbox": [10, 5, 21, 15]}
    path = coco.write(tmp_path / "a.json", {"a.png": [box], "b.png": [box], "c.png": [box]})
    labels = tmp_path / "labels.csv"
    labels.write_text("file_name,label\na.png,kettle\nb.png,mug\nd.png,mug\n")
    dataset = make(path, labels=labels)
    assert [one.mask is None for one in coco.read(dataset.test)[:2]] == [False, True]
    assert list(dataset.test.labels)[:2] == [0, 1]
    assert coco.reasons(dataset.test) == {"c.png": "no label: labels.csv has none for it"}
    assert dataset.notes == ("1 rows of labels.csv name no image: d.png",)
    labels.write_text("file_name,label\na.png,teapot\n")
    assert "no category is called as a label" in refuse(path, labels=labels)
    labels.write_text("file_name,label\na.png,mug\na.png,mug\n")
    assert "labels.csv:3: a.png stands there twice" in refuse(path, labels=labels)
    labels.write_text("file_name,class\na.png,mug\n")
    assert 'has no column "label"; there are file_name, class' in refuse(path, labels=labels)


def test_crowds_by_choice(tmp_path: Path, coco: Any, make: Any) -> None:
    crowd = {"bbox": [10, 5, 21, 15], "iscrowd": 1}
    path = coco.write(tmp_path / "a.json", {"a.png": [crowd]})
    assert make(path).has_masks
    without = make(path, crowds=False)
    assert not without.has_masks
    assert without.classes == ("kettle",)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("seen", ["stored", "shown"])
@pytest.mark.parametrize("form", ["outline", "runs"])
def test_the_size_says_whether_annotations_follow_exif(
    tmp_path: Path, coco: Any, make: Any, seen: str, form: str, orientation: int
) -> None:
    annotation, mask = forms(coco)[form]
    path = coco.write(tmp_path / "a.json", {"x.png": [annotation]})
    sideways = orientation >= 5
    stored = coco.size[::-1] if seen == "shown" and sideways else coco.size
    coco.photo(tmp_path / "x.png", stored, orientation)
    test = make(path).test
    if seen == "stored" and sideways:
        turns = {5: "TRANSPOSE", 6: "ROTATE_270", 7: "TRANSVERSE", 8: "ROTATE_90"}
        turn = Image.Transpose[turns[orientation]]
        expected = np.asarray(Image.fromarray(mask.astype(np.uint8)).transpose(turn)) > 0
    else:  # where both have one size, what is shown counts
        expected = mask
    one = coco.one(test)
    np.testing.assert_array_equal(one.mask, expected)
    assert one.mask.shape == (one.image.height, one.image.width)


def test_annotations_of_another_size_are_skipped(tmp_path: Path, coco: Any, make: Any) -> None:
    annotation, _ = forms(coco)["outline"]
    path = coco.write(tmp_path / "a.json", {"x.png": [annotation]})
    coco.photo(tmp_path / "x.png", coco.size[::-1], 6)
    (why,) = coco.reasons(make(path, exif="ignore").test).values()
    assert "its EXIF turns it, which the annotation follows" in why
    assert 'set exif = "apply"' in why
    coco.photo(tmp_path / "x.png", (20, 30), 6)
    (why,) = coco.reasons(make(path).test).values()
    assert "the annotation has 60 x 40 pixels, the image 20 x 30" in why
    assert "EXIF" not in why


def test_a_file_without_sizes_is_of_what_is_shown(tmp_path: Path, coco: Any, make: Any) -> None:
    annotation, mask = forms(coco)["outline"]
    path = coco.write(tmp_path / "a.json", {"x.png": [annotation]})
    coco.edit(path, lambda table: table["images"][0].update(width=None, height=0))
    coco.photo(tmp_path / "x.png", coco.size[::-1], 6)
    np.testing.assert_array_equal(coco.one(make(path).test).mask, mask)


def test_one_file_for_each_split(tmp_path: Path, coco: Any, make: Any, refuse: Any) -> None:
    box = {"bbox": [10, 5, 21, 15]}
    files = {
        "train": coco.write(tmp_path / "a/train.json", {"x.png": [box], "y.png": [box]}),
        "Validation": coco.write(tmp_path / "b/val.json", {"x.png": [{**box, "category_id": 2}]}),
    }
    dataset = make(files)
    assert dataset.train.ids == ["train/x.png", "train/y.png"]
    assert dataset.test.ids == ["Validation/x.png"]
    assert list(dataset.test.labels) == [1]
    (tmp_path / "a").rename(tmp_path / "c")
    files["train"] = (tmp_path / "c/train.json").rename(tmp_path / "train.json")
    roots = {"train": tmp_path / "c", "Validation": tmp_path / "b"}
    again = make(files, root=roots)
    assert again.test.identity == dataset.test.identity
    assert "root = " in refuse(files)
    assert "none of 2 images is there" in refuse(files)


def test_files_of_one_folder_must_not_share_photos(tmp_path: Path, coco: Any, refuse: Any) -> None:
    box = {"bbox": [10, 5, 21, 15]}
    files = {name: coco.write(tmp_path / f"{name}.json", {"x.png": [box]}) for name in ("a", "b")}
    assert "1 ids occur twice: x.png" in refuse(files)


def test_shares_divide(tmp_path: Path, coco: Any, make: Any) -> None:
    images = {f"{at}.png": [{"category_id": at % 2}] for at in range(10)}
    dataset = make(coco.write(tmp_path / "a.json", images), split={"test": 0.2})
    assert np.bincount(dataset.test.labels).tolist() == [1, 1]
    assert len(dataset.train) == 8


def test_attributes_are_groups(tmp_path: Path, coco: Any, make: Any) -> None:
    found = [{"attributes": {"worn": True, "track_id": 7}}, {"attributes": {"worn": False}}]
    path = coco.write(tmp_path / "a.json", {"x.png": found, "y.png": [{}]})
    coco.edit(path, lambda table: table["images"][1].update(attributes={"site": "north"}))
    assert make(path).test.groups == {"worn": [None, None], "site": [None, "north"]}


def test_masks_are_those_of_datumaro(tmp_path: Path, coco: Any, make: Any) -> None:
    """Outlines of random corners, of two decimals as datumaro keeps them, and runs."""
    rng = np.random.default_rng(5)
    images: dict[str, Any] = {}
    for at in range(12):
        corners = [
            np.round(rng.uniform(-5, 65, 2 * n), 2).tolist() for n in (3, 4, 9)[: 1 + at % 3]
        ]
        noise = rng.random(coco.size) < 0.3
        runs = {"size": list(coco.size), "counts": coco.runs_of(noise)}
        segmentation = packed(noise) if at % 4 == 3 else runs if at % 4 == 2 else corners
        images[f"{at}.png"] = [{"segmentation": segmentation, "bbox": [1, 2, 3, 4], "area": 5}]
    root = tmp_path / "set"
    path = root / "annotations/instances_val.json"
    path.parent.mkdir(parents=True)
    path.write_text(
        json.dumps(coco.content(images) | {"categories": [{"id": 1, "name": "kettle"}]})
    )
    for name in images:
        coco.photo(root / "images/val" / name)
    given = DatumaroParams(root=root, format="coco_instances")
    theirs = coco.read(make_datumaro(given, cast(Context, None)).test)
    ours = coco.read(make(path, root=root / "images/val").test)
    by_name = {Path(one.id).name: one for one in theirs}
    for one in ours:
        other = by_name.pop(one.id)
        assert isinstance(one, Sample)
        assert isinstance(other, Sample)
        assert one.mask is not None
        assert one.mask.any()
        np.testing.assert_array_equal(one.mask, other.mask)
    assert not by_name


def test_identity_is_that_of_the_content(tmp_path: Path, coco: Any, make: Any) -> None:
    annotation, _ = forms(coco)["outline"]
    one, two = (coco.write(tmp_path / f"{n}/a.json", {"x.png": [annotation]}) for n in "ab")
    assert make(one).test.identity == make(two).test.identity
    for change in ({"segmentation": [[10, 5, 40, 5, 10, 35]]}, {"segmentation": None}):
        coco.edit(two, lambda table, new=change: table["annotations"][0].update(new))
        assert make(one).test.identity != make(two).test.identity
