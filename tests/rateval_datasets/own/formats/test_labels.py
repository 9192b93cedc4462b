from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from datumaro.components.annotation import Bbox, Ellipse, Label, Points, PolyLine, RotatedBbox
from PIL import Image

from rateval.api import Sample, Skipped
from rateval_datasets.own.formats.items import shape_of
from rateval_datasets.own.formats.shapes import Annotated
from rateval_datasets.own.photo import Shown


def only(forms: Any, dataset: Any) -> Sample | Skipped:
    (one,) = forms.read(dataset.test)
    assert isinstance(one, Sample | Skipped)
    return one


def photos(forms: Any, root: Path, *annotations: list[Any], form: str = "datumaro") -> Path:
    """Write a photo of each list of annotations, after one of a kettle."""
    lists = [[forms.box(0)], *annotations]
    items = [forms.item(number, "val", found) for number, found in enumerate(lists)]
    written = forms.export_items(root, form, items)
    assert isinstance(written, Path)
    return written


def second(forms: Any, dataset: Any) -> Sample | Skipped:
    one = forms.read(dataset.test)[1]
    assert isinstance(one, Sample | Skipped)
    return one


def test_its_own_label_counts_before_its_objects(tmp_path: Path, make: Any, forms: Any) -> None:
    root = photos(forms, tmp_path, [Label(1), forms.box(0), forms.polygon(1)])
    one = second(forms, make(root))
    assert isinstance(one, Sample)
    assert one.label == 1
    assert one.mask is not None
    np.testing.assert_array_equal(one.mask, forms.triangle_mask(forms.size_of(1)))


@pytest.mark.parametrize(
    ("annotations", "reason"),
    [
        ([], "no label: nothing is on it"),
        ([Bbox(1, 1, 5, 5)], "no label: its objects have no class"),
        ([Bbox(1, 1, 5, 5, label=0), Bbox(9, 9, 5, 5, label=1)], "objects of several classes"),
        ([Label(0), Label(1)], "no single label: labels: kettle, mug"),
    ],
)
def test_a_photo_without_a_single_label_is_skipped(
    tmp_path: Path, make: Any, forms: Any, annotations: list[Any], reason: str
) -> None:
    one = second(forms, make(photos(forms, tmp_path, annotations)))
    assert isinstance(one, Skipped)
    assert reason in one.reason


def test_the_folder_may_be_the_label(tmp_path: Path, make: Any, forms: Any) -> None:
    root = tmp_path / "export"
    items = []
    for number, label in enumerate((0, 1)):
        one = forms.item(
            number, "", [Bbox(10, 5, 21, 15, label=0, id=2, group=2), forms.polygon(1)]
        )
        items.append(one.wrap(id=f"{('kettle', 'mug')[label]}/photo{number}"))
    forms.export_items(root, "coco_instances", items)
    dataset = make(root, label="folder")
    kettle, mug = forms.read(dataset.test)
    assert dataset.classes == ("kettle", "mug")
    np.testing.assert_array_equal(kettle.mask, forms.box_mask(forms.size_of(0)))
    np.testing.assert_array_equal(mug.mask, forms.triangle_mask(forms.size_of(1)))


def test_objects_of_the_class_are_united(tmp_path: Path, make: Any, forms: Any) -> None:
    parts = [Bbox(2, 3, 4, 5, label=1), Bbox(20, 10, 6, 7, label=1)]
    one = second(forms, make(photos(forms, tmp_path, parts)))
    expected = np.zeros(forms.size_of(1), dtype=np.bool_)
    expected[3:8, 2:6] = expected[10:17, 20:26] = True
    assert isinstance(one, Sample)
    assert one.mask is not None
    np.testing.assert_array_equal(one.mask, expected)


def draw(shape: Any, size: tuple[int, int]) -> Any:
    image = Image.new("RGB", size[::-1])
    return Annotated([shape_of(shape, None)], None).draw(Shown(image, size, 1, False))


def test_ellipses_and_turned_boxes_are_drawn() -> None:
    rows, columns = np.indices((40, 60)) + 0.5
    distance = np.hypot(columns - 20, rows - 15)
    clear = abs(distance - 10) > 0.1
    seen = draw(Ellipse(10, 5, 30, 25, label=1), (40, 60))
    np.testing.assert_array_equal(seen[clear], (distance < 10)[clear])
    expected = np.zeros((40, 60), dtype=np.bool_)
    expected[10:30, 15:25] = True
    np.testing.assert_array_equal(draw(RotatedBbox(20, 20, 20, 10, 90), (40, 60)), expected)


def test_points_and_lines_are_no_evidence(tmp_path: Path, make: Any, forms: Any) -> None:
    found = [PolyLine([1, 1, 9, 9], label=1), Points([3, 3], label=1)]
    one = second(forms, make(photos(forms, tmp_path, found)))
    assert isinstance(one, Sample)
    assert (one.label, one.mask) == (1, None)


def test_attributes_are_groups(tmp_path: Path, make: Any, forms: Any) -> None:
    found = [Label(1, attributes={"site": "north", "checked": True, "score": 0.3})]
    dataset = make(photos(forms, tmp_path, found))
    assert dataset.test.groups == {"site": [None, "north"], "checked": [None, "true"]}


def test_crowds_by_choice(tmp_path: Path, make: Any, forms: Any) -> None:
    root = photos(forms, tmp_path, [forms.polygon(1)], form="coco_instances")
    (table,) = root.glob("annotations/*.json")
    table.write_text(table.read_text().replace('"iscrowd":0', '"iscrowd":1'))
    with_crowds, without = (make(root, crowds=choice) for choice in (True, False))
    assert with_crowds.has_masks
    assert not without.has_masks


@pytest.mark.parametrize("seen", ["stored", "shown"])
def test_the_size_says_whether_annotations_follow_exif(
    tmp_path: Path, make: Any, forms: Any, seen: str
) -> None:
    item = forms.item(1, "val", [forms.polygon(1)])
    root = forms.export_items(tmp_path, "coco_instances", [item])
    (path,) = root.glob("images/**/*.jpg")
    exif = Image.Exif()
    exif[0x0112] = 6  # is shown turned by 90 degrees to the right
    upright = Image.open(path).copy()
    if seen == "shown":
        upright.transpose(Image.Transpose.ROTATE_90).save(path, exif=exif)
        expected = forms.triangle_mask(forms.size_of(1))
    else:
        upright.save(path, exif=exif)
        expected = np.rot90(forms.triangle_mask(forms.size_of(1)), -1)
    one = only(forms, make(root))
    assert isinstance(one, Sample) and one.mask is not None
    np.testing.assert_array_equal(one.mask, expected)


def test_annotations_of_another_size_are_skipped(tmp_path: Path, make: Any, forms: Any) -> None:
    root = photos(forms, tmp_path, [forms.polygon(1)], form="coco_instances")
    path = root / "images/val/photo1.jpg"
    Image.open(path).resize((30, 20)).save(path)
    one = second(forms, make(root))
    assert isinstance(one, Skipped)
    assert "the annotation has 60 x 41 pixels, the image 30 x 20" in one.reason
