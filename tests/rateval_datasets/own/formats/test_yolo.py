from __future__ import annotations

import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from rateval.api import Sample, Skipped

SIZE = (45, 60)
TRIANGLE = (10.0, 5.0, 40.5, 5.0, 10.0, 35.5)
BOX = (10.0, 5.0, 31.0, 20.0)
NAMES = "names: [kettle, mug]\n"


def share(points: tuple[float, ...]) -> str:
    rows, columns = SIZE
    return " ".join(
        repr(value / (columns if at % 2 == 0 else rows)) for at, value in enumerate(points)
    )


def centred() -> str:
    left, top, right, bottom = BOX
    return share(((left + right) / 2, (top + bottom) / 2, right - left, bottom - top))


def draw(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(len(path.name))
    Image.fromarray(rng.integers(0, 256, (*SIZE, 3), dtype=np.uint8)).save(path)


def write(root: Path, photo: str, text: str | None, *, labels: str | None = None) -> Path:
    """Write a photo below ``images`` and the lines of its annotations below ``labels``."""
    draw(root / photo)
    if text is not None:
        parts = ["labels" if part == "images" else part for part in Path(photo).parts]
        file = root / (labels or Path(*parts).with_suffix(".txt"))
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    (root / "data.yaml").write_text(NAMES)
    return root


@pytest.mark.parametrize("pattern", ["images/{}/{}.jpg", "{}/images/{}.jpg", "images/{}/a/{}.jpg"])
def test_outlines_and_boxes_in_the_folders_of_ultralytics_and_roboflow(
    tmp_path: Path, make: Any, forms: Any, pattern: str
) -> None:
    write(tmp_path, pattern.format("train", "p0"), f"0 {share(TRIANGLE)}\n")
    write(tmp_path, pattern.format("val", "p1"), f"1 {share(TRIANGLE)}\n\n")
    write(tmp_path, pattern.format("val", "p2"), f"0 {centred()}")
    dataset = make(tmp_path)
    found = {**forms.samples(dataset.train), **forms.samples(dataset.test)}
    assert {name: one.label for name, one in found.items()} == {"p0": 0, "p1": 1, "p2": 0}
    for name, expected in [
        ("p0", forms.triangle_mask),
        ("p1", forms.triangle_mask),
        ("p2", forms.box_mask),
    ]:
        seen = found[name].mask
        assert seen is not None
        np.testing.assert_array_equal(seen, expected(SIZE))


def test_shares_are_of_the_photo_as_it_is_shown(tmp_path: Path, make: Any, forms: Any) -> None:
    root = write(tmp_path, "images/val/p0.jpg", f"0 {centred()}")
    exif = Image.Exif()
    exif[0x0112] = 6
    path = root / "images/val/p0.jpg"
    pixels = Image.open(path).copy()
    pixels.transpose(Image.Transpose.ROTATE_90).save(path, exif=exif)  # stored lying on its side
    (one,) = forms.samples(make(root).test).values()
    assert one.image.size == SIZE[::-1]
    assert one.mask is not None
    np.testing.assert_array_equal(one.mask, forms.box_mask(SIZE))


def test_names_may_be_numbered(tmp_path: Path, make: Any, forms: Any) -> None:
    root = write(tmp_path, "images/val/p0.jpg", f"1 {centred()}")
    (root / "data.yaml").write_text("names:\n  1: mug\n  0: kettle\n")
    assert make(root).classes == ("mug",)


BAD = [
    ("0 0.1 0.2 0.3\n", "p0.txt:1: 3 numbers after the class; a box has 4"),
    ("1 30 20 25 9\n", "p0.txt:1: numbers are shares of the photo's sides, not pixels"),
    ("\n7 0.1 0.2 0.3 0.4\n", "p0.txt:2: there is no class 7, only 0 to 1"),
    ("0 0.1 0.2 x 0.4\n", "p0.txt:1: could not convert string to float: 'x'"),
]


@pytest.mark.parametrize(("text", "message"), BAD)
def test_a_line_at_fault_costs_its_photo(
    tmp_path: Path, make: Any, forms: Any, text: str, message: str
) -> None:
    write(tmp_path, "images/val/p0.jpg", text)
    write(tmp_path, "images/val/p1.jpg", f"1 {centred()}")
    bad, good = forms.read(make(tmp_path).test)
    if isinstance(bad, Sample):
        bad, good = good, bad
    assert isinstance(good, Sample)
    assert isinstance(bad, Skipped)
    assert bad.reason.startswith("unreadable annotations: ")
    assert message in bad.reason


@pytest.mark.parametrize("points", ["nan 0 0 1 1 1", "0 0 9e9 0 1 1"])
def test_points_outside_of_any_image_cost_their_photo(
    tmp_path: Path, make: Any, forms: Any, points: str
) -> None:
    write(tmp_path, "images/val/p0.jpg", f"0 {points}")
    root = write(tmp_path, "images/val/p1.jpg", f"1 {centred()}")
    (bad,) = [one for one in forms.read(make(root).test) if isinstance(one, Skipped)]
    assert bad.reason.startswith("unreadable ")


def test_annotations_without_a_photo_are_skipped(tmp_path: Path, make: Any, forms: Any) -> None:
    root = write(tmp_path, "images/val/p1.jpg", f"1 {centred()}")
    (root / "labels/val/gone.txt").write_text(f"0 {centred()}")
    reasons = [one.reason for one in forms.read(make(root).test) if isinstance(one, Skipped)]
    assert len(reasons) == 1
    assert "there is no image for its annotations" in reasons[0]


def test_two_photos_of_one_name_are_refused(tmp_path: Path, refuse: Callable[..., str]) -> None:
    root = write(tmp_path, "images/val/p0.jpg", f"0 {centred()}")
    draw(root / "images/val/p0.png")
    assert "would share their annotations" in refuse(root)


@pytest.mark.parametrize(
    ("table", "message"),
    [("nc: 2\n", "has no list of names"), ("names: {0: a, 2: b}", "don't number the classes")],
)
def test_names_at_fault_are_refused(
    tmp_path: Path, refuse: Callable[..., str], table: str, message: str
) -> None:
    root = write(tmp_path, "images/val/p0.jpg", f"0 {centred()}")
    (root / "data.yaml").write_text(table)
    assert message in refuse(root)


def test_yaml_makes_no_objects(tmp_path: Path, refuse: Callable[..., str]) -> None:
    root = write(tmp_path, "images/val/p0.jpg", f"0 {centred()}")
    touched = tmp_path / "touched"
    (root / "data.yaml").write_text(
        f"names: !!python/object/apply:pathlib.Path.touch [!!python/name:x {touched}]\n"
    )
    assert "could not determine a constructor" in refuse(root)
    assert not touched.exists()


def test_shares_are_exact_to_a_thousandth_of_a_pixel(tmp_path: Path, make: Any, forms: Any) -> None:
    """datumaro rounds to hundredths: of a side of 1,000 pixels those are ten."""
    root = write(tmp_path, "images/val/p0.jpg", "0 0.1234 0.2347 0.4567 0.2347 0.4567 0.6789\n")
    write(tmp_path, "images/val/p1.jpg", "1 0.3125 0.4375 0.3771 0.1237\n")
    for name in ("p0", "p1"):
        Image.new("RGB", (1000, 1000)).save(root / f"images/val/{name}.jpg")
    found = forms.samples(make(root).test)
    y, x = np.mgrid[:1000, :1000] + 0.5
    # Below the upper side, left of the right one, right of the slope between their ends.
    slope = (x - 123.4) * (678.9 - 234.7) > (y - 234.7) * (456.7 - 123.4)
    np.testing.assert_array_equal(found["p0"].mask, (y > 234.7) & (x < 456.7) & slope)
    box = (np.abs(x - 312.5) < 377.1 / 2) & (np.abs(y - 437.5) < 123.7 / 2)
    np.testing.assert_array_equal(found["p1"].mask, box)


def test_names_that_refer_to_each_other_fill_no_memory(
    tmp_path: Path, refuse: Any, forms: Any
) -> None:
    root = write(tmp_path, "images/val/p0.jpg", f"1 {centred()}")
    lines = ["a0: &a0 [x, x]", *(f"a{at}: &a{at} [*a{at - 1}, *a{at - 1}]" for at in range(1, 60))]
    (root / "data.yaml").write_text("\n".join([*lines, "names: *a59\n"]))
    assert "names in data.yaml must be text" in refuse(root)


def test_photos_and_annotations_match_in_either_spelling_of_unicode(
    tmp_path: Path, make: Any, forms: Any
) -> None:
    one, two = (unicodedata.normalize(form, "ä") for form in ("NFC", "NFD"))
    root = write(
        tmp_path, f"images/val/{one}.jpg", f"1 {centred()}", labels=f"labels/val/{two}.txt"
    )
    assert len(forms.samples(make(root).test)) == 1
