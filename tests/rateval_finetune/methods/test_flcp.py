from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import pytest
import torch

from rateval.api import Context
from rateval.testing import RecordingLogbook, TinyModel, tiny_model
from rateval_finetune.methods.contrastive import ContrastiveFinetuner, make_flcp
from rateval_finetune.params import FlcpParams
from rateval_finetune.training.objectives import ContrastiveObjective

Make = Callable[..., Any]
Fit = Callable[..., dict[str, torch.Tensor]]
Pictures = Callable[[TinyModel], tuple[torch.Tensor, torch.Tensor]]
CLASSES = ("red square", "green square", "blue square")


class Single(TinyModel):
    """One prompt per class, so that nothing is drawn."""

    def prompts(self, classes: Sequence[str]) -> list[list[str]]:
        return [[f"a photo of a {name}"] for name in classes]


class Learnt(Single):
    """Its temperature is a weight, as that of real models is."""

    def __init__(self) -> None:
        super().__init__()
        self.module.log_scale = torch.nn.Parameter(torch.tensor(3.0))

    @property
    def logit_scale(self) -> torch.Tensor:
        scale = self.module.log_scale
        assert isinstance(scale, torch.Tensor)
        return scale.exp()


def naive_loss(model: TinyModel, images: torch.Tensor, labels: torch.Tensor, scale: Any) -> Any:
    """Pair by pair: each image against every prompt of the batch, and the other way round."""
    prompts = [model.prompts(CLASSES)[label][0] for label in labels.tolist()]
    seen, said = model.encode_image(images), model.encode_text(prompts)
    cosine = [[(a @ b) / (a.norm() * b.norm()) for b in said] for a in seen]
    total: Any = 0.0
    for i in range(len(images)):
        row = torch.stack([scale * cosine[i][j] for j in range(len(images))])
        column = torch.stack([scale * cosine[j][i] for j in range(len(images))])
        total = total - (row[i] - row.logsumexp(0)) / 2 - (column[i] - column.logsumexp(0)) / 2
    return total / len(images)


def naive_adam(
    model: TinyModel, steps: int, lr: float, loss_of: Callable[[TinyModel], Any]
) -> list[float]:
    weights = [w for w in model.module.parameters() if w.requires_grad]
    mean = [torch.zeros_like(w) for w in weights]
    square = [torch.zeros_like(w) for w in weights]
    losses = []
    for step in range(1, steps + 1):
        loss = loss_of(model)
        losses.append(loss.item())
        gradients = torch.autograd.grad(loss, weights, allow_unused=True)
        for w, m, s, gradient in zip(weights, mean, square, gradients, strict=True):
            if gradient is not None:
                m.mul_(0.9).add_(gradient, alpha=0.1)
                s.mul_(0.999).add_(gradient**2, alpha=0.001)
                move = m / (1 - 0.9**step) / ((s / (1 - 0.999**step)).sqrt() + 1e-8)
                w.data.sub_(lr * move)
    return losses


@pytest.mark.parametrize("temperature", [0.07, 0.5, "learnt"])
def test_it_equals_a_float64_loop_over_pairs(
    temperature: Any, fit: Fit, pictures: Pictures
) -> None:
    """Same-class pairs are negatives: there are 26 samples of 3 classes."""
    with torch.random.fork_rng([]):
        torch.manual_seed(0)
        model = Learnt()
    double = copy.deepcopy(model)
    double.module.double().requires_grad_(True)
    images, labels = pictures(model)
    learnt = temperature == "learnt"
    losses = naive_adam(
        double,
        4,
        1e-3,
        lambda m: naive_loss(
            m, images.double(), labels, m.logit_scale if learnt else 1 / temperature
        ),
    )
    logbook = RecordingLogbook()
    params = FlcpParams(epochs=4, batch_size=26, lr=1e-3, temperature=temperature)
    state = fit(make_flcp(params, Context()), model, logbook)
    assert [epoch.loss for epoch in logbook.epochs] == pytest.approx(losses, rel=1e-3)
    for name, expected in double.module.state_dict().items():
        off = (state[f"model.{name}"] - expected).abs()
        if name.endswith("qkv.bias"):  # softmax ignores the keys' bias, where Adam follows noise
            off = torch.cat([off[:24], off[48:]])
        assert off.mean() < 1e-3 * 5e-2, name
    moved = state["model.log_scale"] != 3.0
    assert bool(moved) == learnt


@pytest.mark.parametrize(
    ("asked", "feature", "used"),
    [
        ("published", "projected embedding", 0.07),
        ("published", "class token", None),
        ("learnt", "projected embedding", None),
        (0.5, "class token", 0.5),
    ],
)
def test_which_temperature_is_used(
    asked: Any, feature: str, used: float | None, monkeypatch: pytest.MonkeyPatch, fit: Fit
) -> None:
    given: list[float | None] = []
    plain = ContrastiveObjective.__init__

    def watched(self: Any, model: Any, classes: Any, temperature: float | None) -> None:
        given.append(temperature)
        plain(self, model, classes, temperature)

    monkeypatch.setattr(ContrastiveObjective, "__init__", watched)
    model = tiny_model()
    model.card = dataclasses.replace(model.card, head_feature=feature)
    fit(make_flcp(FlcpParams(epochs=1, batch_size=26, temperature=asked), Context()), model)
    assert given == [used]


def test_it_classifies_by_prompts_with_the_new_weights(
    make: Make, data: Any, images: Callable[[TinyModel], torch.Tensor]
) -> None:
    model = tiny_model()
    flcp = make("flcp")
    assert isinstance(flcp, ContrastiveFinetuner)
    classifier = flcp.fit(model, data.train, data.classes, RecordingLogbook())
    assert set(classifier.state()) == {f"model.{name}" for name in tiny_model().module.state_dict()}
    seen = torch.nn.functional.normalize(model.encode_image(images(model)), dim=-1)
    rows = []
    for prompts in model.prompts(data.classes):
        each = torch.nn.functional.normalize(model.encode_text(prompts), dim=-1)
        rows.append(torch.nn.functional.normalize(each.mean(0), dim=0))
    torch.testing.assert_close(classifier.logits(images(model)), 20 * seen @ torch.stack(rows).T)


def test_one_of_several_prompts_is_drawn_for_each_step(make: Make, data: Any) -> None:
    model = tiny_model()
    plain, asked = model.encode_text, []

    def watching(prompts: Sequence[str] | torch.Tensor) -> torch.Tensor:
        if torch.is_grad_enabled():
            asked.append(tuple(prompts))
        return plain(prompts)

    model.encode_text = watching  # type: ignore[method-assign]
    make("flcp", epochs=12, batch_size=26).fit(model, data.train, data.classes, RecordingLogbook())
    steps = [prompts for prompts in asked if len(prompts) == 3]
    assert len(steps) == 12  # each class is encoded once a step, whatever the batch holds
    for name in data.classes:
        used = {prompt for prompts in steps for prompt in prompts if prompt.endswith(name)}
        assert used == {f"a photo of a {name}", f"one {name}"}


def test_what_only_fills_a_share_changes_nothing(pictures: Pictures) -> None:
    model = Single()
    model.module.requires_grad_(True)
    images, labels = pictures(model)
    objective = ContrastiveObjective(model, CLASSES, 0.07)
    weights = torch.tensor([0.0] + [1.0] * 9)
    with_filler, _ = objective(images[:10], labels[:10], weights, None)
    without, _ = objective(images[1:10], labels[1:10], weights[1:], None)
    torch.testing.assert_close(with_filler, without)
    one = torch.autograd.grad(with_filler, model.tower.norm.weight)
    other = torch.autograd.grad(without, model.tower.norm.weight)
    torch.testing.assert_close(one, other)


def test_a_pass_that_only_fills_has_a_gradient_of_zero(pictures: Pictures) -> None:
    model = Single()
    model.module.requires_grad_(True)
    images, labels = pictures(model)
    objective = ContrastiveObjective(model, CLASSES, 0.07)
    loss, _ = objective(images[:1], labels[:1], torch.zeros(1), None)
    assert loss.item() == 0
    (gradient,) = torch.autograd.grad(loss, model.tower.norm.weight)
    assert gradient.equal(torch.zeros(24))
