"""Photos in class folders, read as a study reads them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageOps

import rateval
from rateval.api import Context, RatevalError, Sample, Skipped
from rateval_datasets.own.folder import make_folder
from rateval_datasets.own.params import FolderParams

SIZE = (30, 40)
"""Rows and columns of the photos drawn here."""


def pixels(size: tuple[int, int] = SIZE, seed: int = 0) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (*size, 3), dtype=np.uint8)


def save(path: Path, image: Image.Image, **options: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path, **options)
    return path


def photo(path: Path, orientation: int | None = None, **options: Any) -> Path:
    exif = Image.Exif()
    if orientation is not None:
        exif[0x0112] = orientation
    return save(path, Image.fromarray(pixels()), exif=exif, **options)


def mask(path: Path, size: tuple[int, int] = SIZE) -> NDArray[np.bool_]:
    """Save a mask of a corner, and return it."""
    drawn = np.zeros(size, dtype=np.uint8)
    drawn[2:9, 3:20] = 255
    save(path, Image.fromarray(drawn))
    return drawn > 0


def read(root: Path, **params: Any) -> list[Sample | Skipped]:
    dataset = make_folder(FolderParams(root=root, **params), Context())
    return dataset.test.samples(range(len(dataset.test)))


def sample(root: Path, **params: Any) -> Sample:
    (only,) = read(root, **params)
    assert isinstance(only, Sample), only
    return only


def reason(root: Path, **params: Any) -> str:
    (only,) = read(root, **params)
    assert isinstance(only, Skipped), only
    return only.reason


def refusal(**params: Any) -> str:
    with pytest.raises(RatevalError) as caught:
        make_folder(FolderParams(**params), Context())
    return str(caught.value)


def test_classes_are_folders_and_photos_have_any_ending(tmp_path: Path) -> None:
    for name in ("pan_v2/a.JPG", "Tasse_ä/b.png", "Tasse_ä/c.bmp"):
        photo(tmp_path / name)
    (tmp_path / "pan_v2" / ".hidden.jpg").write_bytes(b"")
    (tmp_path / "pan_v2" / "notes.txt").write_text("no photo")
    (tmp_path / "pan_v2" / "Thumbs.db").write_bytes(b"")
    (tmp_path / "__MACOSX").mkdir()
    params = FolderParams(root=tmp_path, class_names={"pan_v2": "pan"})
    dataset = make_folder(params, Context())
    assert dataset.classes == ("Tasse ä", "pan")
    assert dataset.test.ids == ["Tasse_ä/b.png", "Tasse_ä/c.bmp", "pan_v2/a.JPG"]
    assert list(dataset.test.labels) == [0, 0, 1]
    assert dataset.train is None
    assert not dataset.has_masks


def test_a_list_of_classes_orders_the_labels(tmp_path: Path) -> None:
    photo(tmp_path / "a" / "1.png")
    photo(tmp_path / "b" / "1.png")
    listed = tmp_path / "classes.txt"
    listed.write_text("c\nb\na\n")
    dataset = make_folder(FolderParams(root=tmp_path, classes=listed), Context())
    assert dataset.classes == ("c", "b", "a")
    assert list(dataset.test.labels) == [2, 1]
    assert "lacks b, which photos have as label" in refusal(root=tmp_path, classes=("a", "c"))


def test_folders_of_splits(tmp_path: Path) -> None:
    for name in ("train/a/1.png", "train/b/2.png", "Validation/a/3.png"):
        photo(tmp_path / name)
    dataset = make_folder(FolderParams(root=tmp_path), Context())
    assert dataset.train is not None
    assert dataset.test.ids == ["Validation/a/3.png"]
    assert dataset.train.ids == ["train/a/1.png", "train/b/2.png"]
    assert "are divided already" in refusal(root=tmp_path, split={"test": 0.5})
    assert 'test_split = "tset": no such split' in refusal(root=tmp_path, test_split="tset")


def test_a_lone_folder_for_training_is_divided(tmp_path: Path) -> None:
    for at in range(10):
        photo(tmp_path / f"train/{'ab'[at % 2]}/{at}.png")
    assert "divide the photos by split" in refusal(root=tmp_path)
    for given in ({}, {"train_split": "train"}):
        params = FolderParams(root=tmp_path, split={"test": 0.2}, **given)
        dataset = make_folder(params, Context())
        assert dataset.train is not None
        assert [len(dataset.test), len(dataset.train)] == [2, 8]
    assert len(make_folder(FolderParams(root=tmp_path, test_split="train"), Context()).test) == 10


def test_masks_lie_as_the_photos_do_with_or_without_the_split(tmp_path: Path) -> None:
    photo(tmp_path / "photos/test/a/1.png")
    photo(tmp_path / "photos/test/a/2.jpg")
    photo(tmp_path / "photos/test/a/3.jpg")
    drawn = [mask(tmp_path / "masks" / name) for name in ("test/a/1.png", "a/2.jpg.png")]
    found = read(tmp_path / "photos", masks=tmp_path / "masks")
    for expected, one in zip([*drawn, None], found, strict=True):
        assert isinstance(one, Sample)
        np.testing.assert_array_equal(one.mask, expected)


def test_values_of_a_label_map_are_stored_ones_also_of_a_palette(tmp_path: Path) -> None:
    photo(tmp_path / "photos/a/1.png")
    numbers = np.arange(SIZE[0] * SIZE[1], dtype=np.uint8).reshape(SIZE) % 4
    palette = Image.fromarray(numbers).convert("P")
    palette.putdata(numbers.ravel().tolist())
    palette.putpalette([0, 0, 0] * 4)  # every index looks black
    save(tmp_path / "masks/a/1.png", palette)
    found = sample(tmp_path / "photos", masks=tmp_path / "masks", mask_values=(1, 3))
    np.testing.assert_array_equal(found.mask, np.isin(numbers, (1, 3)))


def test_what_shares_a_mask_is_skipped(tmp_path: Path) -> None:
    photo(tmp_path / "photos/a/1.png")
    photo(tmp_path / "photos/a/1.jpg")
    mask(tmp_path / "masks/a/1.png")
    found = read(tmp_path / "photos", masks=tmp_path / "masks")
    assert all(isinstance(one, Skipped) and "two photos" in one.reason for one in found)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_turns_a_photo_as_pillow_turns_it(tmp_path: Path, orientation: int) -> None:
    path = photo(tmp_path / "photos/a/1.png", orientation)
    with Image.open(path) as opened:
        upright = np.asarray(ImageOps.exif_transpose(opened))
        stored = np.asarray(opened)
    drawn = mask(tmp_path / "masks/a/1.png", upright.shape[:2])
    found = sample(tmp_path / "photos", masks=tmp_path / "masks")
    np.testing.assert_array_equal(np.asarray(found.image), upright)
    np.testing.assert_array_equal(found.mask, drawn)
    ignored = sample(tmp_path / "photos", exif="ignore")
    np.testing.assert_array_equal(np.asarray(ignored.image), stored)


def test_a_mask_of_the_other_view_names_exif(tmp_path: Path) -> None:
    photo(tmp_path / "photos/a/1.jpg", 6)
    mask(tmp_path / "masks/a/1.png")  # of the stored pixels
    given = {"masks": tmp_path / "masks"}
    assert 'set exif = "ignore"' in reason(tmp_path / "photos", **given)
    assert sample(tmp_path / "photos", exif="ignore", **given).mask is not None
    mask(tmp_path / "masks/a/1.png", SIZE[::-1])
    assert 'set exif = "apply"' in reason(tmp_path / "photos", exif="ignore", **given)
    mask(tmp_path / "masks/a/1.png", (7, 7))
    why = reason(tmp_path / "photos", **given)
    assert "has 7 x 7 pixels" in why
    assert "EXIF" not in why


def test_what_is_transparent_shows_the_background(tmp_path: Path) -> None:
    clear = Image.new("RGBA", (4, 3), (255, 0, 0, 0))
    clear.putpixel((0, 0), (10, 20, 30, 255))
    save(tmp_path / "a/1.png", clear)
    found = sample(tmp_path, background="#00FF00")
    assert found.image.getpixel((0, 0)) == (10, 20, 30)
    assert found.image.getpixel((1, 1)) == (0, 255, 0)
    assert "transparent pixels" in found.notes
    assert sample(tmp_path).image.getpixel((1, 1)) == (255, 255, 255)


@pytest.mark.parametrize("mode", ["L", "LA", "P", "1", "CMYK", "I;16"])
def test_other_modes_become_rgb(tmp_path: Path, mode: str) -> None:
    if mode == "I;16":
        image = Image.fromarray(np.full(SIZE, 0x8012, dtype=np.uint16))
    else:
        image = Image.new("RGB", SIZE[::-1], (128, 128, 128)).convert(
            mode, palette=Image.Palette.ADAPTIVE
        )
    save(tmp_path / f"a/1.{'jpg' if mode == 'CMYK' else 'png'}", image)
    found = sample(tmp_path)
    assert found.image.mode == "RGB"
    if mode != "1":
        assert np.abs(np.asarray(found.image).astype(int) - 128).max() <= 2


def test_the_first_frame_of_several_is_shown_and_said(tmp_path: Path) -> None:
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("#ff0000", "#0000ff")]
    save(tmp_path / "a/1.gif", frames[0], save_all=True, append_images=frames[1:])
    found = sample(tmp_path)
    assert found.image.getpixel((0, 0)) == (255, 0, 0)
    assert "first of several frames" in found.notes


def test_a_fast_decoder_scales_image_and_mask_alike(tmp_path: Path) -> None:
    rows, columns = 1200, 1600
    yy, xx = np.mgrid[:rows, :columns]
    inside = (yy > 300) & (yy < 800) & (xx > 400) & (xx < 1300)
    picture = np.where(inside[..., None], 255, 0).astype(np.uint8).repeat(3, axis=2)
    save(tmp_path / "photos/a/1.jpg", Image.fromarray(picture), quality=95)
    save(tmp_path / "masks/a/1.png", Image.fromarray(inside))
    found = sample(tmp_path / "photos", masks=tmp_path / "masks", decode="fast")
    assert found.image.size == (800, 600)
    assert found.mask is not None
    light = np.asarray(found.image)[..., 0] > 127
    assert (light != found.mask).mean() < 0.003  # the edge alone
    assert sample(tmp_path / "photos").image.size == (1600, 1200)


def test_a_broken_photo_is_skipped(tmp_path: Path) -> None:
    path = photo(tmp_path / "a/1.jpg")
    path.write_bytes(path.read_bytes()[:200])
    (only,) = read(tmp_path)
    assert isinstance(only, Skipped)
    assert only.damaged


def test_shares_are_the_same_wherever_they_are_drawn_and_even_by_class(tmp_path: Path) -> None:
    for label, count in (("a", 30), ("b", 10)):
        for at in range(count):
            save(tmp_path / f"{label}/{at}_p{at // 3}.png", Image.new("RGB", (4, 4)))
    given: dict[str, Any] = {"root": tmp_path, "split": {"test": 0.2}}
    dataset = make_folder(FolderParams(**given), Context())
    assert dataset.train is not None
    assert np.bincount(dataset.test.labels).tolist() == [6, 2]
    assert np.bincount(dataset.train.labels).tolist() == [24, 8]
    again = make_folder(FolderParams(**given), Context())
    assert again.test.identity == dataset.test.identity
    other = make_folder(FolderParams(**given, split_seed=1), Context())
    assert other.test.ids != dataset.test.ids


def test_a_group_is_never_torn_apart(tmp_path: Path) -> None:
    for at in range(30):
        save(tmp_path / f"{'ab'[at % 2]}/{at}_p{at // 3}.png", Image.new("RGB", (4, 4)))
    params = FolderParams(
        root=tmp_path, split={"test": 0.3}, groups="_(?P<patient>p[0-9]+)", group_by="patient"
    )
    dataset = make_folder(params, Context())
    assert dataset.train is not None
    tested, trained = (set(split.groups["patient"]) for split in (dataset.test, dataset.train))
    assert len(tested) == 3
    assert not tested & trained


def test_list_files_divide(tmp_path: Path) -> None:
    for name in ("a/1.png", "a/2.png", "b/3.png"):
        photo(tmp_path / "photos" / name)
    lists = {name: tmp_path / f"{name}.txt" for name in ("train", "test")}
    lists["train"].write_text("a/1.png\n")
    lists["test"].write_text("b/3\n")
    given: dict[str, Any] = {"root": tmp_path / "photos", "split": lists}
    dataset = make_folder(FolderParams(**given), Context())
    assert dataset.test.ids == ["b/3.png"]
    assert dict(dataset.unused) == {"in no split": 1}
    lists["test"].write_text("\nb/4.png\n")
    assert "test.txt:2: b/4.png is no photo" in refusal(**given)
    lists["test"].write_text("a/1.png\n")
    why = refusal(**given)
    assert "test.txt:1: a/1.png is in " in why
    assert "train.txt:1, too" in why


def test_refusals_say_what_to_do(tmp_path: Path) -> None:
    assert "no such folder" in refusal(root=tmp_path / "nope")
    assert "holds no folder" in refusal(root=tmp_path)
    photo(tmp_path / "photos/a/1.png")
    assert "give the folder above" in refusal(root=tmp_path / "photos/a")
    assert "one level deeper" in refusal(root=tmp_path)
    (tmp_path / "masks").mkdir()
    given: dict[str, Any] = {"root": tmp_path / "photos", "masks": tmp_path / "masks"}
    assert "that of a/1.png would be a/1.png, and there is no mask" in refusal(**given)
    save(tmp_path / "masks/a/1.jpg", Image.new("L", (4, 4)))
    assert "save masks as PNG" in refusal(**given)
    assert "no photo has the label kettel" in refusal(
        root=tmp_path / "photos", class_names={"kettel": "kettle"}
    )


def test_the_identity_follows_photos_masks_and_opening(tmp_path: Path) -> None:
    photo(tmp_path / "photos/a/1.png")
    mask(tmp_path / "masks/a/1.png")

    def identity(**params: Any) -> str:
        given = FolderParams(root=tmp_path / "photos", **params)
        return make_folder(given, Context()).test.identity

    bare = identity()
    masked = identity(masks=tmp_path / "masks")
    named = {bare, masked, identity(exif="ignore"), identity(decode="fast")}
    named.add(identity(masks=tmp_path / "masks", mask_values=(1,)))
    mask(tmp_path / "masks/a/1.png", (300, 400))
    named.add(identity(masks=tmp_path / "masks"))
    assert len(named) == 6


def test_a_study_of_own_photos(tmp_path: Path) -> None:
    for label in ("kettle", "mug"):
        for at in range(4):
            photo(tmp_path / f"photos/{label}/{at}_cam{at % 2}.jpg", (1, 6)[at % 2])
        mask(tmp_path / f"masks/{label}/0_cam0.png")
    record = rateval.run(
        {
            "study": {"name": "own"},
            "dataset": [
                {
                    "use": "folder",
                    "root": str(tmp_path / "photos"),
                    "masks": str(tmp_path / "masks"),
                    "groups": "(?P<camera>cam[0-9])",
                }
            ],
            "model": [{"use": "clip"}],
            "finetune": [{"use": "zs"}],
        },
        output=tmp_path / "runs",
    )
    (cell,) = record.cells
    assert cell.count == 8
    scores = {score.metric: score for score in cell.evidence[0].scores}
    assert scores["accuracy"].value.denominator == 8
    assert (scores["pt"].value.denominator or 0) <= 2  # one masked photo of each class
    assert {group.name for group in scores["accuracy"].groups} == {"camera"}
