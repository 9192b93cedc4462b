"""Multinomial logistic regression: its loss with an L2 penalty, brought to its only minimum."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import scipy.optimize
import torch
from numpy.typing import NDArray

GRADIENT = 1e-7
"""Largest part of the gradient, in the minimiser's own variables, of what has converged."""
_CHUNK = 8192
_WIDENED = 2**30
"""Bytes up to which all samples stay widened; widening anew costs a pass over them."""
_HISTORY = 10
_JITTER = 1e-12
"""Of the mean curvature: features that say the same twice have none along their difference."""


@dataclass(frozen=True, slots=True)
class Iterate:
    """Where one iteration ended."""

    loss: float
    """Mean cross entropy of the samples, the penalty left out."""
    accuracy: float
    """Share of the samples that were right."""


@dataclass(frozen=True, slots=True)
class Fit:
    """A head, and how well the minimum was reached."""

    weight: torch.Tensor
    """(K, F) float64 on the CPU."""
    bias: torch.Tensor
    """(K,) float64 on the CPU."""
    objective: float
    """Mean cross entropy and penalty."""
    gradient: float
    """Largest part of the objective's gradient by weights and biases."""
    converged: bool
    evaluations: int
    """How often all samples were seen."""
    iterates: list[Iterate] = field(default_factory=list)
    """One per iteration; the first one is where it began."""


class Regression:
    """The mean cross entropy of a linear head, plus ``l2 / (2 N)`` times its squared weights.

    That is scikit-learn's ``LogisticRegression(C=1 / l2)``; biases are free there, too. All sums
    are in float64; the features stay float32 and are widened in portions.
    """

    def __init__(self, features: torch.Tensor, labels: torch.Tensor, classes: int) -> None:
        """Take features (N, F) and labels (N,) int64 on the device that is to compute."""
        self._features, self._labels, self._classes = features, labels, classes
        self._kept: list[tuple[torch.Tensor, torch.Tensor]] = []
        if len(labels) * (features.shape[1] + 1) * 8 <= _WIDENED:
            self._kept = list(self._widen())
        self._curvature = self._bound_curvature()
        self._seen = Iterate(math.nan, math.nan)
        self._gradient = math.inf

    def minimise(
        self, l2: float, iterations: int, tell: Callable[[int, float], None] = lambda *_: None
    ) -> Fit:
        """Return the head at the minimum, or after so many iterations of L-BFGS from zeros.

        ``tell`` hears the number of each iteration and its loss.
        """
        width = self._curvature.shape[0]
        root = self._precondition(l2)
        iterates: list[Iterate] = []

        def evaluate(flat: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
            changed = torch.from_numpy(flat.reshape(-1, width)).to(root)
            value, gradient = self._evaluate(_solve(root, changed), l2)
            moved = torch.linalg.solve_triangular(root, gradient.T, upper=False).T
            if not iterates:
                iterates.append(self._seen)
            return value, moved.contiguous().cpu().numpy().ravel()

        def passed(_: Any) -> None:
            iterates.append(self._seen)
            tell(len(iterates) - 1, self._seen.loss)

        found = scipy.optimize.minimize(
            evaluate,
            np.zeros(self._classes * width),
            method="L-BFGS-B",
            jac=True,
            callback=passed,
            # Without a tolerance of the value it goes on until float64 knows no smaller one.
            options={
                "maxiter": iterations,
                "maxfun": 20 * iterations + 20,
                "gtol": GRADIENT,
                "ftol": 0.0,
                "maxcor": _HISTORY,
                "maxls": 50,
            },
        )
        head = _solve(root, torch.from_numpy(found.x.reshape(-1, width)).to(root))
        value, gradient = self._evaluate(head, l2)
        head = head.cpu()
        return Fit(
            weight=head[:, :-1].contiguous(),
            bias=head[:, -1].contiguous(),
            objective=value,
            gradient=float(gradient.abs().max()),
            converged=found.status == 0,
            evaluations=int(found.nfev),
            iterates=iterates,
        )

    def _evaluate(self, head: torch.Tensor, l2: float) -> tuple[float, torch.Tensor]:
        """Return the objective at a head (K, F + 1), biases last, and its gradient."""
        total, right = 0.0, 0
        gradient = torch.zeros_like(head)
        count = len(self._labels)
        for rows, labels in self._kept or self._widen():
            logits = rows @ head.T
            logs = logits.log_softmax(1)
            total -= float(logs.gather(1, labels[:, None]).sum())
            right += int((logits.argmax(1) == labels).sum())
            errors = logs.exp_()
            errors[torch.arange(len(labels), device=labels.device), labels] -= 1
            gradient += errors.T @ rows
        weight = head[:, :-1]
        gradient[:, :-1] += l2 * weight
        self._seen = Iterate(total / count, right / count)
        penalty = 0.5 * l2 * float(weight.square().sum())
        return (total + penalty) / count, gradient / count

    def _widen(self) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        for begin in range(0, len(self._labels), _CHUNK):
            part = self._features[begin : begin + _CHUNK].double()
            ones = part.new_ones(len(part), 1)
            yield torch.cat([part, ones], 1), self._labels[begin : begin + _CHUNK]

    def _bound_curvature(self) -> torch.Tensor:
        """Return half the mean outer product of the samples, (F + 1, F + 1) float64.

        No class's curvature is above it (Böhning, Annals of the Institute of Statistical
        Mathematics, 1992).
        """
        width = self._features.shape[1] + 1
        total = torch.zeros(width, width, dtype=torch.float64, device=self._features.device)
        for rows, _ in self._kept or self._widen():
            total += rows.T @ rows
        return total / (2 * len(self._labels))

    def _precondition(self, l2: float) -> torch.Tensor:
        """Return the lower root of a bound of the curvature: in its units all directions are alike.

        Without it, features of unlike sizes take hundreds of iterations.
        """
        bound = self._curvature.clone()
        diagonal = bound.diagonal()
        diagonal += _JITTER * diagonal.mean()
        diagonal[:-1] += l2 / len(self._labels)
        root: torch.Tensor = torch.linalg.cholesky(bound)
        return root


def _solve(root: torch.Tensor, changed: torch.Tensor) -> torch.Tensor:
    """Return the head whose coordinates in units of ``root`` are ``changed``."""
    head: torch.Tensor = torch.linalg.solve_triangular(root.T, changed.T, upper=True).T
    return head
