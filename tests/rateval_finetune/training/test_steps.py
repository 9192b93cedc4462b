"""Every step against optimisers written out by hand in float64."""

from __future__ import annotations

import copy
import itertools
import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F

from rateval.testing import RecordingLogbook, TinyModel, tiny_model

Make = Callable[..., Any]
Fit = Callable[..., dict[str, torch.Tensor]]
Pictures = Callable[[TinyModel], tuple[torch.Tensor, torch.Tensor]]
State = dict[str, torch.Tensor]
WHOLE = 26  # one step per epoch, so that the order of the samples doesn't matter


def by_hand(
    weights: State,
    loss_of: Callable[[State], torch.Tensor],
    rates: list[dict[str, float]],
    *,
    decay: float = 0.0,
    decoupled: bool = False,
    clip: float | None = None,
) -> list[float]:
    """Step ``weights`` (float64) in place by Adam or AdamW as in their papers; return the losses.

    ``rates`` holds a rate for each weight's name, one dict per step.
    """
    mean = {name: torch.zeros_like(w) for name, w in weights.items()}
    square = {name: torch.zeros_like(w) for name, w in weights.items()}
    losses = []
    for step, rate in enumerate(rates, start=1):
        leaves = {name: w.clone().requires_grad_() for name, w in weights.items()}
        loss = loss_of(leaves)
        losses.append(loss.item())
        found = torch.autograd.grad(loss, list(leaves.values()))
        gradients = dict(zip(leaves, found, strict=True))
        if clip is not None:
            norm = math.sqrt(sum(float((g**2).sum()) for g in gradients.values()))
            gradients = {name: g * min(1.0, clip / norm) for name, g in gradients.items()}
        for name, gradient in gradients.items():
            if decoupled:
                weights[name] = weights[name] * (1 - rate[name] * decay)
            else:
                gradient = gradient + decay * weights[name]
            mean[name] = 0.9 * mean[name] + 0.1 * gradient
            square[name] = 0.999 * square[name] + 0.001 * gradient**2
            first = mean[name] / (1 - 0.9**step)
            second = square[name] / (1 - 0.999**step)
            weights[name] = weights[name] - rate[name] * first / (second.sqrt() + 1e-8)
    return losses


def logits_of(double: TinyModel, weights: State, images: torch.Tensor) -> torch.Tensor:
    """Score with other weights in the place of the tower's and the head's own."""
    tower = {
        name.removeprefix("image_tower."): w
        for name, w in weights.items()
        if name.startswith("image_tower.")
    }
    holder = Pooled(double)
    inner = {f"tower.{name}": w for name, w in tower.items()}
    features = torch.func.functional_call(holder, inner, (images,))
    assert isinstance(features, torch.Tensor)
    return features @ weights["head.weight"].T + weights["head.bias"]


class Pooled(torch.nn.Module):
    """The tower's features as a module's forward."""

    def __init__(self, model: TinyModel) -> None:
        super().__init__()
        self.tower = model.tower

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.tower.pooled(images)


def definite(name: str, weight: torch.Tensor) -> torch.Tensor:
    """Leave out the keys' bias: softmax ignores it, and Adam makes full steps of noise there."""
    return torch.cat([weight[:24], weight[48:]]) if name.endswith("qkv.bias") else weight


def rate_of(step: int, steps: int, schedule: str, warmup: float) -> float:
    rising = math.ceil(steps * warmup)
    if step <= rising:
        return step / rising
    if schedule == "constant":
        return 1.0
    return (1 + math.cos(math.pi * (step - rising - 1) / (steps - rising))) / 2


SETTINGS: dict[str, dict[str, Any]] = {
    "adam": {},
    "L2": {"weight_decay": 0.1},
    "adamw": {"optimizer": "adamw", "weight_decay": 0.5},
    "clip": {"clip_norm": 0.05},
    "cosine": {"schedule": "cosine"},
    "warmup": {"warmup": 0.5},
    "all": {
        "optimizer": "adamw",
        "weight_decay": 0.3,
        "clip_norm": 0.5,
        "schedule": "cosine",
        "warmup": 0.4,
        "head_lr": 4e-3,
    },
}


@pytest.mark.parametrize("setting", SETTINGS)
def test_ft_equals_a_loop_by_hand(setting: str, make: Make, fit: Fit, pictures: Pictures) -> None:
    params = SETTINGS[setting]
    model, logbook, steps, lr = tiny_model(), RecordingLogbook(), 6, 1e-3
    double = copy.deepcopy(model)
    double.module.double()
    images, labels = pictures(model)
    start = fit(make(epochs=1, batch_size=WHOLE, lr=1e-30), copy.deepcopy(model))
    unread = "image_tower.projection.weight"
    weights = {name: w.double() for name, w in start.items() if name != unread}
    factors = [
        rate_of(step, steps, params.get("schedule", "constant"), params.get("warmup", 0.0))
        for step in range(1, steps + 1)
    ]
    rates = [
        {n: f * (params.get("head_lr", lr) if n.startswith("head.") else lr) for n in weights}
        for f in factors
    ]
    losses = by_hand(
        weights,
        lambda leaves: F.cross_entropy(logits_of(double, leaves, images.double()), labels),
        rates,
        decay=params.get("weight_decay", 0.0),
        decoupled=params.get("optimizer") == "adamw",
        clip=params.get("clip_norm"),
    )
    after = fit(make(epochs=steps, batch_size=WHOLE, lr=lr, **params), model, logbook)
    assert [epoch.loss for epoch in logbook.epochs] == pytest.approx(losses, rel=2e-4)
    assert [epoch.lr for epoch in logbook.epochs] == pytest.approx([lr * f for f in factors])
    for name, expected in weights.items():
        off = (definite(name, after[name]) - definite(name, expected)).abs()
        assert off.max() < 6 * lr * 0.2, name  # where a gradient comes near 0
        assert off.mean() < lr * 5e-3, name
    assert after[unread].equal(start[unread])


def test_the_settings_above_differ_in_what_they_train(make: Make, fit: Fit) -> None:
    """The tolerances above would be worth nothing if these were within them."""
    heads = [
        fit(make(epochs=6, batch_size=WHOLE, lr=1e-3, **SETTINGS[setting]))["head.weight"]
        for setting in ("adam", "L2", "adamw", "clip", "cosine", "warmup")
    ]
    for one, other in itertools.combinations(heads, 2):
        assert (one - other).abs().mean() > 1e-3 * 2e-2


@pytest.mark.parametrize(
    ("name", "passes"), [("ft", 2), ("ft", 10), ("lp", 3), ("lora", 3), ("wise-ft", 3)]
)
def test_a_step_in_several_passes_is_the_same_step(
    name: str, passes: int, make: Make, fit: Fit
) -> None:
    logbooks = RecordingLogbook(), RecordingLogbook()
    once = fit(make(name), logbook=logbooks[0])
    often = fit(make(name, accumulate=passes), logbook=logbooks[1])
    for key, value in once.items():
        assert (definite(key, often[key]) - definite(key, value)).abs().mean() < 2e-5, key
    for one, other in zip(*(logbook.epochs for logbook in logbooks), strict=True):
        assert other.loss == pytest.approx(one.loss, rel=1e-3)
        assert other.accuracy == one.accuracy


def test_passes_hold_what_the_params_say(make: Make, fit: Fit) -> None:
    model = tiny_model()
    sizes = watch_sizes(model)
    fit(make(epochs=1, accumulate=3), model)
    assert sizes == [4, 4, 2, 4, 4, 2, 4, 2]


def watch_sizes(model: TinyModel) -> list[int]:
    """Note the size of each batch that is trained on."""
    sizes: list[int] = []
    plain = model.features

    def counting(images: torch.Tensor) -> torch.Tensor:
        # A pass of one image finds out which weights train.
        if torch.is_grad_enabled() and len(images) > 1:
            sizes.append(len(images))
        return plain(images)

    model.features = counting  # type: ignore[method-assign]
    return sizes


def test_the_last_partial_batch_is_trained_on(make: Make, fit: Fit) -> None:
    model = tiny_model()
    sizes = watch_sizes(model)
    fit(make(epochs=2), model)
    assert sizes == [10, 10, 6, 10, 10, 6]


class Watched:
    """A split that remembers what was asked of it."""

    identity = "watched"

    def __init__(self, whole: Any) -> None:
        self.whole = whole
        self.asked: list[int] = []

    def __len__(self) -> int:
        return len(self.whole)

    def samples(self, indices: Any) -> Any:
        self.asked.extend(indices)
        return self.whole.samples(indices)


def test_each_epoch_has_an_order_of_its_own(make: Make, data: Any) -> None:
    watched = Watched(data.train)
    make().fit(tiny_model(), watched, data.classes, RecordingLogbook())
    one, other = watched.asked[-52:-26], watched.asked[-26:]
    assert sorted(one) == sorted(other) == list(range(26))
    assert one != other
    assert list(range(26)) not in (one, other)


def test_lp_reads_each_sample_once_unless_it_is_augmented(make: Make, data: Any) -> None:
    counts = []
    for augment in ("none", "published"):
        watched = Watched(data.train)
        make("lp", epochs=3, augment=augment).fit(
            tiny_model(), watched, data.classes, RecordingLogbook()
        )
        # Besides, the first sample is read to know the width, and perhaps the next one ahead.
        counts.append(len([index for index in watched.asked if index > 1]))
    assert counts == [24, 72]


def test_lp_with_and_without_stored_features_trains_the_same(make: Make, fit: Fit) -> None:
    stored = fit(make("lp", lr=1e-2))
    # A swap that (almost) never happens has the images computed anew for each epoch.
    anew = fit(make("lp", lr=1e-2, background_swap=1e-12))
    for key, value in stored.items():
        torch.testing.assert_close(anew[key], value, rtol=0, atol=1e-4)


@pytest.mark.usefixtures("native_bfloat16")
@pytest.mark.parametrize("name", ["ft", "lp", "flcp", "lora", "wise-ft"])
def test_bfloat16_is_close_to_float32(name: str, make: Make, fit: Fit) -> None:
    logbooks = RecordingLogbook(), RecordingLogbook()
    full = fit(make(name), logbook=logbooks[0])
    half = fit(make(name, precision="bfloat16"), logbook=logbooks[1])
    for one, other in zip(*(logbook.epochs for logbook in logbooks), strict=True):
        assert other.loss == pytest.approx(one.loss, rel=0.03)
    assert all(value.dtype == torch.float32 for value in half.values())
    assert any(not half[key].equal(full[key]) for key in full)
    for key, value in full.items():
        assert (half[key] - value).abs().mean() < 3e-3, key


def test_readers_change_nothing(make: Make, fit: Fit) -> None:
    one = fit(make(augment="published", background_swap=0.5))
    several = fit(make(augment="published", background_swap=0.5, readers=4))
    assert all(several[key].equal(value) for key, value in one.items())


def test_the_first_head_has_the_default_distribution(make: Make, fit: Fit) -> None:
    heads = torch.stack([fit(make("lp", seed=s, lr=1e-12))["head.weight"] for s in range(10)])
    bound = 24**-0.5
    assert heads.abs().max() <= bound
    assert heads.abs().max() > 0.98 * bound
    assert heads.var().item() == pytest.approx(bound**2 / 3, rel=0.1)
