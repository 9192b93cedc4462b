from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from pydantic import ValidationError

from rateval.api import Context, RatevalError, Sample
from rateval.testing import RecordingMonitor, TinyModel, tiny_dataset, tiny_model
from rateval_finetune.full import FullFinetuner, make_full
from rateval_finetune.params import FtParams

Make = Callable[..., FullFinetuner]
Images = Callable[[TinyModel], torch.Tensor]
State = dict[str, torch.Tensor]
DATA = tiny_dataset(train=26)  # with batches of 10, the last one holds 6


def fit(ft: FullFinetuner, model: TinyModel | None = None) -> State:
    return ft.fit(model or tiny_model(), DATA.train, DATA.classes, RecordingMonitor()).state()


def equal(one: State, other: State) -> bool:
    return one.keys() == other.keys() and all(one[name].equal(other[name]) for name in one)


def weights(module: torch.nn.Module) -> State:
    return {name: weight.clone() for name, weight in module.state_dict().items()}


def losses(notes: list[str]) -> dict[str, float]:
    """The last loss shown of each epoch."""
    return {note.split()[1]: float(note.split()[3]) for note in notes}


def test_the_loss_falls_and_the_classes_are_learnt(make_ft: Make, images: Images) -> None:
    model, monitor = tiny_model(), RecordingMonitor()
    ft = make_ft(epochs=12, lr=3e-3)
    classifier = ft.fit(model, DATA.train, DATA.classes, monitor)
    shown = losses(monitor.notes)
    assert next(iter(shown)) == "1/12"
    assert shown["12/12"] < shown["1/12"] / 2
    labels = [s.label for s in DATA.test.samples(range(12)) if isinstance(s, Sample)]
    right = classifier.logits(images(model)).argmax(1) == torch.tensor(labels)
    assert right.float().mean() > 0.9


def test_head_and_image_tower_move_and_the_text_tower_does_not(make_ft: Make) -> None:
    model = tiny_model()
    tower, text = weights(model.image_tower), weights(model.text_tower)
    first = fit(make_ft(lr=1e-12), tiny_model())
    after = fit(make_ft(), model)
    assert equal(weights(model.text_tower), text)
    for name in ("head.weight", "head.bias"):
        assert (after[name] - first[name]).abs().min() > 0
    still = {name for name in tower if after[f"image_tower.{name}"].equal(tower[name])}
    assert still == {"projection.weight"}  # which the features don't pass through


def test_one_step_is_adam_on_the_mean_cross_entropy(make_ft: Make) -> None:
    """Written out from Adam's paper, in float64, for head and one layer of the tower."""
    model = tiny_model()
    before = fit(make_ft(lr=1e-12, epochs=1, batch_size=26), copy.deepcopy(model))
    after = fit(make_ft(lr=2e-3, head_lr=1e-2, epochs=1, batch_size=26), copy.deepcopy(model))
    assert DATA.train is not None
    samples = [s for s in DATA.train.samples(range(26)) if isinstance(s, Sample)]
    double = copy.deepcopy(model)
    double.module.double()
    tower = double.tower.norm.weight.requires_grad_(True)
    weight = before["head.weight"].double().requires_grad_(True)
    bias = before["head.bias"].double().requires_grad_(True)
    pictures = torch.stack([model.preprocess(s.image) for s in samples]).double()
    logits = double.features(pictures) @ weight.T + bias
    loss = F.cross_entropy(logits, torch.tensor([s.label for s in samples]))
    gradients = torch.autograd.grad(loss, (weight, bias, tower))
    names = ("head.weight", "head.bias", "image_tower.norm.weight")
    for name, gradient, rate in zip(names, gradients, (1e-2, 1e-2, 2e-3), strict=True):
        mean, square = 0.1 * gradient / (1 - 0.9), 0.001 * gradient**2 / (1 - 0.999)
        step = rate * mean / (square.sqrt() + 1e-8)
        moved = (before[name] - after[name]).double()
        torch.testing.assert_close(moved, step, rtol=1e-3, atol=rate * 1e-3)


def test_the_seed_decides_the_weights(make_ft: Make) -> None:
    one = fit(make_ft(seed=1))
    torch.manual_seed(77)
    assert equal(fit(make_ft(seed=1)), one)
    assert not equal(fit(make_ft(seed=2)), one)
    assert equal(fit(make_ft(study_seed=1)), one)
    assert equal(fit(make_ft(study_seed=5, seed=1)), one)


def test_the_seed_decides_the_dropout_too(make_ft: Make) -> None:
    def dropping() -> TinyModel:
        model = tiny_model()
        model.tower.norm = torch.nn.Sequential(model.tower.norm, torch.nn.Dropout(0.3))  # type: ignore[assignment]
        return model.module.eval() and model  # type: ignore[return-value]

    one = fit(make_ft(), dropping())
    torch.manual_seed(77)
    global_state = torch.random.get_rng_state()
    assert equal(fit(make_ft(), dropping()), one)
    assert torch.random.get_rng_state().equal(global_state)


def test_the_first_head_has_the_default_distribution(make_ft: Make) -> None:
    heads = torch.stack([fit(make_ft(seed=s, lr=1e-12))["head.weight"] for s in range(10)])
    bound = 24**-0.5
    assert heads.abs().max() <= bound
    assert heads.abs().max() > 0.98 * bound
    assert heads.var().item() == pytest.approx(bound**2 / 3, rel=0.1)


def test_restored_it_gives_equal_logits(make_ft: Make, images: Images) -> None:
    ft, model = make_ft(), tiny_model()
    classifier = ft.fit(model, DATA.train, DATA.classes, RecordingMonitor())
    again = tiny_model()
    restored = ft.restore(again, DATA.classes, classifier.state())
    assert restored.logits(images(again)).equal(classifier.logits(images(model)))
    assert equal(restored.state(), classifier.state())


@pytest.mark.parametrize("how", ["fit", "restore"])
def test_afterwards_nothing_trains_and_no_gradient_is_left(make_ft: Make, how: str) -> None:
    ft, model = make_ft(), tiny_model()
    classifier: Any = ft.fit(model, DATA.train, DATA.classes, RecordingMonitor())
    if how == "restore":
        model = tiny_model()
        model.module.train().requires_grad_(True)
        classifier = ft.restore(model, DATA.classes, classifier.state())
    for module in (model.module, classifier.head):
        assert not any(part.training for part in module.modules())
        assert not any(weight.requires_grad for weight in module.parameters())
        assert all(weight.grad is None for weight in module.parameters())


def test_the_state_is_a_copy(make_ft: Make) -> None:
    model = tiny_model()
    state = fit(make_ft(), model)
    kept = {name: value.clone() for name, value in state.items()}
    with torch.no_grad():
        for weight in model.module.parameters():
            weight.zero_()
    assert equal(state, kept)


def test_progress_counts_every_sample_of_every_epoch(make_ft: Make) -> None:
    monitor = RecordingMonitor()
    data = tiny_dataset(train=26, unreadable=range(8))
    make_ft(batch_size=3).fit(tiny_model(), data.train, data.classes, monitor)
    assert monitor.totals == [52]
    assert monitor.done == 52
    assert len(monitor.notes) == 18
    assert monitor.notes[-1].startswith("epoch 2/2 loss ")


def test_the_last_partial_batch_is_trained_on(make_ft: Make) -> None:
    model = tiny_model()
    sizes: list[int] = []
    plain = model.features

    def counting(images: torch.Tensor) -> torch.Tensor:
        if torch.is_grad_enabled():
            sizes.append(len(images))
        return plain(images)

    model.features = counting  # type: ignore[method-assign]
    fit(make_ft(epochs=2), model)
    assert sizes == [10, 10, 6, 10, 10, 6]


def test_each_epoch_has_an_order_of_its_own(make_ft: Make) -> None:
    class Watched:
        identity = "watched"
        asked: list[int] = []  # noqa: RUF012  # one split per test

        def __len__(self) -> int:
            return 26

        def samples(self, indices: Any) -> Any:
            self.asked.extend(indices)
            assert DATA.train is not None
            return DATA.train.samples(indices)

    watched = Watched()
    make_ft().fit(tiny_model(), watched, DATA.classes, RecordingMonitor())
    one, other = watched.asked[-52:-26], watched.asked[-26:]
    assert sorted(one) == sorted(other) == list(range(26))
    assert one != other
    assert list(range(26)) not in (one, other)


def test_a_loss_that_is_not_finite_stops_with_step_rate_and_advice(make_ft: Make) -> None:
    model = tiny_model()
    model.tower.norm.bias[0] = float("nan")
    message = (
        r"^the loss is nan at step 1 \(epoch 1 of 2\) with the rates lr = 0.001, head_lr = 0.02; "
        r"training only goes on from finite numbers\. Use a tenth of the rate"
    )
    with pytest.raises(RatevalError, match=message):
        fit(make_ft(head_lr=0.02), model)
    assert not any(weight.requires_grad for weight in model.module.parameters())


def test_weights_that_are_not_finite_are_noticed_even_after_the_last_step(make_ft: Make) -> None:
    model = tiny_model()
    plain = model.features
    # The square root of zero has no slope: the loss is finite, its gradient is not.
    model.features = lambda images: plain(images) + (plain(images) * 0).sqrt()  # type: ignore[method-assign]
    with pytest.raises(RatevalError, match=r"^a weight is not finite at step 1, the last one,"):
        fit(make_ft(epochs=1, batch_size=26), model)


def test_a_dataset_without_a_train_split_says_what_to_do(make_ft: Make) -> None:
    with pytest.raises(RatevalError, match=r"ft: the dataset has no training split; use .*zs"):
        make_ft().fit(tiny_model(), None, DATA.classes, RecordingMonitor())


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (tiny_dataset(train=0), r"none of the 0 training samples can be read; check"),
        (
            tiny_dataset(train=2, unreadable=[0, 1]),
            r"none of the 2 training samples can be read \(the first: 0000: unreadable on purpose",
        ),
    ],
)
def test_a_train_split_without_samples_says_so(make_ft: Make, data: Any, message: str) -> None:
    with pytest.raises(RatevalError, match=message):
        make_ft().fit(tiny_model(), data.train, DATA.classes, RecordingMonitor())


def spoilt(state: State) -> Iterator[tuple[State, tuple[str, ...], str]]:
    without = {name: value for name, value in state.items() if not name.startswith("head.")}
    yield without, DATA.classes, r"head.bias is missing; head.weight is missing\. It must come"
    yield state | {"text.x": torch.ones(1)}, DATA.classes, r"fit: text.x is not known\. It"
    yield state, ("cat", "dog"), r"head.bias is \(3,\), needed is \(2,\); head.weight is \(3, 24\)"
    other = state | {"image_tower.norm.bias": torch.ones(7)}
    yield other, DATA.classes, r"image_tower.norm.bias is \(7,\), needed is \(24,\)"
    flat = state | {"head.weight": torch.ones(24)}
    yield flat, DATA.classes, r"fit: head.weight is \(24,\), needed is \(3, 24\)\. It"
    yield {}, DATA.classes, r"image_tower\.blocks\.0.* is missing.*; and \d+ more\. It must"


def test_a_state_that_does_not_fit_is_refused_untouched(make_ft: Make) -> None:
    ft = make_ft()
    state = fit(ft)
    for wrong, classes, message in spoilt(state):
        model = tiny_model()
        before = weights(model.module)
        with pytest.raises(RatevalError, match=message):
            ft.restore(model, classes, wrong)
        assert equal(weights(model.module), before)


def test_the_defaults_are_the_published_settings() -> None:
    params = FtParams()
    assert (params.epochs, params.batch_size, params.lr) == (10, 32, 1e-5)
    assert (params.head_lr, params.seed) == (None, None)
    assert make_full(params, Context(seed=9)).seed == 9


@pytest.mark.parametrize(
    "wrong",
    [
        {"epochs": 0},
        {"batch_size": 0},
        {"lr": 0.0},
        {"lr": 1.5},
        {"lr": float("nan")},
        {"head_lr": -1.0},
        {"seed": -1},
        {"epoch": 3},
    ],
)
def test_params_out_of_bounds_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        FtParams(**wrong)
