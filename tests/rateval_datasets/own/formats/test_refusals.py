from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rateval.api import Skipped

Refuse = Callable[..., str]


def test_unknown_formats(tmp_path: Path, refuse: Refuse) -> None:
    assert 'did you mean "label_me"?' in refuse(tmp_path, format="labelme")


@pytest.mark.parametrize("form", ["cifar", "datumaro_binary", "arrow", "mpii", "video_frames"])
def test_formats_that_are_not_read_here(tmp_path: Path, refuse: Refuse, form: str) -> None:
    assert f'format = "{form}": is none that is read here' in refuse(tmp_path, format=form)


def test_no_such_folder(tmp_path: Path, refuse: Refuse) -> None:
    assert "no such folder" in refuse(tmp_path / "nope")
    (tmp_path / "a.zip").touch()
    assert "is a file; give its folder" in refuse(tmp_path / "a.zip")


def test_nothing_fits(tmp_path: Path, refuse: Refuse) -> None:
    (tmp_path / "notes.txt").write_text("nothing")
    assert "looks like none of the formats; it holds notes.txt" in refuse(tmp_path)


def test_several_fit(tmp_path: Path, refuse: Refuse, forms: Any) -> None:
    forms.export(tmp_path, "voc", ["box"])
    forms.export(tmp_path, "cvat", ["box"])
    assert "looks like several formats, cvat, voc; name one" in refuse(tmp_path)


def test_no_image_is_there(tmp_path: Path, refuse: Refuse, forms: Any) -> None:
    root = forms.export(tmp_path, "coco_instances", ["polygon"])
    shutil.rmtree(root / "images")
    (root / "images").mkdir()
    assert "none of 5 images is there, such as images/photo0.jpg" in refuse(root)


def test_an_image_that_is_missing_is_skipped(tmp_path: Path, make: Any, forms: Any) -> None:
    root = forms.export(tmp_path, "coco_instances", ["polygon"])
    (root / "images/val/photo4.jpg").unlink()
    (gone,) = [one for one in forms.read(make(root).test) if isinstance(one, Skipped)]
    assert gone.damaged
    assert "FileNotFoundError" in gone.reason


@pytest.mark.parametrize(
    ("form", "text", "message"),
    [
        ("cvat", "<annotations><meta>", "ParseError: no element found"),
        ("cvat", '<!DOCTYPE a [<!ENTITY b "c">]><annotations/>', "EntitiesForbidden"),
        ("coco_instances", '{"images": [', "JSONDecodeError"),
        ("coco_instances", '{"images": [], "annotations": []}', "categories"),
    ],
)
def test_unreadable_annotations(
    tmp_path: Path, refuse: Refuse, forms: Any, form: str, text: str, message: str
) -> None:
    root = forms.export(tmp_path, form, ["polygon"])
    for path in [*root.glob("*.xml"), *root.glob("annotations/*.json")]:
        path.write_text(text)
    said = refuse(root, format=form)
    assert f'cannot be read as format = "{form}": ' in said
    assert message in said
    assert "\n" not in said


def edit(root: Path, change: Callable[[Any], None]) -> None:
    for path in root.glob("annotations/*.json"):
        table = json.loads(path.read_text())
        change(table)
        path.write_text(json.dumps(table))


def test_one_annotation_at_fault_is_refused_with_its_number(
    tmp_path: Path, refuse: Refuse, forms: Any
) -> None:
    root = forms.export(tmp_path, "coco_instances", ["polygon"])
    edit(root, lambda table: table["annotations"][0].update(category_id=77))
    assert "1: Undeclared label '77'" in refuse(root)


def test_what_datumaro_would_leave_out_is_refused(
    tmp_path: Path, refuse: Refuse, forms: Any
) -> None:
    root = forms.export(tmp_path, "coco", ["polygon", "label"])
    assert "datumaro leaves something out: " in refuse(root)
    assert "conflicting source types" in refuse(root)


def test_a_class_of_number_0_is_refused_where_datumaro_forgets_it(
    tmp_path: Path, refuse: Refuse, forms: Any
) -> None:
    def shift(table: Any) -> None:
        for one in table["categories"]:
            one["id"] -= 1
        for one in table["annotations"]:
            one["category_id"] -= 1

    root = forms.export(tmp_path, "coco_instances", ["polygon"])
    edit(root, shift)
    assert "Category id of '0' is reserved" in refuse(root)


def test_annotations_of_photos_that_are_not_listed_are_noted(
    tmp_path: Path, make: Any, forms: Any
) -> None:
    root = forms.export(tmp_path, "coco_instances", ["polygon"])
    edit(root, lambda table: table["annotations"][0].update(image_id=77))
    (note,) = make(root).notes
    assert "Unknown image id '77'" in note


def test_datumaro_logs_nothing_of_its_own(
    tmp_path: Path, make: Any, forms: Any, capfd: pytest.CaptureFixture[str]
) -> None:
    root = forms.export(tmp_path, "coco_instances", ["polygon"])
    edit(root, lambda table: table["annotations"][0].update(image_id=77))
    before = logging.getLogger().handlers[:]
    capfd.readouterr()
    make(root)
    assert capfd.readouterr() == ("", "")
    assert logging.getLogger().handlers == before


def test_no_code_beside_the_photos_runs(
    tmp_path: Path, make: Any, forms: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    touched = tmp_path / "touched"
    root = forms.export(tmp_path / "export", "datumaro", ["polygon"])
    code = f"from pathlib import Path\nPath({str(touched)!r}).touch()\n"
    for name in ("plugins/voc.py", ".datumaro/plugins/voc.py", "voc.py", "datumaro_plugin.py"):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(code)
    monkeypatch.chdir(root)
    assert len(make(root).test) == 3
    assert not touched.exists()


def test_paths_out_of_the_folder_are_refused(tmp_path: Path, make: Any, forms: Any) -> None:
    root = forms.export(tmp_path / "export", "coco_instances", ["polygon"])
    edit(root, lambda table: table["images"][0].update(file_name="../../../etc/passwd"))
    faults = [one.reason for one in forms.read(make(root).test) if isinstance(one, Skipped)]
    assert len(faults) == 1
    assert "not allowed to reference the parent directory" in faults[0]
    assert str(tmp_path) not in faults[0]


@pytest.mark.parametrize("change", [-5, 10**12, 0.5, None])
def test_broken_runs_cost_their_photo_alone(
    tmp_path: Path, make: Any, forms: Any, change: Any
) -> None:
    def damage(table: Any) -> None:
        one = table["annotations"][0]
        counts = [100, 20, size[0] * size[1] - 120]
        one["segmentation"] = {"size": list(size), "counts": [counts[0], change, *counts[2:]]}

    size = forms.size_of(2)
    root = forms.export(tmp_path, "coco_instances", ["polygon"])
    path = root / "annotations/instances_val.json"
    table = json.loads(path.read_text())
    photo = table["annotations"][0]["image_id"]
    (height, width) = next((i["height"], i["width"]) for i in table["images"] if i["id"] == photo)
    size = (height, width)
    damage(table)
    path.write_text(json.dumps(table))
    rows = forms.read(make(root).test)
    assert sorted(isinstance(row, Skipped) for row in rows) == [False, False, True]
