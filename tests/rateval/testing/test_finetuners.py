from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
import torch

from rateval.api import (
    Classifier,
    HeadDecision,
    Logbook,
    Model,
    PromptDecision,
    RatevalError,
    Split,
)
from rateval.testing import (
    ConformanceError,
    RecordingLogbook,
    check_finetuner,
    tiny_dataset,
    tiny_model,
)

State = dict[str, torch.Tensor]


class MeanClassifier:
    """Score by the distance to class means of the features."""

    def __init__(self, model: Model, means: torch.Tensor) -> None:
        self.model, self.means = model, means

    def logits(self, images: torch.Tensor) -> torch.Tensor:
        return self.model.features(images) @ self.means.T

    decision = None

    def state(self) -> State:
        return {"means": self.means}


class ClassMeans:
    """The nearest class mean, drawn at random instead of averaged; keeps every promise."""

    trains = True

    def fit(
        self, model: Model, train: Split | None, classes: Sequence[str], logbook: Logbook
    ) -> Classifier:
        if train is None:
            raise RatevalError("no train split")
        logbook.begin(len(train))
        generator = torch.Generator().manual_seed(0)
        means = torch.randn(len(classes), 24, generator=generator)
        logbook.advance(len(train))
        return self.restore(model, classes, {"means": means})

    def restore(self, model: Model, classes: Sequence[str], state: State) -> Classifier:
        return MeanClassifier(model, state["means"])


class Changed(ClassMeans):
    """A finetuner whose classifiers have some members replaced."""

    def __init__(self, trains: Any = True, **changes: Any) -> None:
        self.trains = trains
        self.changes = changes

    def restore(self, model: Model, classes: Sequence[str], state: State) -> Classifier:
        classifier = super().restore(model, classes, state)
        for name, make in self.changes.items():
            setattr(classifier, name, make(classifier, getattr(classifier, name)))
        return classifier


def logits(change: Callable[[torch.Tensor], Any]) -> Changed:
    return Changed(logits=lambda _, plain: lambda images: change(plain(images)))


def state(value: Any) -> Changed:
    return Changed(state=lambda _, plain: lambda: value)


def decision(value: Any) -> Changed:
    return Changed(decision=lambda _, plain: value)


class Members(ClassMeans):
    def fit(self, *arguments: Any) -> Any:
        return super().fit(*arguments).model


class Silent(ClassMeans):
    def fit(
        self, model: Model, train: Split | None, classes: Sequence[str], logbook: Logbook
    ) -> Classifier:
        return super().fit(model, train, classes, Deaf(logbook))


class Deaf(RecordingLogbook):
    """A logbook that passes the total on and nothing else."""

    def __init__(self, logbook: Logbook) -> None:
        super().__init__()
        self.logbook = logbook

    def begin(self, total: int) -> None:
        self.logbook.begin(total)


class Restarting(ClassMeans):
    def fit(
        self, model: Model, train: Split | None, classes: Sequence[str], logbook: Logbook
    ) -> Classifier:
        logbook.begin(3)
        return super().fit(model, train, classes, logbook)


class Careless(ClassMeans):
    """It stumbles over a dataset without a train split."""

    def fit(
        self, model: Model, train: Split | None, classes: Sequence[str], logbook: Logbook
    ) -> Classifier:
        return super().fit(model, train or [][0], classes, logbook)


class Indifferent(ClassMeans):
    def fit(
        self, model: Model, train: Split | None, classes: Sequence[str], logbook: Logbook
    ) -> Classifier:
        return super().fit(model, train or tiny_dataset().train, classes, logbook)


class Secret(ClassMeans):
    """It changes the image tower and doesn't put that into the state."""

    def fit(
        self, model: Model, train: Split | None, classes: Sequence[str], logbook: Logbook
    ) -> Classifier:
        classifier = super().fit(model, train, classes, logbook)
        with torch.no_grad():
            for weight in model.image_tower.parameters():
                weight.mul_(1.1)
        return classifier


class Untrained(Secret):
    """It says that it trains nothing and gives no state, and trains."""

    trains = False

    def fit(
        self, model: Model, train: Split | None, classes: Sequence[str], logbook: Logbook
    ) -> Classifier:
        classifier = super().fit(model, tiny_dataset().train, classes, logbook)
        classifier.state = dict  # type: ignore[method-assign]
        return classifier


class Resuming(ClassMeans):
    """It keeps its class means after half of the samples, and goes on from there."""

    going_on_counts = 12
    going_on_factor = 1.0

    def fit(
        self, model: Model, train: Split | None, classes: Sequence[str], logbook: Logbook
    ) -> Classifier:
        if train is None:
            raise RatevalError("no train split")
        logbook.begin(len(train))
        kept = logbook.resume()
        means = torch.ones(len(classes), 24) if kept is None else kept[0]["means"]
        if kept is None:
            logbook.advance(12)
            logbook.save({"means": means}, {"half": 1})
        else:
            assert kept[1] == {"half": 1}
            logbook.advance(self.going_on_counts)
            means = means * self.going_on_factor
        logbook.advance(len(train) - 12)
        return self.restore(model, classes, {"means": means + torch.eye(len(classes), 24)})


class Forgetful(Resuming):
    going_on_factor = 2.0


class Starting(Resuming):
    """It doesn't count what was done before the interruption."""

    going_on_counts = 0


class Unseeded(ClassMeans):
    def fit(
        self, model: Model, train: Split | None, classes: Sequence[str], logbook: Logbook
    ) -> Classifier:
        super().fit(model, train, classes, logbook)
        return self.restore(model, classes, {"means": torch.randn(len(classes), 24)})


class Borrowing(ClassMeans):
    """It says that it leaves the weights as they are."""

    leaves_weights: Any = True


class Spoiling(Borrowing, Secret):
    """It doesn't."""


class SpoilingLater(Borrowing):
    """It doesn't when it restores."""

    def restore(self, model: Model, classes: Sequence[str], state: State) -> Classifier:
        if "stored" in state:
            with torch.no_grad():
                list(model.module.parameters())[-1].mul_(1.1)  # of the text tower
        classifier = MeanClassifier(model, state["means"])
        classifier.state = lambda: {**state, "stored": torch.ones(1)}  # type: ignore[method-assign]
        return classifier


class Undecided(ClassMeans):
    leaves_weights = 1


TWICE = torch.ones(4)
BROKEN: dict[str, tuple[Callable[[], Any], str]] = {
    "nothing": (object, "Finetuner: object must offer fit, restore, trains"),
    "trains": (lambda: Changed(trains="yes"), "Finetuner.trains must be a bool; got 'yes'"),
    "no classifier": (Members, "Classifier: TinyModel must offer decision, logits, model, st"),
    "logits shape": (lambda: logits(lambda out: out[:, :2]), r"here \(8, 3\); got \(8, 2\)"),
    "logits type": (lambda: logits(lambda out: out.double()), r"got \(8, 3\) float64"),
    "nan": (lambda: logits(lambda out: out * float("nan")), "Classifier.logits must be finite"),
    "no graph": (lambda: logits(lambda out: out.detach()), "must be differentiable; got a tensor"),
    "no flow": (
        lambda: logits(lambda out: out.detach().requires_grad_()),
        "must be differentiable by the images; got no gradient",
    ),
    "noise": (
        lambda: logits(lambda out: out + torch.rand(out.shape)),
        "must be the same for the same images",
    ),
    "batch": (lambda: logits(lambda out: out * out.std()), "must not depend on the batch"),
    "state": (lambda: state([TWICE]), "Classifier.state must be a dict of names and tensors"),
    "state values": (lambda: state({"a": 1}), "Classifier.state must be a dict of names"),
    "shared": (lambda: state({"a": TWICE, "b": TWICE}), "contiguous tensors that share no memory"),
    "strided": (lambda: state({"a": torch.ones(2, 3).T}), "must hold contiguous tensors"),
    "decision kind": (
        lambda: decision("a head"),
        "Classifier.decision must be a Prompt",
    ),
    "decision": (
        lambda: decision(PromptDecision(20.0)),
        "Classifier.decision must make the classifier's logits; got a relative difference of",
    ),
    "decision shape": (
        lambda: decision(HeadDecision(torch.ones(2, 24), torch.zeros(2))),
        r"Classifier.decision must be \(B, K\) float32, here \(8, 3\); got \(8, 2\)",
    ),
    "silent": (Silent, "must advance the logbook by the 24 samples announced.*; got 0"),
    "restarting": (Restarting, "must call logbook.begin once; got 2 calls"),
    "careless": (Careless, "must raise RatevalError when there is no train split; got IndexError"),
    "indifferent": (Indifferent, "must raise RatevalError when there is no train split; got a cl"),
    "untrained": (Untrained, "must change no weight that it gives no state of; got ch"),
    "forgetful": (Forgetful, "must come to the same state when it goes on from what it saved"),
    "starting": (Starting, "must advance the logbook by the 24 samples announced.*; got 12"),
    "unseeded": (Unseeded, "must give the same state for the same seed; got differences in means"),
    "spoiling": (
        Spoiling,
        "Finetuner.fit must change no weight of a model, as it has leaves_weights = True",
    ),
    "spoiling later": (
        SpoilingLater,
        "Finetuner.restore must change no weight of a model, as it has leaves_weights = True",
    ),
    "undecided": (Undecided, "Finetuner.leaves_weights must be a bool; got 1"),
    "secret": (Secret, "Finetuner.restore must rebuild the classifier that gave the state"),
}


def test_a_sound_finetuner_passes() -> None:
    check_finetuner(ClassMeans())
    check_finetuner(ClassMeans(), tiny_model(4), tiny_dataset(seed=5))
    check_finetuner(Resuming())
    check_finetuner(Borrowing())
    check_finetuner(Changed(decision=lambda c, _: HeadDecision(c.means, torch.zeros(3))))


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_finetuner_is_named(name: str) -> None:
    make, message = BROKEN[name]
    with pytest.raises(ConformanceError, match=message):
        check_finetuner(make())


def test_the_check_leaves_the_model_given_alone() -> None:
    model = tiny_model()
    before = {name: weight.clone() for name, weight in model.module.state_dict().items()}
    with pytest.raises(ConformanceError):
        check_finetuner(Secret(), model)
    assert all(before[name].equal(value) for name, value in model.module.state_dict().items())
