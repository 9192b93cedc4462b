"""The dataset's splits: sizes, classes, identities and samples."""

from __future__ import annotations

import importlib

import numpy as np
import pytest
from pydantic import ValidationError

from rateval.api import Context, Dataset, Sample, Split
from rateval_shapes.dataset import ShapesSplit, make_shapes
from rateval_shapes.objects import TASK_OBJECTS
from rateval_shapes.params import ShapesParams
from rateval_shapes.plugin import rateval_register_datasets
from rateval_shapes.streams import Stream


def shapes(params: ShapesParams | None = None, seed: int = 0) -> Dataset:
    return make_shapes(params or ShapesParams(), Context(seed=seed))


def training(dataset: Dataset) -> Split:
    assert dataset.train is not None
    return dataset.train


def content(sample: object) -> tuple[object, ...]:
    assert isinstance(sample, Sample)
    assert sample.mask is not None
    pixels = sample.image.tobytes()
    return sample.id, pixels, sample.label, sample.mask.tobytes(), sample.caption


def test_sample_holds_an_image_its_mask_label_and_caption() -> None:
    dataset = shapes()
    (sample,) = dataset.test.samples([17])
    assert isinstance(sample, Sample)
    assert sample.id == "test-000017"
    assert (sample.image.mode, sample.image.size) == ("RGB", (64, 64))
    assert sample.mask is not None
    assert sample.mask.shape == (64, 64)
    assert sample.mask.dtype == np.bool_
    assert dataset.classes[sample.label] == "flower"
    assert sample.caption


def test_defaults_offer_ten_classes_and_two_splits() -> None:
    dataset = shapes()
    assert dataset.classes == TASK_OBJECTS
    assert dataset.has_masks
    assert (len(training(dataset)), len(dataset.test)) == (1000, 600)
    labels = [s.label for s in dataset.test.samples(range(600)) if isinstance(s, Sample)]
    assert np.bincount(labels).tolist() == [60] * 10


def test_sample_depends_on_neither_batch_nor_order_nor_size() -> None:
    small, large = (shapes(ShapesParams(test_size=n)).test for n in (100, 4000))
    together = [content(s) for s in small.samples(range(100))]
    backwards = [content(s) for s in large.samples(range(99, -1, -1))]
    alone = [content(s) for i in (0, 31, 32, 99) for s in large.samples([i])]
    assert backwards[::-1] == together
    assert alone == [together[i] for i in (0, 31, 32, 99)]
    assert [content(s) for s in small.samples(np.array([7, 7], dtype=np.int32).tolist())] == [
        together[7]
    ] * 2


def test_splits_and_seeds_share_no_scene() -> None:
    first, second = shapes(), shapes(seed=1)
    splits = (training(first), first.test, training(second), second.test)
    images = {content(s)[1] for split in splits for s in split.samples(range(50))}
    assert len(images) == 200


def test_identity_tells_what_the_samples_depend_on_and_nothing_else() -> None:
    biased, unbiased = shapes(), shapes(ShapesParams(test_bias=0.0))
    assert training(biased).identity == training(unbiased).identity
    assert biased.test.identity != unbiased.test.identity
    other_train = shapes(ShapesParams(train_bias=0.5, train_size=10))
    assert other_train.test.identity == biased.test.identity
    changed = [
        ShapesSplit(Stream.TEST, 600, 0.9, "hard", 0),
        ShapesSplit(Stream.TRAIN, 600, 0.9, "hard", 0),
        ShapesSplit(Stream.TEST, 601, 0.9, "hard", 0),
        ShapesSplit(Stream.TEST, 600, 0.8, "hard", 0),
        ShapesSplit(Stream.TEST, 600, 0.9, "clean", 0),
        ShapesSplit(Stream.TEST, 600, 0.9, "hard", 1),
    ]
    assert len({split.identity for split in changed}) == len(changed)
    assert changed[0].identity == biased.test.identity


def test_identity_holds_the_version_of_the_drawing(monkeypatch: pytest.MonkeyPatch) -> None:
    before = shapes().test.identity
    monkeypatch.setattr("rateval_shapes.dataset.RECIPE", "another")
    assert shapes().test.identity != before


def test_own_seed_goes_before_the_studys() -> None:
    own = shapes(ShapesParams(seed=5), seed=1)
    assert own.test.identity == shapes(seed=5).test.identity
    assert own.test.identity != shapes(seed=1).test.identity
    assert content(own.test.samples([3])[0]) == content(shapes(seed=5).test.samples([3])[0])


def test_no_indices_give_no_samples() -> None:
    assert list(shapes().test.samples([])) == []


@pytest.mark.parametrize("index", [-1, 600, 10**9])
def test_index_outside_of_the_split_is_refused(index: int) -> None:
    with pytest.raises(IndexError, match="600 scenes"):
        shapes().test.samples([0, index])


def test_training_split_may_be_left_out() -> None:
    assert shapes(ShapesParams(train_size=0)).train is None


@pytest.mark.parametrize(
    "wrong",
    [
        {"train_bias": -0.1},
        {"test_bias": 1.01},
        {"train_size": -1},
        {"test_size": 0},
        {"style": "soft"},
        {"seed": -1},
        {"seed": 2**63},
        {"bias": 0.5},
    ],
)
def test_params_out_of_bounds_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        ShapesParams.model_validate(wrong)


def test_every_param_is_described() -> None:
    assert all(field.description for field in ShapesParams.model_fields.values())


def test_component_names_what_exists() -> None:
    (component,) = [one for one in rateval_register_datasets() if one.name == "shapes"]
    found = []
    for reference in (component.factory, component.params):
        module, _, attribute = reference.partition(":")
        found.append(getattr(importlib.import_module(module), attribute))
    assert found == [make_shapes, ShapesParams]
    assert component.name == "shapes"
    assert component.seeded
