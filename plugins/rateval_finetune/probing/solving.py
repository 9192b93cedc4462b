"""The training of a head by L-BFGS on stored features, its penalty given or searched."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

import torch

from rateval.api import Classifier, Epoch, Logbook, RatevalError, Split
from rateval.modelkit import is_out_of_memory
from rateval_finetune.params import LpParams
from rateval_finetune.probing.regression import GRADIENT, Fit, Regression
from rateval_finetune.probing.strength import (
    SEARCHED,
    STEPS,
    best_of,
    search,
    try_all,
    value_of,
)
from rateval_finetune.training.features import compute_features
from rateval_finetune.training.linear_head import HeadClassifier
from rateval_finetune.training.processes import say_once

_STEP = 1.0
"""L-BFGS's own step, in the place of a rate."""


class Method(Protocol):
    """What is asked of the method whose head is trained."""

    name: str
    params: LpParams
    device: str
    readers: int

    def finish(self, classifier: Classifier) -> Classifier:
        """Freeze what was trained."""
        ...


@dataclass(frozen=True, slots=True)
class _Found:
    fit: Fit
    l2: float
    swept: tuple[dict[str, Any], ...]


class Solver:
    """One head on its way to the minimum; what it comes to depends on the features alone.

    Nothing is saved on the way: an interrupted training begins anew, and comes to the same head.
    """

    def __init__(self, method: Method, classifier: HeadClassifier, logbook: Logbook) -> None:
        """Prepare to train ``classifier``'s head; its model comes frozen."""
        self._method, self._classifier, self._logbook = method, classifier, logbook
        self._params = method.params

    def train(self, split: Split) -> None:
        """Train the head, and record its curve by iterations.

        Raises RatevalError when no sample can be read, features are not finite or take too much
        memory, or nothing is held out to search the penalty by.
        """
        held, fits = self._held_out(), 1
        if held is not None:
            fits = SEARCHED if self._params.l2 == "sweep" else STEPS + 1
        total = len(split) * (1 + fits) + (0 if held is None else len(held))
        self._logbook.begin(total)
        features, labels = self._features(split, "training sample")
        watched = None if held is None else self._features(held, "sample held out")
        # Processes have the same features, and need not all find the same minimum.
        found = say_once(lambda: self._find(features, labels, watched, len(split), fits))
        self._keep(found)

    def _held_out(self) -> Split | None:
        l2 = self._params.l2
        if not isinstance(l2, str):
            return None
        if self._logbook.held_out is None:
            raise RatevalError(
                f'{self._method.name}: l2 = "{l2}": the study holds no samples out to choose by; '
                "add a table [held_out] to its spec, or give l2 a number"
            )
        return self._logbook.held_out

    def _features(self, split: Split, kind: str) -> tuple[torch.Tensor, torch.Tensor]:
        method = self._method
        source = compute_features(
            self._classifier,
            split,
            self._params,
            method.device,
            self._logbook,
            readers=method.readers,
            kind=kind,
        )
        readable = source.labels >= 0
        features, labels = source.features[readable], source.labels[readable]
        if not features.isfinite().all():
            bad = int((~features.isfinite().all(1)).sum())
            raise RatevalError(
                f"{method.name}: the model's features of {bad} of {len(labels)} images are not "
                "finite; look for images or weights of the model that are not finite, or use "
                'precision = "float32" under [run]'
            )
        return features, labels

    def _find(
        self,
        features: torch.Tensor,
        labels: torch.Tensor,
        watched: tuple[torch.Tensor, torch.Tensor] | None,
        samples: int,
        fits: int,
    ) -> _Found:
        classes = self._classifier.head.out_features
        best: dict[int, Fit] = {}
        with _explained_memory(self._method.name):
            place = self._place()
            regression = Regression(features.to(place), labels.to(place), classes)
            if watched is None:
                l2 = float(self._params.l2)
                return _Found(self._fit(regression, l2, samples), l2, ())
            swept: dict[int, dict[str, Any]] = {}

            def score(step: int) -> float:
                l2 = value_of(step)
                fit = self._fit(regression, l2, samples)
                accuracy = _accuracy(fit, *watched)
                swept[step] = {"l2": l2, "accuracy": accuracy, **_tell(fit)}
                scores = {at: row["accuracy"] for at, row in swept.items()}
                if best_of(scores) == step:
                    best.clear()
                    best[step] = fit
                return accuracy

            tried = (search if self._params.l2 == "sweep" else try_all)(score)
        left = samples * (fits - len(tried))
        if left:
            self._logbook.advance(left, "l2 chosen")
        (chosen,) = best
        rows = tuple(swept[step] for step in sorted(swept))
        return _Found(best[chosen], value_of(chosen), rows)

    def _place(self) -> torch.device:
        device = torch.device(self._method.device)
        # Apple's GPUs have no float64.
        return torch.device("cpu") if device.type == "mps" else device

    def _fit(self, regression: Regression, l2: float, samples: int) -> Fit:
        most, done = self._params.iterations, 0

        def tell(number: int, loss: float) -> None:
            nonlocal done
            reached = samples * number // most
            if reached > done:
                note = f"l2 {l2:.3g}, iteration {number} loss {loss:.2f}"
                self._logbook.advance(reached - done, note)
                done = reached

        fit = regression.minimise(l2, most, tell)
        if done < samples:
            self._logbook.advance(samples - done, f"l2 {l2:.3g} loss {fit.iterates[-1].loss:.2f}")
        return fit

    def _keep(self, found: _Found) -> None:
        fit, head, logbook = found.fit, self._classifier.head, self._logbook
        with torch.no_grad():
            head.weight.copy_(fit.weight)
            head.bias.copy_(fit.bias)
        self._method.finish(self._classifier)
        scores = say_once(lambda: dict(logbook.examine(self._classifier)))
        iterates = fit.iterates[1:] or fit.iterates
        for number, one in enumerate(iterates, 1):
            last = scores if number == len(iterates) else {}
            logbook.record(Epoch(number, one.loss, one.accuracy, _STEP, last))
        for name, value in {"l2": found.l2, **_tell(fit)}.items():
            logbook.tell(name, value)
        if found.swept:
            logbook.tell("swept", list(found.swept))
        if not fit.converged:
            logbook.advance(
                0,
                f"{self._method.name}: l2 = {found.l2:g}: not at the minimum after "
                f"{len(iterates)} iterations: a part of the gradient is {fit.gradient:.1e} "
                f"(aimed at: {GRADIENT:.0e}); raise iterations, or l2",
            )


def _tell(fit: Fit) -> dict[str, Any]:
    return {
        "iterations": len(fit.iterates) - 1,
        "converged": fit.converged,
        "gradient": float(f"{fit.gradient:.3g}"),
    }


def _accuracy(fit: Fit, features: torch.Tensor, labels: torch.Tensor) -> float:
    logits = features.double() @ fit.weight.T + fit.bias
    return float((logits.argmax(1) == labels).double().mean())


@contextmanager
def _explained_memory(name: str) -> Iterator[None]:
    try:
        yield
    except RuntimeError as error:
        if not is_out_of_memory(error):
            raise
        raise RatevalError(
            f'{name}: out of memory with all features at once, as solver = "lbfgs" needs them; use '
            'solver = "adam", or another device, such as --device cpu'
        ) from error
