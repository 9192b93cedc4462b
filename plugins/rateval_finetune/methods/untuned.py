"""Models that answer by texts, as they are."""

from __future__ import annotations

from typing import Any, TypeGuard

import torch

from rateval.api.tasks.texts import TextModel


class UntunedAnswerer:
    """A text model as it is; a ``rateval.api.tasks.texts.Answerer``."""

    decision = None

    def __init__(self, model: TextModel) -> None:
        self.model = model

    def state(self) -> dict[str, torch.Tensor]:
        """Return nothing: the model alone answers."""
        return {}


def answers(model: Any) -> TypeGuard[TextModel]:
    """Return whether a model answers by texts."""
    return hasattr(model, "generate") and hasattr(model, "score")
