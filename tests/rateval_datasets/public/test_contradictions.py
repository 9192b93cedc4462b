"""Annotations that cannot be of their image, for their size or because they are no files."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat

from rateval.api import Context
from rateval_datasets.public.caltech101 import make_caltech101
from rateval_datasets.public.cub200 import make_cub200
from rateval_datasets.public.imagenet import make_imagenet
from rateval_datasets.public.params import (
    Caltech101Params,
    Cub200Params,
    ImageNetParams,
    StanfordDogsParams,
)
from rateval_datasets.public.stanford_dogs import make_stanford_dogs

DOG = "n02086240-Shih-Tzu/n02086240_6"
BIRD = "001.Black_footed_Albatross/Black_Footed_Albatross_0009_34"
LILY = "water_lilly/image_0001.jpg"
TURNED = "; its EXIF turns it, which the annotation follows"


def turn(path: Path, orientation: int | None, size: tuple[int, int] = (96, 64)) -> None:
    """Save an image of (width, height) with an orientation in its EXIF."""
    exif = Image.Exif()
    if orientation is not None:
        exif[0x0112] = orientation
    Image.new("RGB", size).save(path, exif=exif)


def dog_reasons(tools: Any, root: Path, **params: Any) -> dict[str, str]:
    dataset = make_stanford_dogs(StanfordDogsParams(root=root, **params), Context())
    return tools.skipped(dataset.test)  # type: ignore[no-any-return]  # the tools are untyped


@pytest.mark.parametrize("orientation", [None, 1, 3, 5, 6, 7, 8])
def test_boxes_of_a_turned_image_are_not_stretched(
    tools: Any, dogs: Path, orientation: int | None
) -> None:
    turn(dogs / "Images" / f"{DOG}.jpg", orientation)
    tools.annotate(dogs / "Annotation" / DOG, [("dog", 1, 1, 9, 9)], (96, 64))
    reasons = dog_reasons(tools, dogs)
    assert reasons == {
        f"{DOG}.jpg": "annotation and image contradict each other: the annotation has 64 x 96 "
        "pixels, the image 96 x 64" + (TURNED if orientation in (5, 6, 7, 8) else "")
    }
    assert dog_reasons(tools, dogs, protocol="aaai25").keys() == {
        "n02086240-Shih-Tzu/n02086240_7.jpg"
    }


@pytest.mark.parametrize(
    ("seen", "fits"),
    [
        ((64, 96), True),
        ((32, 48), True),
        ((640, 960), True),
        ((43, 64), True),  # 42.67 rows
        ((42, 64), True),
        ((333, 500), True),
        ((44, 64), True),  # either side is off by one
        ((45, 64), False),
        ((40, 64), False),
        ((64, 64), False),
        ((96, 64), False),
        ((64, 480), False),
    ],
)
def test_an_annotator_may_have_seen_a_scaled_image_but_no_stretched_one(
    tools: Any, dogs: Path, seen: tuple[int, int], fits: bool
) -> None:
    turn(dogs / "Images" / f"{DOG}.jpg", None)
    tools.annotate(dogs / "Annotation" / DOG, [("dog", 1, 1, 9, 9)], seen)
    assert (f"{DOG}.jpg" not in dog_reasons(tools, dogs)) == fits


def test_nearly_square_images_can_be_turned_too(tools: Any, dogs: Path) -> None:
    turn(dogs / "Images" / f"{DOG}.jpg", 6, (100, 101))
    tools.annotate(dogs / "Annotation" / DOG, [("dog", 1, 1, 9, 9)], (100, 101))
    assert TURNED in dog_reasons(tools, dogs)[f"{DOG}.jpg"]


def test_imagenet_skips_them_in_both_splits(tools: Any, kaggle_copy: Path) -> None:
    images = kaggle_copy / "Data" / "CLS-LOC"
    turn(images / "val" / "a.JPEG", 6)
    turn(images / "train" / "n1" / "n1_1.JPEG", 8)
    dataset = make_imagenet(ImageNetParams(root=kaggle_copy), Context())
    for split, name in ((dataset.test, "a.JPEG"), (dataset.train, "n1/n1_1.JPEG")):
        assert TURNED in tools.skipped(split)[name]
    published = make_imagenet(ImageNetParams(root=kaggle_copy, protocol="aaai25"), Context())
    assert tools.skipped(published.test) == {}


@pytest.fixture
def kaggle_copy(tools: Any, tmp_path: Path) -> Path:
    """Make an ImageNet of one class, whose annotators saw 96 rows of 64 pixels."""
    root = tmp_path / "imagenet"
    for name in ("val/a", "train/n1/n1_1"):
        (root / "Data" / "CLS-LOC" / name).parent.mkdir(parents=True)
        file = root / "Annotations" / "CLS-LOC" / f"{name}.xml"
        tools.annotate(file, [("n1", 1, 1, 9, 9)], (96, 64))
    (root / "LOC_synset_mapping.txt").write_text("n1 dog\n")
    (root / "LOC_val_solution.csv").write_text("ImageId,PredictionString\na,n1 1 1 9 9\n")
    return root


@pytest.mark.parametrize("orientation", [1, 6])
def test_a_segmentation_of_a_turned_bird_names_exif(
    tools: Any, cub: Path, orientation: int
) -> None:
    turn(cub / "CUB_200_2011" / "images" / f"{BIRD}.jpg", orientation)
    Image.new("L", (64, 96)).save(cub / "segmentations" / f"{BIRD}.png")
    dataset = make_cub200(Cub200Params(root=cub), Context())
    reason = tools.skipped(dataset.test)[f"{BIRD}.jpg"]
    assert "the segmentation has 64 x 96 pixels, the image 96 x 64" in reason
    assert (TURNED in reason) == (orientation == 6)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_segmentation_of_16_bits_keeps_its_steps(tools: Any, cub: Path, dtype: Any) -> None:
    """Two of five annotators are no majority, also where one step is 51 * 257."""
    steps = np.resize(np.arange(6, dtype=dtype), (40, 50)) * dtype(
        51 if dtype == np.uint8 else 13107
    )
    Image.fromarray(steps).save(cub / "segmentations" / f"{BIRD}.png")
    dataset = make_cub200(Cub200Params(root=cub), Context())
    mask = tools.sample(dataset.test, f"{BIRD}.jpg").mask
    np.testing.assert_array_equal(mask, np.resize(np.arange(6) >= 3, (40, 50)), strict=True)


def test_a_segmentation_of_floats_is_left_out(tools: Any, cub: Path) -> None:
    Image.fromarray(np.ones((40, 50), dtype=np.float32)).save(
        cub / "segmentations" / f"{BIRD}.png", "TIFF"
    )
    dataset = make_cub200(Cub200Params(root=cub), Context())
    assert "mode F doesn't say which number is white" in tools.skipped(dataset.test)[f"{BIRD}.jpg"]


def lily_reason(tools: Any, root: Path, box: list[float], points: Any = None) -> str | None:
    """Return why the lily is skipped, with an outline that fills its box."""
    top, bottom, left, right = box
    wide, high = right - left, bottom - top
    outline = np.array([[0, wide, wide, 0], [0, 0, high, high]]) if points is None else points
    content = {"box_coord": np.array([box], dtype=float), "obj_contour": outline.astype(float)}
    savemat(root / "Annotations/water_lilly/annotation_0001.mat", content)
    dataset = make_caltech101(Caltech101Params(root=root, train_per_class=1), Context())
    assert dataset.train is not None
    reasons: dict[str, str] = tools.skipped(dataset.test) | tools.skipped(dataset.train)
    return reasons.get(LILY)


@pytest.mark.parametrize(
    ("box", "orientation", "reason"),
    [
        ([1, 64, 1, 96], 6, None),
        ([1, 90, 1, 60], 1, None),  # cut off, as ever
        ([1, 90, 1, 60], 6, f"the box ends in column 60 and row 90, the image 96 x 64{TURNED}"),
        ([1, 90, 1, 90], 6, None),
        ([70, 90, 1, 60], 1, "the box ends in column 60 and row 90, the image 96 x 64"),
        ([1, 9, 97, 99], None, "the box ends in column 99 and row 9, the image 96 x 64"),
        ([-9, 0, 1, 9], None, "the box ends in column 9 and row 0, the image 96 x 64"),
    ],
)
def test_an_outline_of_a_turned_image_or_beside_it(
    tools: Any, caltech: Path, box: list[float], orientation: int | None, reason: str | None
) -> None:
    turn(caltech / "101_ObjectCategories" / LILY, orientation)
    found = lily_reason(tools, caltech, box)
    prefix = "annotation and image contradict each other: "
    assert found == (None if reason is None else prefix + reason)


@pytest.mark.parametrize(
    ("points", "reason"),
    [
        (np.array([[1, 1e308, -1e308], [1e308, 2, -1e308]]), "points outside of any image"),
        (np.array([[1, np.inf, 3], [1, 2, 3]]), "points that are not finite"),
        (np.zeros((2, 1_000_000)), "has 1,000,000 points, too many for an image of 64 rows"),
    ],
)
def test_an_outline_that_nobody_drew(tools: Any, caltech: Path, points: Any, reason: str) -> None:
    turn(caltech / "101_ObjectCategories" / LILY, None)
    found = lily_reason(tools, caltech, [1, 9, 1, 9], points)
    assert found is not None
    assert found.startswith("unreadable evidence: ")
    assert reason in found


def test_a_box_that_is_no_number(tools: Any, caltech: Path) -> None:
    for wrong in (np.nan, np.inf, 1e308):
        assert lily_reason(tools, caltech, [1, 9, 1, wrong], np.ones((2, 4))) is not None


SIZE = "<size><width>{}</width><height>{}</height></size>"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (SIZE.format("9" * 400, 40), "lies outside of any image: 99999999999999999999"),
        (SIZE.format("9" * 5000, 40), "unreadable evidence: "),
        (SIZE.format(50, 0), "a size of 50 x 0 pixels"),
        (SIZE.format(-50, -40), "a size of -50 x -40 pixels"),
        (
            "<object><bndbox><xmin>0</xmin><ymin>0</ymin><xmax>1e9</xmax><ymax>1</ymax></bndbox>"
            "</object>",
            "invalid literal",
        ),
        ("<size>", "mismatched tag"),
    ],
)
@pytest.mark.parametrize("protocol", ["matched", "aaai25"])
def test_numbers_of_boxes_that_are_none(
    tools: Any, dogs: Path, text: str, reason: str, protocol: str
) -> None:
    (dogs / "Annotation" / DOG).write_text(f"<annotation>{text}</annotation>")
    found = dog_reasons(tools, dogs, protocol=protocol)[f"{DOG}.jpg"]
    assert reason in found
    assert len(found) < 300


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("<html/>", "an annotation begins with <annotation>, not with <html>"),
        ("<a>" * 200_000 + "</a>" * 200_000, "the file has 1,400,000 bytes"),
        ("<a>" * 100_000 + "</a>" * 100_000, "not with <a>"),
        ("<annotation>é</annotation>".encode("latin-1"), "codec can't decode byte 0xe9"),
        ("<annotation/>".encode("UTF-16"), "codec can't decode byte 0xff"),
        (b"", "no element found"),
    ],
)
def test_annotations_of_another_kind(
    tools: Any, dogs: Path, content: str | bytes, reason: str
) -> None:
    data = content.encode() if isinstance(content, str) else content
    (dogs / "Annotation" / DOG).write_bytes(data)
    assert reason in dog_reasons(tools, dogs)[f"{DOG}.jpg"]


def test_a_mark_at_the_beginning_of_an_annotation_is_read(tools: Any, dogs: Path) -> None:
    path = dogs / "Annotation" / DOG
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert dog_reasons(tools, dogs) == {}


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes with names here")
def test_pipes_as_evidence_do_not_hang(tools: Any, dogs: Path, cub: Path, caltech: Path) -> None:
    made = (
        (dogs / "Annotation" / DOG, lambda: dog_reasons(tools, dogs)),
        (
            cub / "segmentations" / f"{BIRD}.png",
            lambda: tools.skipped(make_cub200(Cub200Params(root=cub), Context()).test),
        ),
        (
            caltech / "Annotations/water_lilly/annotation_0001.mat",
            lambda: _all_of(tools, caltech),
        ),
    )
    for path, reasons in made:
        path.unlink()
        os.mkfifo(path)
        (reason,) = reasons().values()
        assert reason == f"unreadable evidence: no regular file: {path}"


def _all_of(tools: Any, root: Path) -> dict[str, str]:
    dataset = make_caltech101(Caltech101Params(root=root, train_per_class=1), Context())
    found: dict[str, str] = tools.skipped(dataset.test) | tools.skipped(dataset.train)
    return found
