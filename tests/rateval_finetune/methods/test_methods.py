"""What every method that trains does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch

from rateval.api import RatevalError, Sample
from rateval.testing import RecordingLogbook, TinyModel, tiny_dataset, tiny_model

Make = Callable[..., Any]
Fit = Callable[..., dict[str, torch.Tensor]]
Images = Callable[[TinyModel], torch.Tensor]
State = dict[str, torch.Tensor]
METHODS = ("lp", "flcp", "ft", "lp-ft", "wise-ft", "lora")
# How fast the tiny model learns; wise-ft shows what it trained.
LEARNING: dict[str, dict[str, Any]] = {
    "lp": {"lr": 3e-2, "epochs": 20},
    "flcp": {"lr": 1e-3, "epochs": 20},
    "ft": {"lr": 3e-3, "epochs": 12},
    "lp-ft": {"lr": 3e-3, "epochs": 10, "probe_epochs": 5, "probe_lr": 1e-2},
    "wise-ft": {"lr": 3e-3, "epochs": 12, "alpha": 1.0},
    "lora": {"lr": 1e-2, "epochs": 15},
}


def equal(one: State, other: State) -> bool:
    return one.keys() == other.keys() and all(one[name].equal(other[name]) for name in one)


def weights(module: torch.nn.Module) -> State:
    return {name: weight.clone() for name, weight in module.state_dict().items()}


@pytest.mark.parametrize("name", METHODS)
def test_the_loss_falls_and_the_classes_are_learnt(
    name: str, make: Make, data: Any, images: Images
) -> None:
    model, logbook = tiny_model(), RecordingLogbook()
    classifier = make(name, **LEARNING[name]).fit(model, data.train, data.classes, logbook)
    numbers = [epoch.number for epoch in logbook.epochs]
    assert numbers == list(range(1, LEARNING[name]["epochs"] + 1))
    first, last = logbook.epochs[0], logbook.epochs[-1]
    # Same-class pairs count as negatives: flcp's loss cannot come near 0.
    assert last.loss < first.loss * (0.9 if name == "flcp" else 0.5)
    if name == "flcp":
        assert last.accuracy is None
    else:
        assert last.accuracy is not None
        assert last.accuracy > 0.9
    labels = [s.label for s in data.test.samples(range(12)) if isinstance(s, Sample)]
    right = classifier.logits(images(model)).argmax(1) == torch.tensor(labels)
    assert right.float().mean() > 0.9


@pytest.mark.parametrize("name", METHODS)
def test_what_moves(name: str, make: Make, fit: Fit) -> None:
    model = tiny_model()
    before = weights(model.module)
    state = fit(make(name), model)
    after = weights(model.module)
    moved = {key for key in before if not before[key].equal(after[key])}
    towers = {key for key in before if key.startswith("image.")}
    unread = set() if name in ("flcp", "wise-ft") else {"image.projection.weight"}
    matrices = {
        key
        for key in towers - unread
        if before[key].ndim == 2 and ".weight" in key and "norm" not in key
    }
    expected = {"lp": set(), "flcp": set(before), "lora": matrices}.get(name, towers - unread)
    assert moved == expected
    heads = {key.split(".")[0] for key in state if "head" in key}
    assert heads == {"flcp": set(), "wise-ft": {"embedding_head"}}.get(name, {"head"})


@pytest.mark.parametrize("name", ["lp", "ft", "lp-ft", "lora"])
def test_the_head_moves_in_every_weight(name: str, make: Make, fit: Fit) -> None:
    slow = {"lr": 1e-12} | ({"probe_lr": 1e-12} if name == "lp-ft" else {})
    first, after = fit(make(name, **slow)), fit(make(name))
    for key in ("head.weight", "head.bias"):
        assert (after[key] - first[key]).abs().min() > 0


@pytest.mark.parametrize("name", METHODS)
def test_the_seed_decides_the_weights(name: str, make: Make, fit: Fit) -> None:
    one = fit(make(name, seed=1))
    torch.manual_seed(77)
    assert equal(fit(make(name, study_seed=5, seed=1)), one)
    assert not equal(fit(make(name, seed=2)), one)
    assert make(name, study_seed=5).seed == 5


@pytest.mark.parametrize("name", ["ft", "lora", "flcp"])
def test_the_seed_decides_the_dropout_too(name: str, make: Make, fit: Fit) -> None:
    def dropping(share: float = 0.3) -> TinyModel:
        model = tiny_model()
        model.tower.norm = torch.nn.Sequential(model.tower.norm, torch.nn.Dropout(share))  # type: ignore[assignment]
        model.module.eval()
        return model

    one = fit(make(name), dropping())
    torch.manual_seed(77)
    global_state = torch.random.get_rng_state()
    assert equal(fit(make(name), dropping()), one)
    assert torch.random.get_rng_state().equal(global_state)
    assert not equal(fit(make(name), dropping(0.0)), one)


@pytest.mark.parametrize("name", METHODS)
def test_restored_it_gives_equal_logits(name: str, make: Make, data: Any, images: Images) -> None:
    method, model = make(name), tiny_model()
    classifier = method.fit(model, data.train, data.classes, RecordingLogbook())
    again = tiny_model()
    restored = method.restore(again, data.classes, classifier.state())
    assert restored.logits(images(again)).equal(classifier.logits(images(model)))
    assert equal(restored.state(), classifier.state())


@pytest.mark.parametrize("how", ["fit", "restore"])
@pytest.mark.parametrize("name", METHODS)
def test_afterwards_nothing_trains_and_no_gradient_is_left(
    name: str, how: str, make: Make, data: Any
) -> None:
    method, model = make(name), tiny_model()
    classifier: Any = method.fit(model, data.train, data.classes, RecordingLogbook())
    if how == "restore":
        model = tiny_model()
        model.module.train().requires_grad_(True)
        classifier = method.restore(model, data.classes, classifier.state())
    for module in filter(None, (model.module, getattr(classifier, "head", None))):
        assert not any(part.training for part in module.modules())
        assert not any(weight.requires_grad for weight in module.parameters())
        assert all(weight.grad is None for weight in module.parameters())


@pytest.mark.parametrize("name", METHODS)
def test_the_state_is_a_copy(name: str, make: Make, fit: Fit) -> None:
    model = tiny_model()
    state = fit(make(name), model)
    kept = {key: value.clone() for key, value in state.items()}
    with torch.no_grad():
        for weight in model.module.parameters():
            weight.zero_()
    assert equal(state, kept)


@pytest.mark.parametrize("name", METHODS)
def test_progress_counts_every_sample_of_every_pass(name: str, make: Make) -> None:
    logbook = RecordingLogbook()
    unread = tiny_dataset(train=26, unreadable=range(8))
    make(name, batch_size=3).fit(tiny_model(), unread.train, unread.classes, logbook)
    # lp sees the samples once more, for their features; lp-ft does, and probes twice before.
    passes = {"lp": 3, "lp-ft": 5}.get(name, 2)
    assert logbook.totals == [26 * passes]
    assert logbook.done == 26 * passes
    assert len(logbook.notes) == 9 * passes
    assert logbook.notes[-1].startswith("epoch 2/2 loss ")


@pytest.mark.parametrize("name", METHODS)
def test_unreadable_samples_are_as_if_they_were_not_there(name: str, make: Make) -> None:
    model, logbook = tiny_model(), RecordingLogbook()
    unread = tiny_dataset(train=26, unreadable=range(1, 26))
    make(name, epochs=1, batch_size=26).fit(model, unread.train, unread.classes, logbook)
    alone, only = tiny_dataset(train=1), RecordingLogbook()
    make(name, epochs=1, batch_size=26).fit(tiny_model(), alone.train, alone.classes, only)
    # One sample is left, whose loss is that of a split which holds nothing else.
    assert logbook.epochs[0].loss == pytest.approx(only.epochs[0].loss, rel=1e-5, abs=1e-7)


@pytest.mark.parametrize("name", METHODS)
def test_a_dataset_without_a_train_split_says_what_to_do(name: str, make: Make, data: Any) -> None:
    message = rf"^{name}: the dataset has no training split; use .*zs"
    with pytest.raises(RatevalError, match=message):
        make(name).fit(tiny_model(), None, data.classes, RecordingLogbook())


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize(
    ("train", "message"),
    [
        (tiny_dataset(train=0), r"none of the 0 training samples can be read; check"),
        (
            tiny_dataset(train=2, unreadable=[0, 1]),
            r"none of the 2 training samples can be read \(the first: 0000: unreadable on purpose",
        ),
    ],
)
def test_a_train_split_without_samples_says_so(
    name: str, make: Make, train: Any, message: str
) -> None:
    with pytest.raises(RatevalError, match=message):
        make(name).fit(tiny_model(), train.train, train.classes, RecordingLogbook())


def spoilt(state: State, classes: Any) -> Iterator[tuple[State, tuple[str, ...], str]]:
    without = {name: value for name, value in state.items() if not name.startswith("head.")}
    yield without, classes, r"head.bias is missing, head.weight is missing\. It must come"
    yield state | {"text.x": torch.ones(1)}, classes, r"fit: text.x is not known\. It"
    yield state, ("cat", "dog"), r"head.bias is \(3,\), needed is \(2,\), head.weight is \(3, 24\)"
    flat = state | {"head.weight": torch.ones(24)}
    yield flat, classes, r"fit: head.weight is \(24,\), needed is \(3, 24\)\. It"
    if "image_tower.norm.bias" in state:
        other = state | {"image_tower.norm.bias": torch.ones(7)}
        yield other, classes, r"image_tower.norm.bias is \(7,\), needed is \(24,\)"
        yield {}, classes, r"image_tower\.blocks\.0.* is missing.* and \d+ more\. It must"


@pytest.mark.parametrize("name", ["lp", "ft", "lp-ft", "lora"])
def test_a_state_that_does_not_fit_is_refused_untouched(
    name: str, make: Make, fit: Fit, data: Any
) -> None:
    method = make(name)
    state = fit(method)
    for wrong, classes, message in spoilt(state, data.classes):
        model = tiny_model()
        before = weights(model.module)
        with pytest.raises(RatevalError, match=message):
            method.restore(model, classes, wrong)
        assert equal(weights(model.module), before)


def test_the_state_of_another_method_is_refused(make: Make, fit: Fit, data: Any) -> None:
    flcp, wise, ft = (fit(make(name)) for name in ("flcp", "wise-ft", "ft"))
    with pytest.raises(RatevalError, match=r"head\.bias is not known"):
        make("flcp").restore(tiny_model(), data.classes, ft)
    with pytest.raises(RatevalError, match=r"head\.bias is missing"):
        make("ft").restore(tiny_model(), data.classes, flcp)
    with pytest.raises(RatevalError, match=r"embedding_head\.bias is missing"):
        make("wise-ft").restore(tiny_model(), data.classes, ft)
    with pytest.raises(RatevalError, match=r"embedding_head\.bias is not known"):
        make("ft").restore(tiny_model(), data.classes, wise)
