"""ImageNet-C, whose boxes go through the crop that its images went through."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
from PIL import Image
from pydantic import ValidationError

import rateval
from rateval.api import Context, Dataset, RatevalError
from rateval.testing import check_component
from rateval_datasets.plugin import rateval_register_datasets
from rateval_datasets.public.imagenet import make_imagenet
from rateval_datasets.public.imagenet_c import crop_boxes, make_imagenet_c
from rateval_datasets.public.params import ImageNetCParams, ImageNetParams

(COMPONENT,) = [c for c in rateval_register_datasets() if c.name == "imagenet-c"]
SIZES = [(375, 500), (500, 333), (256, 256), (224, 2000), (257, 301), (1000, 999)]


@pytest.fixture
def params(imagenet_c: Path, folders: Path, kaggle: Path) -> dict[str, Any]:
    return {
        "root": imagenet_c,
        "corruption": "fog",
        "severity": 3,
        "annotations": folders / "boxes",
        "synsets": kaggle / "LOC_synset_mapping.txt",
    }


def make(params: dict[str, Any]) -> Dataset:
    return make_imagenet_c(ImageNetCParams(**params), Context())


def crop(mask: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Resize and crop with torchvision, by which ImageNet-C was made."""
    from torchvision.transforms import CenterCrop, InterpolationMode, Resize

    picture = Image.fromarray(mask.astype(np.uint8) * np.uint8(255))
    resized = Resize(256, interpolation=InterpolationMode.NEAREST)(picture)
    return np.asarray(CenterCrop(224)(resized)) > 0


@pytest.mark.parametrize("size", SIZES)
def test_boxes_go_through_resize_and_crop(
    tools: Any, tmp_path: Path, size: tuple[int, int]
) -> None:
    rows, columns = size
    boxes = [
        ("n1", columns // 3, rows // 4, columns // 3 + 70, rows // 4 + 99),
        ("n1", columns - 140, rows - 120, columns + 5, rows + 5),
        ("n2", 0, 0, columns, rows),
    ]
    path = tools.annotate(tmp_path / "a.xml", boxes, size)
    whole = np.zeros(size, dtype=np.bool_)
    for _, x1, y1, x2, y2 in boxes[:2]:
        whole[y1 : y2 + 1, x1 : x2 + 1] = True
    np.testing.assert_array_equal(crop_boxes(path, "n1"), crop(whole), strict=True)


def grow(mask: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Add every pixel that touches the mask, by a side or a corner."""
    wide = np.pad(mask, 1)
    rows, columns = mask.shape
    shifts = [(down, right) for down in range(3) for right in range(3)]
    grown = np.zeros_like(mask)
    for y, x in shifts:
        grown |= wide[y : y + rows, x : x + columns]
    return grown


@pytest.mark.parametrize("number", range(9))
def test_published_masks_differ_by_a_pixel_along_their_rims(
    tools: Any, tmp_path: Path, number: int
) -> None:
    """The published code rounds the corners of boxes after the crop, down to whole pixels."""
    case = json.loads((tools.golden / "masks_golden.json").read_text())["imagenet"][number]
    words = case["prediction_string"].split()
    boxes = [(words[at], *map(int, words[at + 1 : at + 5])) for at in range(0, len(words), 5)]
    path = tools.annotate(tmp_path / "a.xml", boxes, tuple(case["size_hw"]))
    ours = crop_boxes(path, words[0])
    published = np.load(tools.golden / "masks_golden.npz")[f"in_mask_{number}"] == 1
    assert published.sum() == case["mask_pixels"]
    assert not (ours & ~grow(published)).any()
    assert not (published & ~grow(ours)).any()
    assert abs(int(ours.sum()) - int(published.sum())) <= 900
    rounded = crop_boxes(path, words[0], published=True)
    np.testing.assert_array_equal(rounded, published, strict=True)


def test_reads_one_corruption_and_severity(tools: Any, params: dict[str, Any]) -> None:
    dataset = make(params)
    assert dataset.train is None
    assert dataset.has_masks
    assert dataset.classes[1] == "crane bird"
    assert len(dataset.test) == 5
    sample = tools.sample(dataset.test, "n01440764/ILSVRC2012_val_00000002.JPEG")
    whole = tools.box_mask([("", 0, 0, 9, 9), ("", 5, 5, 49, 12)])
    np.testing.assert_array_equal(sample.mask, crop(whole), strict=True)
    assert dataset.test.identity.startswith("imagenet-c corruption=fog severity=3 ")


def test_what_does_not_fit_is_skipped(
    tools: Any, params: dict[str, Any], imagenet_c: Path, folders: Path
) -> None:
    tools.draw(imagenet_c / "fog/3/n01440764/ILSVRC2012_val_00000002.JPEG", (40, 50))
    tools.annotate(
        folders / "boxes/val/ILSVRC2012_val_00000001.xml", [("n02012849", 1, 1, 2, 2)], None
    )
    reasons = tools.skipped(make(params).test)
    assert len(reasons) == 2
    assert "224 x 224" in reasons["n01440764/ILSVRC2012_val_00000002.JPEG"]
    assert "size of the original" in reasons["n02012849/ILSVRC2012_val_00000001.JPEG"]


def test_without_annotations_there_are_no_masks(tools: Any, params: dict[str, Any]) -> None:
    dataset = make(params | {"annotations": None})
    assert not dataset.has_masks
    assert tools.skipped(dataset.test) == {}


@pytest.mark.parametrize("protocol", ["matched", "aaai25"])
def test_imagenet_is_the_training_split(
    imagenet_c: Path, kaggle: Path, protocol: Literal["matched", "aaai25"]
) -> None:
    corrupted = make(
        {
            "root": imagenet_c,
            "corruption": "fog",
            "severity": 3,
            "imagenet": kaggle,
            "protocol": protocol,
        }
    )
    original = make_imagenet(ImageNetParams(root=kaggle, protocol=protocol), Context())
    assert corrupted.classes == original.classes
    assert corrupted.train is not None
    assert original.train is not None
    assert len(corrupted.train) == 10
    assert corrupted.train.identity == original.train.identity
    assert corrupted.has_masks, "its annotations are those of the training split's folder"
    assert "resize" not in corrupted.test.identity, "224 pixels stay 224 pixels"


def test_a_study_trains_once_for_both(imagenet_c: Path, kaggle: Path, tmp_path: Path) -> None:
    record = rateval.run(
        {
            "study": {"name": "shared"},
            "dataset": [
                {"use": "imagenet", "root": str(kaggle)},
                {
                    "use": "imagenet-c",
                    "root": str(imagenet_c),
                    "corruption": "fog",
                    "severity": 3,
                    "imagenet": str(kaggle),
                },
            ],
            "model": [{"use": "clip"}],
            "finetune": [{"use": "lp", "epochs": 1}],
        },
        device="cpu",
        output=str(tmp_path / "runs"),
    )
    assert len(record.cells) == 2
    assert len({cell.classifier for cell in record.cells}) == 1
    assert [stage.stage for stage in record.stages].count("finetune") == 1


def test_an_imagenet_without_training_images(
    imagenet_c: Path, folders: Path, params: dict[str, Any]
) -> None:
    assert make(params | {"imagenet": folders}).train is None
    with pytest.raises(RatevalError, match=r"imagenet: no such folder: .*/imagenet-c/val"):
        make(params | {"imagenet": imagenet_c})


def test_published_names(params: dict[str, Any]) -> None:
    published = make(params | {"protocol": "aaai25"})
    assert published.classes[1:3] == ("crane", "crane")
    assert published.test.identity != make(params).test.identity, "corners of boxes are rounded"


def test_missing_folders_are_named(params: dict[str, Any], imagenet_c: Path) -> None:
    with pytest.raises(RatevalError, match=r"imagenet-c: no such folder: .*/snow/3; its folder"):
        make(params | {"corruption": "snow"})
    with pytest.raises(RatevalError, match=r"no such folder: .*/fog/1; .*zenodo"):
        make(params | {"severity": 1})
    with pytest.raises(RatevalError, match=r"no such folder: .*/imagenet-c/val"):
        make(params | {"annotations": imagenet_c})


def test_wrong_corruptions_and_severities_are_refused(params: dict[str, Any]) -> None:
    for wrong in ({"corruption": "rain"}, {"severity": 0}, {"severity": 6}):
        with pytest.raises(ValidationError):
            ImageNetCParams(**params | wrong)


def test_conformance(params: dict[str, Any]) -> None:
    check_component(COMPONENT, "dataset", **params)
