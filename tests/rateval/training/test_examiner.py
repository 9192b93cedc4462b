"""Holding samples out, and scoring a classifier on them as a study would."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from rateval.api.protocols import Classifier, Metric, Split
from rateval.api.values import Outcomes, Sample, Skipped
from rateval.data.splits import hold_out
from rateval.errors import RatevalError
from rateval.facade import create
from rateval.stages.infer import infer
from rateval.stages.judge import judge
from rateval.store import rows as tables
from rateval.tasks.classification import OneOf
from rateval.testing import RecordingLogbook, tiny_classifier, tiny_dataset
from rateval.training.examiner import Examiner
from rateval.workbench.cell import Job

DATA = tiny_dataset(train=40, test=30)


def ids(split: Split) -> list[str]:
    return [sample.id for sample in split.samples(range(len(split)))]


def test_every_sample_is_on_one_side() -> None:
    assert DATA.train is not None
    left, held = hold_out(DATA.train, 9)
    assert (len(left), len(held)) == (31, 9)
    assert sorted(ids(left) + ids(held)) == ids(DATA.train)
    assert ids(left) == sorted(ids(left))
    assert ids(held) != ids(DATA.train)[:9]
    assert len({DATA.train.identity, left.identity, held.identity}) == 3


def test_the_samples_are_those_that_were_always_drawn() -> None:
    """Other ones would change every number of a study that holds samples out."""
    assert DATA.train is not None
    expected = ["0000", "0007", "0009", "0016", "0020", "0021", "0028", "0029", "0039"]
    assert ids(hold_out(DATA.train, 9)[1]) == expected


def test_the_splits_identity_alone_decides() -> None:
    one, again, other = (tiny_dataset(train=40, seed=seed).train for seed in (0, 0, 1))
    assert one is not None
    assert again is not None
    assert other is not None
    np.random.seed(3)  # noqa: NPY002  # the global generator must not matter
    assert ids(hold_out(one, 9)[1]) == ids(hold_out(again, 9)[1])
    assert ids(hold_out(one, 9)[1]) != ids(hold_out(other, 9)[1])
    assert set(ids(hold_out(one, 5)[1])) <= set(ids(hold_out(one, 9)[1]))


def test_samples_are_drawn_evenly() -> None:
    counts = np.zeros(40)
    for seed in range(200):
        split = tiny_dataset(train=40, seed=seed).train
        assert split is not None
        counts[[int(name) for name in ids(hold_out(split, 10)[1])]] += 1
    assert counts.min() > 25
    assert counts.max() < 80


def test_at_most_half_is_held_out() -> None:
    assert DATA.train is not None
    assert len(hold_out(DATA.train, 20)[0]) == 20
    message = r"held_out.images = 21: the training split has 40 samples, .* use 20 or fewer"
    with pytest.raises(RatevalError, match=message):
        hold_out(DATA.train, 21)


class Some:
    """A split in which some masks are missing, and some samples cannot be read."""

    identity = "some"

    def __init__(self, unmasked: Sequence[int] = (), unreadable: Sequence[int] = ()) -> None:
        self.unmasked, self.unreadable = unmasked, unreadable

    def __len__(self) -> int:
        return 30

    def samples(self, indices: Sequence[int]) -> list[Sample | Skipped]:
        found: list[Sample | Skipped] = []
        for index, sample in zip(indices, DATA.test.samples(indices), strict=True):
            assert isinstance(sample, Sample)
            mask = None if index in self.unmasked else sample.mask
            read = Sample(sample.id, sample.image, sample.label, mask)
            found.append(Skipped(sample.id, "broken") if index in self.unreadable else read)
        return found


def make_job(classifier: Classifier, split: Split, attribution: Any = None) -> Job:
    return Job(classifier, attribution, split, None, OneOf(3), "cpu", 8, 1)


def metrics() -> dict[str, Metric]:
    return {name: create("metric", name) for name in ("accuracy", "pt", "ir")}


@pytest.mark.parametrize("name", ["generic-attention", "input-gradient", "random"])
@pytest.mark.parametrize("threshold", [0.16, 0.22])
def test_it_equals_infer_and_judge(name: str, threshold: float, tmp_path: Path) -> None:
    attribution = create("attribution", name)
    validator = create("validator", "relevance-mass", threshold=threshold)
    split = Some(unmasked=(2, 11), unreadable=(0, 5))
    classifier = tiny_classifier()
    job = make_job(classifier, split, attribution)
    inferred, judged = tmp_path / "inferred", tmp_path / "judged"
    inferred.mkdir()
    judged.mkdir()
    infer(job, range(30), RecordingLogbook(), inferred)
    judge(validator, inferred, 8, RecordingLogbook(), judged, "cpu")
    correct = tables.read_rows(inferred).column("correct").to_numpy(zero_copy_only=False)
    valid = tables.read_rows(judged).column("valid").to_numpy(zero_copy_only=False)
    known = tables.read_rows(inferred).column("mask_area").is_valid().to_numpy()
    expected = Outcomes(correct[known], valid[known])
    assert known.sum() == 26
    assert len(correct) == 28
    assert 0 < valid.sum() < 28
    examiner = Examiner(lambda c: make_job(c, split, attribution), validator, metrics())
    scores = examiner(classifier)
    judged_alone = {key: m.compute(expected).value for key, m in metrics().items()}
    assert {key: scores[key] for key in ("pt", "ir")} == {
        key: judged_alone[key] for key in ("pt", "ir")
    }
    assert scores["accuracy"] == correct.mean()
    assert tuple(scores) == examiner.names == ("accuracy", "pt", "ir")


class Never:
    """A component that must not be asked."""

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"{name} was used")


def test_without_evidence_nothing_is_explained() -> None:
    classifier = tiny_classifier()
    examiner = Examiner(lambda c: make_job(c, DATA.test, Never()), None, {})
    samples = [s for s in DATA.test.samples(range(30)) if isinstance(s, Sample)]
    images = torch.stack([classifier.model.preprocess(sample.image) for sample in samples])
    right = [
        int(logits.argmax()) == sample.label
        for logits, sample in zip(classifier.logits(images), samples, strict=True)
    ]
    assert examiner(classifier) == {"accuracy": sum(right) / 30}
    assert examiner.names == ("accuracy",)


class AllRight:
    """Score each image for the class that its number says, whatever it shows."""

    def __init__(self, labels: Sequence[int]) -> None:
        self.model = tiny_classifier().model
        self.labels = list(labels)

    def logits(self, images: torch.Tensor) -> torch.Tensor:
        wanted, self.labels = self.labels[: len(images)], self.labels[len(images) :]
        return torch.nn.functional.one_hot(torch.tensor(wanted), 3).float()

    decision = None

    def state(self) -> dict[str, torch.Tensor]:
        return {}


def test_an_undefined_score_is_none() -> None:
    """All are wrong, so that no prediction is right for any reason."""
    samples = [s for s in DATA.test.samples(range(30)) if isinstance(s, Sample)]
    wrong = AllRight([(sample.label + 1) % 3 for sample in samples])
    examiner = Examiner(
        lambda c: make_job(c, DATA.test, create("attribution", "random")),
        create("validator", "relevance-mass"),
        metrics(),
    )
    scores = examiner(wrong)
    assert scores["accuracy"] == 0
    assert scores["pt"] is None


def test_without_any_mask_nothing_can_be_said_of_evidence() -> None:
    examiner = Examiner(
        lambda c: make_job(c, Some(unmasked=range(30)), create("attribution", "random")),
        create("validator", "relevance-mass"),
        metrics(),
    )
    scores = examiner(tiny_classifier())
    assert scores["accuracy"] is not None
    assert (scores["pt"], scores["ir"]) == (None, None)


def test_what_trains_goes_on_training() -> None:
    classifier = tiny_classifier()
    module = classifier.model.module.train()
    classifier.model.tower.norm.requires_grad_(True)
    seen: list[bool] = []

    class Watching:
        def explain(self, classifier: Any, images: Any, labels: Any, ids: Any = ()) -> Any:
            seen.append(any(weight.requires_grad for weight in module.parameters()))
            seen.append(any(part.training for part in module.modules()))
            return create("attribution", "random").explain(classifier, images, labels, ids)

    examiner = Examiner(
        lambda c: make_job(c, DATA.test, Watching()),
        create("validator", "relevance-mass"),
        metrics(),
    )
    examiner(classifier)
    assert seen
    assert not any(seen)
    training = {n for n, weight in module.named_parameters() if weight.requires_grad}
    assert training == {"image.norm.weight", "image.norm.bias"}


def test_the_weights_train_again_after_an_error() -> None:
    classifier = tiny_classifier()
    classifier.model.module.requires_grad_(True)
    examiner = Examiner(lambda c: make_job(c, DATA.test, Never()), Never(), metrics())
    with pytest.raises(AssertionError, match="explain was used"):
        examiner(classifier)
    assert all(weight.requires_grad for weight in classifier.model.module.parameters())


def test_nothing_readable_says_so() -> None:
    examiner = Examiner(lambda c: make_job(c, Some(unreadable=range(30))), None, {})
    with pytest.raises(RatevalError, match=r"no sample of those held out for \[held_out\]"):
        examiner(tiny_classifier())


def test_scores_are_a_mapping_of_plain_numbers() -> None:
    scores: Mapping[str, float | None] = Examiner(lambda c: make_job(c, DATA.test), None, {})(
        tiny_classifier()
    )
    assert type(scores["accuracy"]) is float
