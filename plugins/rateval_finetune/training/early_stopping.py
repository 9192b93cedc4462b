"""The end of a training whose score on held-out samples no longer rises; the best weights stay."""

from __future__ import annotations

from collections.abc import Mapping

import torch


class EarlyStopping:
    """One score followed from epoch to epoch; without a name it never stops anything."""

    def __init__(self, name: str | None, patience: int) -> None:
        self._name = name
        self._patience = patience
        self.best: float | None = None
        """Highest score so far; an undefined one is never the highest."""
        self.since_best = 0
        """Epochs since then."""
        self.weights: dict[str, torch.Tensor] = {}
        """Copies of the weights of that epoch."""

    def goes_on(
        self, scores: Mapping[str, float | None], weights: Mapping[str, torch.Tensor]
    ) -> bool:
        """Take an epoch's scores and weights, and return whether to train on.

        >>> stopping = EarlyStopping("pt", patience=1)
        >>> [stopping.goes_on({"pt": value}, {}) for value in (None, 0.5, 0.5)]
        [False, True, False]
        """
        if self._name is None:
            return True
        value = scores[self._name]
        if value is not None and (self.best is None or value > self.best):
            self.best, self.since_best = value, 0
            self.weights = {name: weight.detach().clone() for name, weight in weights.items()}
        else:
            self.since_best += 1
        return self.since_best < self._patience
