"""ImageNet in both of its layouts."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from rateval.api import Context, Dataset, RatevalError
from rateval.testing import check_component
from rateval_datasets.plugin import rateval_register_datasets
from rateval_datasets.public.boxes import Box, draw_published_boxes
from rateval_datasets.public.imagenet import make_imagenet
from rateval_datasets.public.params import ImageNetParams
from rateval_datasets.view import View

NAMES = ("tench", "crane bird", "construction crane", "maillot", "tank suit")
PUBLISHED = ("tench", "crane", "crane", "maillot", "maillot")
LABELS = {1: "crane bird", 2: "tench", 3: "tank suit", 4: "construction crane", 5: "maillot"}
BOXES = {
    1: [(3, 4, 20, 30)],
    2: [(0, 0, 9, 9), (5, 5, 49, 12)],
    3: [(10, 8, 60, 90)],  # the box of another class in the same image is no evidence
    4: [(30, 20, 30, 20)],
    5: [(2, 2, 47, 38)],
}
(COMPONENT,) = [c for c in rateval_register_datasets() if c.name == "imagenet"]


def make(root: Path, **params: Any) -> Dataset:
    return make_imagenet(ImageNetParams(root=root, **params), Context())


def stem(number: int) -> str:
    return f"ILSVRC2012_val_{number:08d}"


@pytest.mark.parametrize("below", [".", "ILSVRC"])
def test_kaggle_layout(tools: Any, kaggle: Path, below: str) -> None:
    if below == ".":
        for name in ("Data", "Annotations"):
            (kaggle / "ILSVRC" / name).rename(kaggle / name)
    dataset = make(kaggle)
    assert dataset.classes == NAMES
    assert dataset.has_masks
    assert tools.labels(dataset, dataset.test) == {
        f"{stem(n)}.JPEG": name for n, name in LABELS.items()
    }
    images = kaggle / below / "Data" / "CLS-LOC" / "val"
    for number, boxes in BOXES.items():
        sample = tools.sample(dataset.test, f"{stem(number)}.JPEG")
        expected = tools.box_mask([("", *box) for box in boxes])
        np.testing.assert_array_equal(sample.mask, expected, strict=True)
        with Image.open(images / sample.id) as image:
            np.testing.assert_array_equal(np.asarray(sample.image), np.asarray(image))
        assert sample.caption is None


def test_training_images_have_masks_where_there_are_boxes(tools: Any, kaggle: Path) -> None:
    dataset = make(kaggle)
    assert dataset.train is not None
    assert len(dataset.train) == 10
    outlined = tools.sample(dataset.train, "n01440764/n01440764_7.JPEG")
    # Its annotator saw it at twice the size.
    np.testing.assert_array_equal(outlined.mask, tools.box_mask([("", 5, 5, 14, 9)]), strict=True)
    assert tools.sample(dataset.train, "n01440764/n01440764_12.JPEG").mask is None
    assert tools.labels(dataset, dataset.train)["n03710721/n03710721_7.JPEG"] == "tank suit"


def test_one_folder_for_each_class(tools: Any, folders: Path, kaggle: Path) -> None:
    mapping = kaggle / "LOC_synset_mapping.txt"
    dataset = make(folders, annotations=folders / "boxes", synsets=mapping)
    assert dataset.classes == NAMES
    assert dataset.train is None
    ids = tools.ids(dataset.test)
    assert ids == sorted(ids)
    assert f"n03710721/{stem(3)}.JPEG" in ids
    reference = make(kaggle)
    for number in LABELS:
        sample = next(
            tools.sample(dataset.test, name) for name in ids if name.endswith(f"{number}.JPEG")
        )
        other = tools.sample(reference.test, f"{stem(number)}.JPEG")
        assert sample.label == other.label
        np.testing.assert_array_equal(sample.mask, other.mask)


def test_without_annotations_there_are_no_masks(tools: Any, folders: Path, tmp_path: Path) -> None:
    names = tmp_path / "names.txt"
    names.write_text("a\nb\nc\n\nd\ne\n")
    dataset = make(folders, class_names=names)
    assert dataset.classes == ("a", "b", "c", "d", "e")
    assert not dataset.has_masks
    assert tools.sample(dataset.test, f"n01440764/{stem(2)}.JPEG").mask is None


def test_published_names(kaggle: Path) -> None:
    matched, published = make(kaggle), make(kaggle, protocol="aaai25")
    assert published.classes == PUBLISHED
    assert published.train is not None
    assert matched.train is not None
    assert published.train.identity == matched.train.identity, "the samples are the same"
    assert " resize=256 crop=224 " in published.test.identity
    assert "resize" not in matched.test.identity


def test_published_images_are_resized_and_cropped_for_testing_alone(
    tools: Any, kaggle: Path
) -> None:
    dataset = make(kaggle, protocol="aaai25")
    sample = tools.sample(dataset.test, f"{stem(2)}.JPEG")
    with Image.open(kaggle / "ILSVRC/Data/CLS-LOC/val" / sample.id) as image:
        np.testing.assert_array_equal(np.asarray(sample.image), tools.show(image, 256))
    assert sample.mask.shape == (224, 224)
    trained = tools.sample(dataset.train, "n01440764/n01440764_7.JPEG")
    assert trained.image.size == (50, 40)
    np.testing.assert_array_equal(trained.mask, tools.box_mask([("", 5, 5, 14, 9)]), strict=True)


@pytest.mark.parametrize("number", range(9))
def test_published_masks_are_those_of_the_published_loader(tools: Any, number: int) -> None:
    case = json.loads((tools.golden / "masks_golden.json").read_text())["imagenet"][number]
    words = case["prediction_string"].split()
    boxes = [Box(words[at], *map(int, words[at + 1 : at + 5])) for at in range(0, len(words), 5)]
    mask = draw_published_boxes(boxes, tuple(case["size_hw"]), View(256))
    published = np.load(tools.golden / "masks_golden.npz")[f"in_mask_{number}"] == 1
    np.testing.assert_array_equal(mask, published, strict=True)
    assert mask.sum() == case["mask_pixels"]


def test_broken_files_are_skipped_with_the_reason(tools: Any, kaggle: Path) -> None:
    base = kaggle / "ILSVRC"
    whole = (base / "Data/CLS-LOC/val" / f"{stem(1)}.JPEG").read_bytes()
    (base / "Data/CLS-LOC/val" / f"{stem(1)}.JPEG").write_bytes(whole[: len(whole) // 2])
    (base / "Data/CLS-LOC/val" / f"{stem(2)}.JPEG").write_bytes(b"no image")
    (base / "Annotations/CLS-LOC/val" / f"{stem(3)}.xml").write_text("<annotation>")
    (base / "Annotations/CLS-LOC/val" / f"{stem(4)}.xml").unlink()
    dataset = make(kaggle)
    reasons = tools.skipped(dataset.test)
    assert set(reasons) == {f"{stem(n)}.JPEG" for n in (1, 2, 3)}
    assert "truncated" in reasons[f"{stem(1)}.JPEG"]
    assert "cannot identify" in reasons[f"{stem(2)}.JPEG"]
    assert "no element found" in reasons[f"{stem(3)}.JPEG"]
    assert tools.sample(dataset.test, f"{stem(4)}.JPEG").mask is None, "unknown, not unreadable"


def test_a_file_that_goes_away_is_skipped(tools: Any, kaggle: Path) -> None:
    dataset = make(kaggle)
    assert len(dataset.test) == 5
    (kaggle / "ILSVRC/Data/CLS-LOC/val" / f"{stem(1)}.JPEG").unlink()
    assert "FileNotFoundError" in tools.skipped(dataset.test)[f"{stem(1)}.JPEG"]


def test_identity_tells_a_changed_listing(tools: Any, kaggle: Path) -> None:
    before = make(kaggle)
    assert before.train is not None
    tools.draw(kaggle / "ILSVRC/Data/CLS-LOC/train/n02012849/n02012849_99.JPEG")
    more_images = make(kaggle)
    assert more_images.train is not None
    assert more_images.test.identity == before.test.identity
    assert more_images.train.identity != before.train.identity
    (kaggle / "ILSVRC/Annotations/CLS-LOC/val" / f"{stem(4)}.xml").unlink()
    mask_less = make(kaggle).test.identity
    solution = kaggle / "LOC_val_solution.csv"
    solution.write_text(
        solution.read_text().replace(f"{stem(4)},n03126707", f"{stem(4)},n02012849")
    )
    relabelled = make(kaggle).test.identity
    assert len({before.test.identity, mask_less, relabelled}) == 3


def test_constructing_opens_no_image(kaggle: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object, **more: object) -> None:
        raise AssertionError("an image was opened")

    monkeypatch.setattr(Image, "open", refuse)
    dataset = make(kaggle)
    assert dataset.train is not None
    assert (len(dataset.test), len(dataset.train)) == (5, 10)
    assert dataset.test.identity != dataset.train.identity


@pytest.mark.parametrize(
    ("gone", "named"),
    [
        ("LOC_synset_mapping.txt", "no such file: {root}/LOC_synset_mapping.txt"),
        ("LOC_val_solution.csv", "no such file: {root}/LOC_val_solution.csv"),
        ("ILSVRC/Data/CLS-LOC/val", "no such folder: {root}/ILSVRC/Data/CLS-LOC/val"),
        ("ILSVRC/Annotations/CLS-LOC/val", "{root}/ILSVRC/Annotations/CLS-LOC/val"),
        ("ILSVRC/Data", "no such folder: {root}/val or {root}/Data/CLS-LOC"),
        (".", "no such folder: {root};"),
    ],
)
def test_what_is_missing_is_named_with_the_layout(kaggle: Path, gone: str, named: str) -> None:
    (kaggle / gone).rename(kaggle.parent / "gone")
    with pytest.raises(RatevalError) as raised:
        make(kaggle)
    message = str(raised.value)
    assert message.startswith("imagenet: ")
    assert named.format(root=kaggle) in message
    assert "its folder must hold Data/CLS-LOC/val" in message
    assert "get them from kaggle.com" in message


def test_lists_that_do_not_fit_are_refused(folders: Path, kaggle: Path, tmp_path: Path) -> None:
    names = tmp_path / "names.txt"
    names.write_text("a\nb\n")
    with pytest.raises(RatevalError, match="names 2 classes of 5: it needs one line for each"):
        make(folders, class_names=names)
    names.write_text("a\nb\nc\nd\na\n")
    with pytest.raises(RatevalError, match="class names occur twice: a;"):
        make(folders, class_names=names)
    with pytest.raises(RatevalError, match="the classes have no names: give synsets"):
        make(folders)
    names.write_text("n01440764\n")
    with pytest.raises(RatevalError, match='the line "n01440764" is not "wnid name, …"'):
        make(folders, synsets=names)
    (folders / "val" / "cats").mkdir()
    with pytest.raises(RatevalError, match="folders that are no class: cats"):
        make(folders, synsets=kaggle / "LOC_synset_mapping.txt")
    tsv = kaggle / "LOC_val_solution.csv"
    tsv.write_text("\n".join(tsv.read_text().splitlines()[:-1]))
    with pytest.raises(RatevalError, match=f"lacks the labels of {stem(1)}"):
        make(kaggle)


def test_conformance(kaggle: Path, folders: Path) -> None:
    check_component(COMPONENT, "dataset", root=kaggle)
    check_component(
        COMPONENT,
        "dataset",
        root=folders,
        annotations=folders / "boxes",
        synsets=kaggle / "LOC_synset_mapping.txt",
    )
