from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from rateval.api import Context, RatevalError
from rateval.testing import RecordingLogbook, check_finetuner, tiny_dataset, tiny_model
from rateval_finetune.methods.linear_probe import LinearProbe, make_lp
from rateval_finetune.params import LpParams
from rateval_finetune.probing import solving
from rateval_finetune.probing.regression import Regression
from rateval_finetune.probing.strength import best_of, value_of
from rateval_finetune.training import features

Fit = Callable[..., dict[str, torch.Tensor]]
Pictures = Callable[..., tuple[torch.Tensor, torch.Tensor]]
HELD = tiny_dataset(train=None, test=30, seed=5).test


def probe(seed: int = 0, **params: Any) -> LinearProbe:
    return make_lp(LpParams.model_validate({"solver": "lbfgs"} | params), Context(seed=seed))


@torch.no_grad()
def features_of(pictures: Pictures) -> tuple[torch.Tensor, torch.Tensor]:
    model = tiny_model()
    images, labels = pictures(model)
    return model.features(images), labels


def test_it_keeps_the_promises_of_a_finetuner() -> None:
    check_finetuner(probe(l2=0.1))


def test_the_head_is_the_minimum_on_the_models_features(fit: Fit, pictures: Pictures) -> None:
    logbook = RecordingLogbook()
    state = fit(probe(l2=0.3, batch_size=7), logbook=logbook)
    rows, labels = features_of(pictures)
    classes = int(labels.max()) + 1
    wanted = Regression(rows, labels, classes).minimise(0.3, 1000)
    assert torch.allclose(state["head.weight"].double(), wanted.weight, atol=1e-4)
    assert state["head.weight"].dtype == torch.float32
    assert logbook.told["l2"] == 0.3
    assert logbook.told["converged"] is True
    assert logbook.told["iterations"] == len(logbook.epochs)
    assert logbook.epochs[-1].loss == pytest.approx(wanted.iterates[-1].loss, abs=1e-6)
    assert [epoch.number for epoch in logbook.epochs] == list(range(1, len(logbook.epochs) + 1))
    assert logbook.done == logbook.totals[0] == 2 * 26
    assert logbook.saved == 0


def test_the_seed_makes_no_difference(fit: Fit) -> None:
    one, other = fit(probe(seed=0)), fit(probe(seed=1))
    assert all(one[name].equal(other[name]) for name in one)


def test_a_repeated_training_comes_to_the_same_bits(fit: Fit) -> None:
    class Cut(RecordingLogbook):
        def advance(self, samples: int, note: str = "") -> None:
            super().advance(samples, note)
            if "iteration" in note:
                raise KeyboardInterrupt

    method = probe(l2=1e-3, iterations=30)
    with pytest.raises(KeyboardInterrupt):
        fit(method, logbook=Cut())
    one, other = fit(method), fit(method)
    assert all(one[name].equal(other[name]) for name in one)


def test_a_search_takes_what_all_alone_would_score_best(fit: Fit) -> None:
    tried = {how: RecordingLogbook([{"accuracy": 0.5}], held_out=HELD) for how in ("grid", "sweep")}
    states = {how: fit(probe(l2=how, iterations=60), logbook=tried[how]) for how in tried}
    told = {
        how: {row["l2"]: row["accuracy"] for row in logbook.told["swept"]}
        for how, logbook in tried.items()
    }
    assert len(told["grid"]) == 97
    assert 7 < len(told["sweep"]) <= 15
    assert told["sweep"].items() <= told["grid"].items()
    # Brute force: values in trainings of their own, scored by the classifier's logits.
    model = tiny_model()
    samples: Any = HELD.samples(range(30))
    images = torch.stack([model.preprocess(sample.image) for sample in samples])
    labels = torch.tensor([sample.label for sample in samples])
    data = tiny_dataset(train=26)
    for step in range(0, 97, 12):
        alone = probe(l2=value_of(step), iterations=60)
        classifier = alone.fit(model, data.train, data.classes, RecordingLogbook())
        with torch.no_grad():
            right = classifier.logits(images).argmax(1) == labels
        assert told["grid"][value_of(step)] == pytest.approx(float(right.double().mean()))
    best = value_of(best_of({step: told["grid"][value_of(step)] for step in range(97)}))
    for how, logbook in tried.items():
        assert logbook.told["l2"] == best
        assert logbook.done == logbook.totals[0] == 26 * (1 + (97 if how == "grid" else 15)) + 30
        same = fit(probe(l2=best, iterations=60))
        assert all(states[how][name].equal(same[name]) for name in same)
        assert logbook.epochs[-1].held_out == {"accuracy": 0.5}
        assert all(not epoch.held_out for epoch in logbook.epochs[:-1])


@pytest.mark.parametrize("how", ["sweep", "grid"])
def test_a_search_needs_samples_held_out(how: str, fit: Fit) -> None:
    with pytest.raises(RatevalError, match=rf'lp: l2 = "{how}": .*\[held_out\].* a number'):
        fit(probe(l2=how))


def test_that_the_minimum_was_not_reached_is_told(fit: Fit) -> None:
    logbook = RecordingLogbook()
    fit(probe(l2=1e-6, iterations=2), logbook=logbook)
    assert logbook.told["converged"] is False
    assert logbook.told["gradient"] > 1e-6
    (note,) = [note for note in logbook.notes if "not at the minimum" in note]
    assert "after 2 iterations" in note
    assert "raise iterations" in note


def test_samples_that_cannot_be_read_are_left_out() -> None:
    data = tiny_dataset(train=26, unreadable=(0, 9))
    logbook = RecordingLogbook()
    probe().fit(tiny_model(), data.train, data.classes, logbook)
    assert logbook.done == logbook.totals[0]


def test_features_that_are_not_finite_are_refused(
    fit: Fit, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = features.compute_features

    def broken(*arguments: Any, **options: Any) -> Any:
        source = plain(*arguments, **options)
        source.features[3, 0] = float("nan")
        return source

    monkeypatch.setattr(solving, "compute_features", broken)
    with pytest.raises(RatevalError, match="features of 1 of 26 images are not finite"):
        fit(probe())


def test_memory_that_runs_out_is_explained(fit: Fit, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> None:
        raise RuntimeError("CUDA out of memory")

    monkeypatch.setattr(solving, "Regression", full)
    with pytest.raises(RatevalError, match=r'out of memory .* solver = "adam"'):
        fit(probe())


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"l2": 2.0}, 'l2 belongs to solver = "lbfgs"; set that'),
        ({"iterations": 5}, 'iterations belongs to solver = "lbfgs"'),
        ({"solver": "lbfgs", "augment": "published"}, "computed once, and augment makes other"),
        ({"solver": "lbfgs", "background_swap": 0.5}, "and background_swap makes other images"),
        ({"solver": "lbfgs", "epochs": 3}, 'epochs belongs to solver = "adam"'),
        ({"solver": "lbfgs", "stop_by": "accuracy"}, 'stop_by belongs to solver = "adam"'),
        ({"solver": "lbfgs", "precision": "bfloat16"}, 'precision belongs to solver = "adam"'),
        ({"solver": "lbfgs", "l2": 0.0}, "greater than 0"),
        ({"solver": "lbfgs", "l2": "swep"}, "'sweep' or 'grid'"),
        ({"solver": "sgd"}, "'adam' or 'lbfgs'"),
    ],
)
def test_params_that_mean_nothing_are_refused(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        LpParams.model_validate(given)


def test_adams_params_are_told_as_they_were_before_there_was_a_choice() -> None:
    """They are part of identities."""
    assert not {"solver", "l2", "iterations"} & LpParams().model_dump(mode="json").keys()
    told = LpParams(solver="lbfgs").model_dump(mode="json")
    assert (told["solver"], told["l2"], told["iterations"]) == ("lbfgs", 1.0, 1000)
