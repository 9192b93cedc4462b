"""Attributions that explain answers that are texts, and no class scores."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from rateval.api import Classifier, Explanation, RatevalError


class AnswersAlone:
    """An attribution that refuses to explain a classifier, by name."""

    name: str
    """What a spec calls it."""
    instead: str
    """Name of what explains class scores likewise."""

    def explain(
        self,
        classifier: Classifier,
        images: torch.Tensor,
        labels: torch.Tensor,
        ids: Sequence[str] | None = None,
    ) -> Explanation:
        """Raise RatevalError: a classifier has no words that look at an image."""
        raise RatevalError(
            f"{self.name} explains answers that are texts, and a classifier gives scores of K "
            f"classes; use {self.instead}"
        )
