"""COCO's captions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rateval.api import Context, RatevalError
from rateval.api.tasks.texts import Asked
from rateval.testing import check_component
from rateval_datasets.captions.coco import make_coco_captions
from rateval_datasets.captions.params import CocoCaptionsParams
from rateval_datasets.captions.split import CaptionDataset
from rateval_datasets.plugin import rateval_register_datasets

(COMPONENT,) = [c for c in rateval_register_datasets() if c.name == "coco-captions"]


def make(root: Path, **params: Any) -> CaptionDataset:
    return make_coco_captions(CocoCaptionsParams(root=root, **params), Context())


def test_captions_are_all_that_people_wrote(tools: Any, coco: Path) -> None:
    dataset = make(coco)
    assert dataset.classes == ("person", "car", "dog", "teddy bear")
    assert list(dataset.test.ids) == ["139", "285", "632", "724"]
    sample = tools.sample(dataset.test, "139")
    told = ("A man walks a dog.", "Two dogs", "a puppy", "A dog and a person", "a walk")
    assert sample.asked == Asked("", told)
    assert tools.skipped(dataset.test) == {"724": "no caption"}
    assert dataset.train is not None
    assert tools.sample(dataset.train, "25").asked == Asked("", ("a teddy bear",))


def test_masks_unite_the_instances_of_a_class(tools: Any, coco: Path) -> None:
    dataset = make(coco)
    sample = tools.sample(dataset.test, "139")
    y, x = np.indices((40, 50)) + 0.5
    dog = (x >= 10) & (y >= 5) & (x + y < 45.5)
    dog[2:8, 2:8] = True
    person = np.zeros((40, 50), dtype=np.bool_)
    person[20:39, 30:49] = True
    assert [dataset.classes[one.label] for one in sample.depicted] == ["person", "dog"]
    np.testing.assert_array_equal(sample.depicted[0].mask, person, strict=True)
    np.testing.assert_array_equal(sample.depicted[1].mask, dog, strict=True)
    np.testing.assert_array_equal(sample.mask, person | dog, strict=True)
    assert dataset.classes[sample.label] == "person"
    assert dataset.has_masks


def test_crowds_belong_to_the_masks_unless_they_are_left_out(tools: Any, coco: Path) -> None:
    (crowd,) = tools.sample(make(coco).test, "285").depicted
    assert crowd.mask[30:38, 2:20].all()
    assert crowd.mask.sum() == 8 * 18
    without = make(coco, crowds=False)
    sample = tools.sample(without.test, "285")
    assert [(one.label, one.mask) for one in sample.depicted] == [(0, None)], "it is still there"
    assert sample.mask is None
    assert without.test.identity != make(coco).test.identity


def test_a_photo_without_an_instance_shows_no_class(tools: Any, coco: Path) -> None:
    dataset = make(coco)
    assert tools.sample(dataset.test, "632").depicted == ()
    assert dataset.notes == ("1 of 4 test photos show no class, as far as they are annotated",)


def test_of_2014_photos_are_called_otherwise(tools: Any, coco: Path, rewrite: Any) -> None:
    for part in ("captions", "instances"):
        path = coco / "annotations" / f"{part}_val2017.json"

        def rename(found: Any) -> None:
            for image in found["images"]:
                image["file_name"] = f"COCO_val2014_{image['file_name']}"

        rewrite(path, rename)
        path.rename(path.with_name(f"{part}_val2014.json"))
    (coco / "images").mkdir()
    (coco / "val2017").rename(coco / "images" / "val2014")
    for path in (coco / "images" / "val2014").iterdir():
        path.rename(path.with_name(f"COCO_val2014_{path.name}"))
    dataset = make(coco, year="2014")
    assert len(tools.sample(dataset.test, "139").depicted) == 2
    assert dataset.train is None, "train2014 is not there"


def test_wordings_are_our_own_or_those_of_a_file(coco: Path, tmp_path: Path) -> None:
    ours = dict(zip(("person", "car", "dog", "teddy bear"), make(coco).wordings, strict=True))
    assert {"person", "man", "women"} <= {*ours["person"]}
    assert ours["dog"][0] == "dog"
    assert "baby dog" in ours["dog"]
    path = tmp_path / "synonyms.txt"
    path.write_text("person, Man, rider\ncar,  suv\n\npuppy, dog\nteddy bear, teddy\n")
    assert make(coco, synonyms=path).wordings == (
        ("person", "man", "rider"),
        ("car", "suv"),
        ("dog", "puppy"),
        ("teddy bear", "teddy"),
    )


def test_training_may_be_left_out(coco: Path) -> None:
    assert make(coco, train=False).train is None
    (coco / "annotations" / "captions_train2017.json").unlink()
    assert make(coco).train is None


def test_identity_holds_captions_and_masks(coco: Path, rewrite: Any) -> None:
    seen = {make(coco).test.identity, make(coco).test.identity}
    assert len(seen) == 1
    captions = coco / "annotations" / "captions_val2017.json"
    rewrite(captions, lambda found: found["annotations"][0].update(caption="A cat."))
    seen.add(make(coco).test.identity)
    instances = coco / "annotations" / "instances_val2017.json"
    rewrite(
        instances, lambda found: found["annotations"][1].update(segmentation=[[0, 0, 9, 0, 9, 9]])
    )
    seen.add(make(coco).test.identity)
    assert len(seen) == 3


def test_what_is_at_fault_is_skipped(tools: Any, coco: Path, rewrite: Any) -> None:
    (coco / "val2017" / "000000000632.jpg").unlink()
    rewrite(
        coco / "annotations" / "instances_val2017.json",
        lambda found: (found["images"].pop(1), found["annotations"].pop(3)),
    )
    rewrite(
        coco / "annotations" / "captions_val2017.json",
        lambda found: found["annotations"][0].update(caption="a \u0007 dog"),
    )
    reasons = tools.skipped(make(coco).test)
    assert reasons["139"] == "unreadable caption: it holds the character U+0007, which is no text"
    assert reasons["285"] == (
        "captions and instances contradict each other: instances_val2017.json lacks this image"
    )
    assert reasons["632"].startswith("unreadable image: FileNotFoundError")


def test_instances_of_another_size_are_skipped(tools: Any, coco: Path, rewrite: Any) -> None:
    path = coco / "annotations" / "instances_val2017.json"
    rewrite(path, lambda found: found["images"][0].update(width=90))
    assert "the annotation has 90 x 40 pixels" in tools.skipped(make(coco).test)["139"]


def test_captions_of_unknown_images_are_told(coco: Path, rewrite: Any) -> None:
    path = coco / "annotations" / "captions_val2017.json"
    rewrite(path, lambda found: found["annotations"][0].update(image_id=7))
    told = "1 captions are of images that captions_val2017.json lacks: 7"
    assert told in make(coco).notes


@pytest.mark.parametrize(
    ("part", "change", "message"),
    [
        (
            "captions",
            lambda c: c["annotations"][1].update(caption=7),
            'annotations[1]: "caption" is 7',
        ),
        ("captions", lambda c: c["annotations"][1].pop("image_id"), '"image_id" is not there'),
        ("captions", lambda c: c["images"][0].update(file_name="../a.jpg"), "no name of a file"),
        ("captions", lambda c: c["images"][1].update(id=139), "the image 139 stands there twice"),
        ("captions", lambda c: c.update(images=[]), "lists no image"),
        ("captions", lambda c: c.pop("annotations"), 'there is no "annotations" in it'),
        ("instances", lambda c: c["annotations"][0].update(category_id=5), "no such category"),
        ("instances", lambda c: c.update(categories=[], annotations=[]), "names no category"),
        ("instances", lambda c: c.pop("images"), 'has no list "images"'),
    ],
)
def test_files_that_are_none_are_refused(
    tools: Any, coco: Path, rewrite: Any, part: str, change: Any, message: str
) -> None:
    path = coco / "annotations" / f"{part}_val2017.json"
    rewrite(path, change)
    why = tools.refusal(lambda: make(coco))
    assert f"{part}_val2017.json" in why
    assert message in why
    assert why.startswith("coco-captions: ")


@pytest.mark.parametrize("part", ["captions", "instances"])
def test_broken_json_is_refused(tools: Any, coco: Path, part: str) -> None:
    path = coco / "annotations" / f"{part}_val2017.json"
    path.write_text(path.read_text()[:-30])
    why = tools.refusal(lambda: make(coco))
    assert f"{part}_val2017.json" in why
    assert "is no JSON" in why


def test_training_files_of_other_categories_are_refused(coco: Path, rewrite: Any) -> None:
    path = coco / "annotations" / "instances_train2017.json"
    rewrite(path, lambda found: found["categories"].append({"id": 99, "name": "unicorn"}))
    with pytest.raises(RatevalError, match="other categories than those that are tested: unicorn"):
        _ = make(coco).train


@pytest.mark.parametrize(
    "gone",
    ["annotations/captions_val2017.json", "annotations/instances_val2017.json", "val2017"],
)
def test_missing_parts_are_named(coco: Path, gone: str) -> None:
    (coco / gone).rename(coco / "gone")
    with pytest.raises(RatevalError, match=f"coco-captions: no such .*{gone}.*cocodataset.org"):
        make(coco)


def test_a_folder_too_deep_is_named(coco: Path) -> None:
    with pytest.raises(RatevalError, match="give the folder above"):
        make(coco / "annotations")


def test_conformance(coco: Path) -> None:
    check_component(COMPONENT, "dataset", root=coco)
