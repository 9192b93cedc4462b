"""The minimum against scipy's L-BFGS on the plain loss, as scikit-learn finds it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.optimize
import scipy.special
import torch
from numpy.typing import NDArray

from rateval_finetune.probing import regression
from rateval_finetune.probing.regression import Regression

Array = NDArray[np.float64]


def make(count: int = 200, width: int = 24, classes: int = 4) -> tuple[torch.Tensor, torch.Tensor]:
    """Draw features of unlike sizes that tell classes apart, if not wholly."""
    draw = torch.Generator().manual_seed(0)
    labels = torch.randint(classes, (count,), generator=draw)
    middles = 0.4 * torch.randn(classes, width, generator=draw)
    sizes = torch.logspace(-2, 1, width)
    return (middles[labels] + torch.randn(count, width, generator=draw)) * sizes + 0.5, labels


def minimise_plainly(
    features: torch.Tensor, labels: torch.Tensor, classes: int, l2: float
) -> tuple[float, Array, Array]:
    """Minimise C sum(cross entropy) + |w|^2 / 2, by float64 and without preconditioning."""
    rows, ones = features.double().numpy(), np.eye(classes)[labels.numpy()]
    width, c = rows.shape[1], 1 / l2

    def evaluate(flat: Array) -> tuple[float, Array]:
        head = flat.reshape(classes, width + 1)
        logits = rows @ head[:, :width].T + head[:, width]
        logs = logits - scipy.special.logsumexp(logits, axis=1, keepdims=True)
        value = -c * (logs * ones).sum() + (head[:, :width] ** 2).sum() / 2
        errors = c * (np.exp(logs) - ones)
        gradient = np.column_stack([errors.T @ rows + head[:, :width], errors.sum(0)])
        scale = c * len(rows)
        return value / scale, gradient.ravel() / scale

    found: Any = scipy.optimize.minimize(
        evaluate,
        np.zeros(classes * (width + 1)),
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": 100_000, "maxfun": 200_000, "gtol": 1e-10, "ftol": 0.0},
    )
    head = found.x.reshape(classes, width + 1)
    return found.fun, head[:, :width], head[:, width]


@pytest.mark.parametrize("l2", [1e-3, 0.1, 1.0, 316.0, 1e6])
def test_it_is_the_minimum_that_scipy_finds(l2: float) -> None:
    features, labels = make()
    fit = Regression(features, labels, 4).minimise(l2, 1000)
    objective, weight, bias = minimise_plainly(features, labels, 4, l2)
    assert fit.converged
    assert fit.objective == pytest.approx(objective, abs=1e-8)
    rows = features.double().numpy()
    wanted = scipy.special.softmax(rows @ weight.T + bias, axis=1)
    found = scipy.special.softmax(rows @ fit.weight.numpy().T + fit.bias.numpy(), axis=1)
    assert np.abs(found - wanted).max() < 1e-5


def test_more_features_than_samples_and_one_twice() -> None:
    features, labels = make(20, 30, 3)
    features = torch.cat([features, features[:, :1], torch.ones(20, 1)], 1)
    fit = Regression(features, labels, 3).minimise(0.5, 1000)
    objective, weight, _ = minimise_plainly(features, labels, 3, 0.5)
    assert fit.converged
    assert fit.objective == pytest.approx(objective, abs=1e-9)
    assert np.abs(fit.weight.numpy() - weight).max() < 1e-3


def test_the_gradient_is_that_of_the_objective() -> None:
    features, labels = make(50, 6, 3)
    head = torch.randn(3, 7, dtype=torch.float64, requires_grad=True)
    logits = features.double() @ head[:, :6].T + head[:, 6]
    mean = torch.nn.functional.cross_entropy(logits, labels)
    objective = mean + 2.5 / (2 * 50) * head[:, :6].square().sum()
    (wanted,) = torch.autograd.grad(objective, head)
    value, gradient = Regression(features, labels, 3)._evaluate(head.detach(), 2.5)
    assert value == pytest.approx(float(objective.detach()), rel=1e-12)
    assert torch.allclose(gradient, wanted, atol=1e-14)


def test_portions_change_nothing_but_rounding(monkeypatch: pytest.MonkeyPatch) -> None:
    features, labels = make()
    whole = Regression(features, labels, 4).minimise(1.0, 1000)
    monkeypatch.setattr(regression, "_CHUNK", 37)
    monkeypatch.setattr(regression, "_WIDENED", 0)
    parted = Regression(features, labels, 4).minimise(1.0, 1000)
    assert torch.allclose(whole.weight, parted.weight, atol=1e-5)


def test_two_fits_are_equal_bits() -> None:
    features, labels = make()
    one, other = (Regression(features, labels, 4).minimise(0.01, 1000) for _ in range(2))
    assert one.weight.equal(other.weight)
    assert one.bias.equal(other.bias)
    again = Regression(features, labels, 4)
    again.minimise(100.0, 1000)  # what was fitted before leaves no trace
    assert again.minimise(0.01, 1000).weight.equal(one.weight)


def test_too_few_iterations_are_told() -> None:
    features, labels = make()
    heard: list[tuple[int, float]] = []
    fit = Regression(features, labels, 4).minimise(
        1e-3, 3, lambda number, loss: heard.append((number, loss))
    )
    assert not fit.converged
    assert fit.gradient > 1e-5
    assert [number for number, _ in heard] == [1, 2, 3]
    assert [one.loss for one in fit.iterates[1:]] == [loss for _, loss in heard]
    assert fit.iterates[0].loss == pytest.approx(np.log(4))
    losses = [one.loss for one in fit.iterates]
    assert losses == sorted(losses, reverse=True)


def test_labels_that_are_all_one_class_have_an_end() -> None:
    features, _ = make()
    fit = Regression(features, torch.ones(200, dtype=torch.int64), 3).minimise(1.0, 1000)
    assert fit.converged
    assert fit.iterates[-1].accuracy == 1.0
    assert fit.weight.isfinite().all()
