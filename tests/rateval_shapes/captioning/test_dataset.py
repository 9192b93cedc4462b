"""The dataset of captioned drawn scenes."""

from __future__ import annotations

import importlib
from collections import Counter

import numpy as np
import pytest
from pydantic import ValidationError

from rateval.api import Context, Sample, Skipped
from rateval.testing import check_component
from rateval_shapes.captioning.dataset import (
    CaptionsDataset,
    CaptionsSplit,
    make_shapes_captions,
)
from rateval_shapes.captioning.params import ShapesCaptionsParams
from rateval_shapes.objects import OBJECTS
from rateval_shapes.plugin import rateval_register_datasets
from rateval_shapes.streams import Stream

(COMPONENT,) = [c for c in rateval_register_datasets() if c.name == "shapes-captions"]


def make(seed: int = 0, **params: object) -> CaptionsDataset:
    return make_shapes_captions(ShapesCaptionsParams.model_validate(params), Context(seed=seed))


def read(dataset: CaptionsDataset, count: int = 300, *, train: bool = False) -> list[Sample]:
    split = dataset.train if train else dataset.test
    assert split is not None
    found = [one for one in split.samples(range(count)) if isinstance(one, Sample)]
    assert len(found) == count
    return found


def content(sample: Sample | Skipped) -> tuple[object, ...]:
    assert isinstance(sample, Sample)
    shown = []
    for one in sample.depicted:
        assert one.mask is not None
        shown.append((one.label, one.mask.tobytes()))
    return sample.id, sample.image.tobytes(), sample.label, sample.asked, tuple(shown)


def test_captions_name_all_that_stands_there_row_by_row() -> None:
    dataset = make()
    for sample in read(dataset):
        assert sample.asked is not None
        assert sample.asked.question == ""
        named, bare, called = (text.replace(",", "").split() for text in sample.asked.answers)
        kinds = [word for word in named if word in OBJECTS]
        assert kinds == [OBJECTS[one.label] for one in sample.depicted]
        assert [word for word in bare if word in OBJECTS] == kinds
        for one in sample.depicted:
            assert any(wording in " ".join(called) for wording in dataset.wordings[one.label])
        assert 2 <= len(kinds) == len({*kinds}) <= 4
        centres = []
        for one in sample.depicted:
            assert one.mask is not None
            rows, columns = np.nonzero(one.mask)
            centres.append((rows.mean() > 32, columns.mean() > 32))
        assert centres == sorted(centres), "row by row, from left to right"


def test_masks_are_of_one_object_each_and_apart() -> None:
    for sample in read(make(style="clean"), 100):
        masks = [one.mask for one in sample.depicted]
        assert all(mask is not None and mask.shape == (64, 64) and mask.any() for mask in masks)
        together = np.sum([mask for mask in masks if mask is not None], axis=0)
        assert together.max() == 1
        assert sample.mask is not None
        np.testing.assert_array_equal(sample.mask, together > 0)


def test_a_mask_is_where_its_object_was_drawn() -> None:
    """Colours under a mask are the named one and its shade, in a clean scene."""
    hues = {"red": (208, 34, 40), "blue": (38, 84, 204), "green": (40, 150, 62)}
    seen = 0
    for sample in read(make(style="clean"), 60):
        assert sample.asked is not None
        words = sample.asked.answers[0].replace(",", "").split()
        pixels = np.asarray(sample.image, np.float64)
        for one in sample.depicted:
            hue = hues.get(words[words.index(OBJECTS[one.label]) - 1])
            if hue is None or one.mask is None:
                continue
            mean = pixels[one.mask].mean(axis=0)
            cosine = mean @ np.array(hue) / np.linalg.norm(mean) / np.linalg.norm(hue)
            assert cosine > 0.95
            seen += 1
    assert seen > 20


@pytest.mark.parametrize(("bias", "share"), [(0.0, 3 / 14), (0.9, 0.9 + 0.1 * 3 / 14), (1.0, 1.0)])
def test_bias_is_how_often_the_object_of_the_background_is_there(bias: float, share: float) -> None:
    dataset = make(test_bias=bias, test_size=3000)
    assert isinstance(dataset.test, CaptionsSplit)
    plans = dataset.test._plan(range(3000))
    there = np.mean([plan.background in {thing.kind for thing in plan.things} for plan in plans])
    assert there == pytest.approx(share, abs=4 * np.sqrt(share * (1 - share) / 3000) + 1e-9)
    assert set(Counter(plan.background for plan in plans).values()) == {300}


def test_split_lists_ids_and_labels_without_drawing() -> None:
    dataset = make(train_size=50, test_size=70)
    for split in (dataset.train, dataset.test):
        assert isinstance(split, CaptionsSplit)
        samples = split.samples(range(len(split)))
        assert split.ids == [sample.id for sample in samples]
        assert split.labels == [sample.label for sample in samples]
    assert dataset.has_masks
    assert dataset.classes == OBJECTS
    assert all(names[0] == name for names, name in zip(dataset.wordings, OBJECTS, strict=True))
    every = [word for names in dataset.wordings for word in names]
    assert len(every) == len({*every}), "no word is of two classes"


def test_sample_depends_on_neither_batch_nor_order_nor_size() -> None:
    small, large = (make(test_size=n).test for n in (99, 4000))
    together = [content(s) for s in small.samples(range(99))]
    backwards = [content(s) for s in large.samples(range(98, -1, -1))]
    assert backwards[::-1] == together
    assert [content(s) for i in (0, 31, 98) for s in large.samples([i])] == [
        together[i] for i in (0, 31, 98)
    ]


def test_splits_and_seeds_share_no_scene() -> None:
    splits = [split for seed in (0, 1) for split in (make(seed).train, make(seed).test)]
    images = {
        sample.image.tobytes()
        for split in splits
        if split is not None
        for sample in split.samples(range(50))
        if isinstance(sample, Sample)
    }
    assert len(images) == 200


def test_identity_tells_what_the_samples_depend_on(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = Stream.TEST_CAPTIONS
    changed = [
        CaptionsSplit(stream, 600, 0.0, "hard", 0),
        CaptionsSplit(Stream.TRAIN_CAPTIONS, 600, 0.0, "hard", 0),
        CaptionsSplit(stream, 601, 0.0, "hard", 0),
        CaptionsSplit(stream, 600, 0.9, "hard", 0),
        CaptionsSplit(stream, 600, 0.0, "clean", 0),
        CaptionsSplit(stream, 600, 0.0, "hard", 1),
    ]
    assert len({split.identity for split in changed}) == len(changed)
    assert make().test.identity == changed[0].identity
    monkeypatch.setattr("rateval_shapes.captioning.dataset.RECIPE", "another")
    assert make().test.identity != changed[0].identity


@pytest.mark.parametrize("index", [-1, 600, 10**9])
def test_index_outside_of_the_split_is_refused(index: int) -> None:
    with pytest.raises(IndexError, match="600 scenes"):
        make().test.samples([0, index])


@pytest.mark.parametrize(
    "wrong", [{"train_bias": -0.1}, {"test_bias": 1.01}, {"test_size": 0}, {"style": "x"}]
)
def test_params_out_of_bounds_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        ShapesCaptionsParams.model_validate(wrong)


def test_params_are_described_and_training_may_be_left_out() -> None:
    assert all(field.description for field in ShapesCaptionsParams.model_fields.values())
    assert make(train_size=0).train is None


def test_component_names_what_exists_and_asks_for_captions() -> None:
    found = []
    for reference in (COMPONENT.factory, COMPONENT.params):
        module, _, attribute = reference.partition(":")
        found.append(getattr(importlib.import_module(module), attribute))
    assert found == [make_shapes_captions, ShapesCaptionsParams]
    assert COMPONENT.tasks == ("captioning",)


def test_conformance() -> None:
    check_component(COMPONENT, "dataset", train_size=20, test_size=21)
