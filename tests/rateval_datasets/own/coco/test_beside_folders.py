"""A COCO file as the evidence of photos in class folders."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from pydantic import ValidationError

from rateval.api import Context, RatevalError
from rateval_datasets.own.dataset import PhotoDataset
from rateval_datasets.own.folder import make_folder
from rateval_datasets.own.params import FolderParams

BOX = {"bbox": [10, 5, 21, 15]}


def read(root: Path, **params: Any) -> PhotoDataset:
    return make_folder(FolderParams(root=root, **params), cast(Context, None))


def refusal(root: Path, **params: Any) -> str:
    with pytest.raises(RatevalError) as caught:
        read(root, **params)
    return str(caught.value)


def photos(root: Path, coco: Any, *names: str) -> Path:
    for name in names:
        coco.photo(root / name)
    return root


@pytest.mark.parametrize("before", ["{}", "./{}", "photos/all/{}", "base name"])
def test_file_names_are_paths_or_their_ends(tmp_path: Path, coco: Any, before: str) -> None:
    root = photos(tmp_path / "photos", coco, "kettle/x.png", "mug/y.png", "mug/z.png")
    names = ["x.png", "y.png"] if before == "base name" else ["kettle/x.png", "mug/y.png"]
    named = [name if before == "base name" else before.format(name) for name in names]
    path = coco.write(tmp_path / "t/a.json", {named[0]: [BOX], named[1]: [BOX]})
    dataset = read(root, coco=path)
    first, second, third = coco.read(dataset.test)
    np.testing.assert_array_equal(first.mask, coco.box_mask())
    assert (second.mask, third.mask) == (None, None)  # a kettle on a photo of the class mug
    assert dataset.classes == ("kettle", "mug")


def test_folders_of_splits_may_be_left_out(tmp_path: Path, coco: Any) -> None:
    root = photos(tmp_path / "photos", coco, "test/kettle/x.png", "train/kettle/y.png")
    path = coco.write(tmp_path / "t/a.json", {"kettle/x.png": [BOX], "kettle/y.png": [BOX]})
    assert coco.one(read(root, coco=path).test).mask is not None


def test_what_may_be_several_is_skipped(tmp_path: Path, coco: Any) -> None:
    root = photos(tmp_path / "photos", coco, "kettle/x.png", "mug/x.png", "mug/y.png")
    path = coco.write(
        tmp_path / "t/a.json", {"x.png": [BOX], "a/mug/y.png": [], "b/mug/y.png": [], "z.png": []}
    )
    dataset = read(root, coco=path)
    assert coco.reasons(dataset.test) == {
        "kettle/x.png": "several photos may be x.png of the COCO file",
        "mug/x.png": "several photos may be x.png of the COCO file",
        "mug/y.png": "several images of the COCO file may be it: a/mug/y.png, b/mug/y.png",
    }
    assert dataset.notes == ("1 image of a.json is no photo: z.png",)


def test_crowds_by_choice(tmp_path: Path, coco: Any) -> None:
    root = photos(tmp_path / "photos", coco, "kettle/x.png")
    path = coco.write(tmp_path / "a.json", {"x.png": [{**BOX, "iscrowd": 1}]})
    assert read(root, coco=path).has_masks
    assert not read(root, coco=path, crowds=False).has_masks


def test_runs_need_what_decodes_them(
    tmp_path: Path, coco: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = photos(tmp_path / "photos", coco, "kettle/x.png")
    runs = {"size": list(coco.size), "counts": coco.runs_of(coco.box_mask())}
    path = coco.write(tmp_path / "a.json", {"x.png": [{"segmentation": runs}]})
    np.testing.assert_array_equal(coco.one(read(root, coco=path).test).mask, coco.box_mask())
    monkeypatch.setattr("rateval_datasets.own.coco.beside.find_spec", lambda name: None)
    assert "pip install 'rateval[coco]'" in refusal(root, coco=path)
    coco.write(path, {"x.png": [BOX]})
    assert read(root, coco=path).has_masks


def test_refusals(tmp_path: Path, coco: Any) -> None:
    root = photos(tmp_path / "photos", coco, "kettle/x.png")
    path = coco.write(tmp_path / "a.json", {"y.png": [BOX]})
    assert "none of its images is a photo; it has y.png" in refusal(root, coco=path)
    path = coco.write(tmp_path / "a.json", {"x.png": [BOX]})
    coco.edit(path, lambda table: table["categories"][0].update(name="teapot"))
    assert "none of its categories teapot, mug, pan is a label" in refusal(root, coco=path)
    assert "give the folder, or a COCO file as coco" in refusal(root, masks=path)
    assert f"coco = {tmp_path}/b.json: no such file" in refusal(root, coco=tmp_path / "b.json")
    with pytest.raises(ValidationError, match="give either masks or coco"):
        FolderParams(root=root, masks=root, coco=path)
    with pytest.raises(ValidationError, match="crowds needs coco"):
        FolderParams(root=root, crowds=False)
