"""Folders as computers and people leave them: links, two spellings of one name, masks elsewhere."""

from __future__ import annotations

import os
import unicodedata
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from rateval.api import Context, RatevalError, Sample, Skipped
from rateval_datasets.own.folder import make_folder
from rateval_datasets.own.params import FolderParams

SIZE = (12, 16)


def photo(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", SIZE[::-1], (90, 120, 30)).save(path)


def mask(path: Path, row: int = 2) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    drawn = np.zeros(SIZE, dtype=np.uint8)
    drawn[row] = 255
    Image.fromarray(drawn).save(path)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Two photos of two classes each, with masks beside."""
    for label in "ab":
        for at in range(2):
            photo(tmp_path / f"photos/{label}/{at}.png")
            mask(tmp_path / f"masks/{label}/{at}.png", at)
    return tmp_path


def read(base: Path, **params: Any) -> dict[str, Sample | Skipped]:
    given: dict[str, Any] = {"root": base / "photos", "masks": base / "masks", **params}
    dataset = make_folder(FolderParams(**given), Context())
    return {one.id: one for one in dataset.test.samples(range(len(dataset.test)))}


def refusal(base: Path, **params: Any) -> str:
    with pytest.raises(RatevalError) as caught:
        read(base, **params)
    return str(caught.value)


def masked(rows: dict[str, Sample | Skipped]) -> set[str]:
    return {name for name, one in rows.items() if getattr(one, "mask", None) is not None}


@pytest.mark.parametrize(("photos", "masks"), [("NFC", "NFD"), ("NFD", "NFC")])
def test_a_mask_is_found_in_the_other_spelling_of_unicode(
    root: Path, photos: Any, masks: Any
) -> None:
    name = "Gläser/ü 한"
    photo(root / "photos" / f"{unicodedata.normalize(photos, name)}.png")
    mask(root / "masks" / f"{unicodedata.normalize(masks, name)}.png")
    assert len(masked(read(root))) == 5


def test_masks_behind_links_are_found_as_photos_are(root: Path) -> None:
    for kind in ("photos", "masks"):
        (root / kind / "b").rename(root / f"{kind} elsewhere")
        (root / kind / "b").symlink_to(root / f"{kind} elsewhere")
        (root / kind / "a" / "round").symlink_to(root / kind)  # a link in a circle
    assert masked(read(root)) == {"a/0.png", "a/1.png", "b/0.png", "b/1.png"}


def test_masks_may_lie_among_the_classes(root: Path) -> None:
    (root / "masks").rename(root / "photos/masks")
    assert len(masked(read(root, masks=root / "photos/masks"))) == 4
    assert "is root" in refusal(root, masks=root / "photos")


def test_two_masks_of_one_photo_are_a_contradiction(root: Path) -> None:
    mask(root / "masks/a/0.bmp", 5)
    one = read(root)["a/0.png"]
    assert isinstance(one, Skipped)
    assert one.reason == "two masks may be its: a/0.bmp, a/0.png; take one away"


def test_a_jpeg_among_masks_is_said(root: Path) -> None:
    (root / "masks/a/0.png").unlink()
    photo(root / "masks/a/0.jpg")
    one = read(root)["a/0.png"]
    assert isinstance(one, Skipped)
    assert "its mask a/0.jpg is a JPEG" in one.reason


def test_what_systems_leave_is_no_photo(root: Path) -> None:
    for name in ("Thumbs.db", ".DS_Store", "._0.png", "desktop.ini", "a/._0.png", "a/Thumbs.db"):
        (root / "photos" / name).write_bytes(b"x")
        (root / "masks" / name).write_bytes(b"x")
    for name in ("__MACOSX/a", "@eaDir/a", "$RECYCLE.BIN/a"):
        (root / "photos" / name).mkdir(parents=True)
        photo(root / "photos" / name / "0.png")
    assert sorted(read(root)) == ["a/0.png", "a/1.png", "b/0.png", "b/1.png"]


def test_an_upper_case_ending_is_an_ending(root: Path) -> None:
    for kind in ("photos", "masks"):
        (root / kind / "a/0.png").rename(root / kind / "a/0.PNG")
    assert len(masked(read(root))) == 4


@pytest.mark.parametrize("other", ["A", "a ", "a_"])
def test_classes_whose_prompts_are_equal_are_refused(root: Path, other: str) -> None:
    photo(root / "photos" / other / "0.png")
    said = refusal(root)
    assert "and so equal prompts; make the names differ" in said
    names = {"a": "apple", other: "avocado"}
    assert len(read(root, class_names=names)) == 5


def test_classes_in_two_spellings_of_unicode_are_refused(root: Path) -> None:
    for form in ("NFC", "NFD"):
        photo(root / "photos" / unicodedata.normalize(form, "ä") / "0.png")
    assert "have names that tokenizers take for one" in refusal(root)


def test_folders_of_splits_beside_classes(root: Path) -> None:
    photo(root / "photos/train/a/0.png")
    photo(root / "photos/test/a/0.png")
    said = refusal(root)
    assert "holds folders of splits, test, train, beside those of classes, a, b" in said


def test_a_level_too_high_names_every_folder_that_may_be_meant(root: Path) -> None:
    said = refusal(root, root=root, masks=None)
    assert f"root = {root / 'masks'}, {root / 'photos'}" in said


@pytest.mark.skipif(os.name == "nt", reason="file names there are Unicode")
def test_names_that_are_no_text(root: Path) -> None:
    folder = os.fsencode(root / "photos")
    source = os.fsencode(root / "photos/a/0.png")
    os.link(source, folder + b"/a/cam\xff.png")
    params = FolderParams(root=root / "photos", groups="(?P<camera>cam.)")
    dataset = make_folder(params, Context())
    assert "a/cam\\udcff.png" in dataset.test.ids
    assert "cam\\udcff" in dataset.test.groups["camera"]
    os.mkdir(folder + b"/\xff")  # noqa: PTH102  # of bytes
    os.link(source, folder + b"/\xff/0.png")
    assert "bytes that are no UTF-8; rename the class" in refusal(root)
    (root / "photos/c\nd").mkdir()
    photo(root / "photos/c\nd/0.png")
    assert "holds control characters" in refusal(root)
