"""Flickr30k Entities."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rateval.api import Context, RatevalError
from rateval.api.tasks.texts import Asked
from rateval.testing import check_component
from rateval_datasets.captions.flickr30k import make_flickr30k_entities
from rateval_datasets.captions.params import Flickr30kEntitiesParams
from rateval_datasets.captions.split import CaptionDataset
from rateval_datasets.plugin import rateval_register_datasets

(COMPONENT,) = [c for c in rateval_register_datasets() if c.name == "flickr30k-entities"]


def make(root: Path, least: int = 1, **params: Any) -> CaptionDataset:
    given = Flickr30kEntitiesParams(root=root, least=least, **params)
    return make_flickr30k_entities(given, Context())


def test_classes_are_the_nouns_of_enough_phrases(flickr: Path) -> None:
    dataset = make(flickr)
    assert dataset.classes == ("ball", "dog", "guy", "man", "shirt", "street")
    assert dict(zip(dataset.classes, dataset.wordings, strict=True)) == {
        "ball": ("ball",),
        "dog": ("dog", "dogs"),
        "guy": ("guy", "guys"),
        "man": ("man", "men"),
        "shirt": ("shirt", "shirts"),
        "street": ("street",),
    }
    assert make(flickr, least=2).classes == ("dog", "man", "street")
    assert make(flickr, least=3).classes == ("man",)


def test_captions_are_without_marks(tools: Any, flickr: Path) -> None:
    dataset = make(flickr)
    sample = tools.sample(dataset.test, "101")
    assert sample.asked == Asked(
        "",
        (
            "Two young men in black shirts play on it .",
            "A group of guys near a street .",
            "The taller man has a ball .",
        ),
    )
    assert dataset.train is not None
    trained = tools.sample(dataset.train, "201")
    assert trained.asked == Asked("", ("A man and a cat .",))
    assert [dataset.classes[one.label] for one in trained.depicted] == ["man"], "cat is no class"


def test_masks_are_the_boxes_of_all_chains_that_phrases_of_a_noun_have(
    tools: Any, flickr: Path
) -> None:
    dataset = make(flickr)
    sample = tools.sample(dataset.test, "101")
    masks = {dataset.classes[one.label]: one.mask for one in sample.depicted}
    first, second, shirts = (np.zeros((40, 50), dtype=np.bool_) for _ in range(3))
    first[4:30, 2:12] = True  # corners count from 1, and are pixels of the box
    second[4:33, 19:31] = True
    shirts[11:20, 3:11] = True
    np.testing.assert_array_equal(masks["man"], first | second, strict=True)
    np.testing.assert_array_equal(masks["guy"], first | second, strict=True)
    np.testing.assert_array_equal(masks["shirt"], shirts, strict=True)
    assert masks["street"] is None, "a scene"
    assert masks["ball"] is None, "nowhere to be seen"
    np.testing.assert_array_equal(sample.mask, first | second, strict=True)


def test_a_photo_without_boxes_shows_what_nobody_said_where(tools: Any, flickr: Path) -> None:
    dataset = make(flickr)
    (man,) = tools.sample(dataset.test, "103").depicted
    assert (dataset.classes[man.label], man.mask) == ("man", None)
    assert tools.sample(dataset.test, "104").depicted == ()
    assert dataset.notes == (
        "1 of 4 test photos have no XML of boxes: 103",
        "1 of 4 test photos show no class, as far as they are annotated",
    )
    assert dataset.has_masks


def test_val_and_photos_elsewhere(tools: Any, flickr: Path, tmp_path: Path) -> None:
    (flickr / "flickr30k-images").rename(tmp_path / "photos")
    dataset = make(flickr, part="val", images=tmp_path / "photos", train=False)
    assert dataset.classes == ("cat", "man")
    assert tools.ids(dataset.test) == ["201"]
    assert dataset.train is None


def test_what_is_at_fault_is_skipped(tools: Any, flickr: Path) -> None:
    (flickr / "flickr30k-images" / "104.jpg").unlink()
    (flickr / "Sentences" / "103.txt").unlink()
    (flickr / "Sentences" / "102.txt").write_text("[/EN#11/animals A dog runs .\n")
    path = flickr / "Annotations" / "101.xml"
    path.write_text(path.read_text().replace("<xmax>12</xmax>", "<xmax>2</xmax>"))
    skipped = tools.skipped(_test(flickr))
    assert skipped["101"].startswith("unreadable evidence: a box ends before it begins")
    assert skipped["102"].startswith("unreadable captions: a phrase that begins with [/EN#11/")
    assert skipped["103"] == "no captions: 103.txt is not in Sentences"
    assert skipped["104"].startswith("unreadable image: FileNotFoundError")


def _test(root: Path) -> Any:
    """Return the test split, of which a further photo keeps a class."""
    (root / "test.txt").write_text("101\n102\n103\n104\n201\n")
    return make(root).test


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("<!DOCTYPE annotation []><annotation/>", "declares a document type"),
        ("<annotation><size>", "ParseError"),
        ("<other/>", "an annotation begins with <annotation>, not with <other>"),
        ("<annotation/>", "the annotation lacks size/height"),
        (
            "<annotation><size><width>0</width><height>9</height></size></annotation>",
            "a size of 0 x 9 pixels",
        ),
        (
            "<annotation><size><width>9</width><height>9</height></size><object/></annotation>",
            "has no name, the number of its chain",
        ),
    ],
)
def test_xml_that_is_none_is_refused_with_its_photo(
    tools: Any, flickr: Path, text: str, why: str
) -> None:
    (flickr / "Annotations" / "102.xml").write_text(text)
    assert why in tools.skipped(_test(flickr))["102"]


def test_boxes_of_another_photo_are_skipped(tools: Any, flickr: Path) -> None:
    path = flickr / "Annotations" / "102.xml"
    path.write_text(path.read_text().replace("<width>50</width>", "<width>90</width>"))
    assert "the annotation has 90 x 40 pixels" in tools.skipped(make(flickr).test)["102"]


def test_lists_that_are_none_are_refused(tools: Any, flickr: Path) -> None:
    path = flickr / "test.txt"
    for text, message in (
        ("", "test.txt: lists no photo"),
        ("101\n101\n", "test.txt:2: 101 stands there twice"),
        ("../101\n", "test.txt:1: ../101 is no id of a photo"),
        ("7" * 300, f"test.txt:1: {'7' * 40} is no id of a photo"),
    ):
        path.write_text(text)
        assert message in tools.refusal(lambda: make(flickr))


def test_too_few_phrases_are_refused(tools: Any, flickr: Path) -> None:
    why = tools.refusal(lambda: make(flickr, least=10))
    assert "least = 10: no noun is what so many phrases of test.txt are about; lower it" in why


@pytest.mark.parametrize("gone", ["Annotations", "Sentences", "test.txt", "flickr30k-images"])
def test_missing_parts_are_named(flickr: Path, gone: str) -> None:
    (flickr / gone).rename(flickr / "gone")
    with pytest.raises(RatevalError, match=f"flickr30k-entities: no such .*{gone}"):
        make(flickr)


def test_a_folder_too_deep_is_named(flickr: Path) -> None:
    with pytest.raises(RatevalError, match="give the folder above"):
        make(flickr / "Sentences")


def test_conformance(flickr: Path) -> None:
    check_component(COMPONENT, "dataset", root=flickr, least=1)
