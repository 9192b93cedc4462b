"""The dataset of questions about drawn scenes."""

from __future__ import annotations

import importlib
from collections import Counter

import numpy as np
import pytest
from pydantic import ValidationError

from rateval.api import Context, Sample, Skipped
from rateval.testing import check_component
from rateval_shapes.dataset import ShapesDataset
from rateval_shapes.plugin import rateval_register_datasets
from rateval_shapes.questions.dataset import QuestionsSplit, make_shapes_vqa
from rateval_shapes.questions.params import ShapesVqaParams
from rateval_shapes.questions.words import CLASSES
from rateval_shapes.streams import Stream

(COMPONENT,) = [c for c in rateval_register_datasets() if c.name == "shapes-vqa"]


def make(seed: int = 0, **params: object) -> ShapesDataset:
    return make_shapes_vqa(ShapesVqaParams.model_validate(params), Context(seed=seed))


def content(sample: Sample | Skipped) -> tuple[object, ...]:
    assert isinstance(sample, Sample)
    mask = None if sample.mask is None else sample.mask.tobytes()
    return sample.id, sample.image.tobytes(), sample.label, mask, sample.asked


def test_sample_holds_what_the_protocol_asks_for() -> None:
    dataset = make()
    (sample,) = dataset.test.samples([17])
    assert isinstance(sample, Sample)
    assert sample.id == "test-000008-1"
    assert (sample.image.mode, sample.image.size) == ("RGB", (64, 64))
    assert sample.asked is not None
    assert sample.asked.question.endswith("?")
    assert sample.asked.answers == (dataset.classes[sample.label],)
    assert sample.mask is None or sample.mask.shape == (64, 64)


def test_split_lists_ids_labels_and_groups_without_drawing() -> None:
    dataset = make()
    assert dataset.classes == CLASSES
    assert isinstance(dataset.train, QuestionsSplit)
    for split in (dataset.train, dataset.test):
        assert isinstance(split, QuestionsSplit)
        samples = split.samples(range(len(split)))
        assert split.ids == [sample.id for sample in samples]
        assert split.labels == [sample.label for sample in samples]
        assert list(split.groups) == ["image", "question type"]
        pixels: dict[str, bytes] = {}
        for image, sample in zip(split.groups["image"], samples, strict=True):
            assert sample.id.startswith(f"{image}-")
            assert pixels.setdefault(image, sample.image.tobytes()) == sample.image.tobytes()
        assert len(set(pixels.values())) == len(pixels)
        kinds = Counter(split.groups["question type"])
        assert set(kinds) == {"colour", "presence", "relation", "count"}
        for kind, sample in zip(split.groups["question type"], samples, strict=True):
            first = sample.asked.question.split()[:2] if sample.asked else []
            assert (kind == "colour") == (first == ["what", "colour"])
            assert (kind == "count") == (first == ["how", "many"])
            assert (kind == "presence") == (first == ["is", "there"])


def test_two_questions_are_asked_of_a_test_scene_and_one_of_a_training_scene() -> None:
    dataset = make()
    assert isinstance(dataset.train, QuestionsSplit)
    assert isinstance(dataset.test, QuestionsSplit)
    assert (len(dataset.train), len(dataset.test)) == (1000, 600)
    assert set(Counter(dataset.test.groups["image"]).values()) == {2}
    assert set(Counter(dataset.train.groups["image"]).values()) == {1}
    one = make(per_image=1, test_size=7).test
    assert isinstance(one, QuestionsSplit)
    assert set(Counter(one.groups["image"]).values()) == {1}


def test_some_questions_have_no_region_and_others_always_have() -> None:
    dataset = make()
    for sample in dataset.test.samples(range(600)):
        assert isinstance(sample, Sample)
        assert sample.asked is not None
        nothing = sample.asked.answers == ("0",) or (
            sample.asked.answers == ("no",) and sample.asked.question.startswith("is there")
        )
        assert (sample.mask is None) == nothing
        assert sample.mask is None or sample.mask.any()
    assert dataset.has_masks


def test_sample_depends_on_neither_batch_nor_order_nor_size() -> None:
    small, large = (make(test_size=n).test for n in (99, 4000))
    together = [content(s) for s in small.samples(range(99))]
    backwards = [content(s) for s in large.samples(range(98, -1, -1))]
    assert backwards[::-1] == together
    assert [content(s) for i in (0, 31, 98) for s in large.samples([i])] == [
        together[i] for i in (0, 31, 98)
    ]
    assert [content(s) for s in small.samples(np.array([7, 7], dtype=np.int32).tolist())] == [
        together[7]
    ] * 2


def test_splits_and_seeds_share_no_scene() -> None:
    splits = [split for seed in (0, 1) for split in (make(seed).train, make(seed).test)]
    images = {
        sample.image.tobytes()
        for split in splits
        if split is not None
        for sample in split.samples(range(0, 100, 2))
        if isinstance(sample, Sample)
    }
    assert len(images) == 200


def test_identity_tells_what_the_samples_depend_on(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = Stream.TEST_QUESTIONS
    changed = [
        QuestionsSplit(stream, 600, 2, 0.0, "hard", 0),
        QuestionsSplit(Stream.TRAIN_QUESTIONS, 600, 2, 0.0, "hard", 0),
        QuestionsSplit(stream, 601, 2, 0.0, "hard", 0),
        QuestionsSplit(stream, 600, 1, 0.0, "hard", 0),
        QuestionsSplit(stream, 600, 2, 0.9, "hard", 0),
        QuestionsSplit(stream, 600, 2, 0.0, "clean", 0),
        QuestionsSplit(stream, 600, 2, 0.0, "hard", 1),
    ]
    assert len({split.identity for split in changed}) == len(changed)
    assert make().test.identity == changed[0].identity
    assert make(5).test.identity == make(seed=9, train_bias=0.1).test.identity.replace(
        "seed=9", "seed=5"
    )
    monkeypatch.setattr("rateval_shapes.questions.dataset.RECIPE", "another")
    assert make().test.identity != changed[0].identity


@pytest.mark.parametrize("index", [-1, 600, 10**9])
def test_index_outside_of_the_split_is_refused(index: int) -> None:
    with pytest.raises(IndexError, match="600 questions"):
        make().test.samples([0, index])


@pytest.mark.parametrize(
    "wrong",
    [{"train_bias": -0.1}, {"test_bias": 1.01}, {"test_size": 0}, {"per_image": 3}, {"style": "x"}],
)
def test_params_out_of_bounds_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        ShapesVqaParams.model_validate(wrong)


def test_params_are_described_and_training_may_be_left_out() -> None:
    assert all(field.description for field in ShapesVqaParams.model_fields.values())
    assert make(train_size=0).train is None


def test_component_names_what_exists_and_poses_questions() -> None:
    found = []
    for reference in (COMPONENT.factory, COMPONENT.params):
        module, _, attribute = reference.partition(":")
        found.append(getattr(importlib.import_module(module), attribute))
    assert found == [make_shapes_vqa, ShapesVqaParams]
    assert COMPONENT.tasks == ("vqa",)


def test_conformance() -> None:
    check_component(COMPONENT, "dataset", train_size=20, test_size=21)
