"""Prompts with a whole model whose weights are other ones than zero-shot's."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from rateval.api.protocols import Explained
from rateval_finetune.methods.zero_shot import PromptClassifier
from rateval_finetune.training.states import copy_state, load_part, name_state, require_fit

MODEL = "model."


def copy_model(model: Explained) -> dict[str, torch.Tensor]:
    """Copy all weights of a model to the CPU, as ``model.*``."""
    return copy_state(name_state(model.module, MODEL))


def load_model(model: Explained, state: Mapping[str, torch.Tensor]) -> None:
    """Put what ``copy_model`` gave into a model. Raises RatevalError when it does not fit."""
    live = name_state(model.module, MODEL)
    require_fit({name: tuple(tensor.shape) for name, tensor in live.items()}, state)
    load_part(model.module, state, MODEL)


class TunedPromptClassifier(PromptClassifier):
    """A classifier by prompts with a model whose weights were trained."""

    def state(self) -> dict[str, torch.Tensor]:
        """Copy all weights of the model to the CPU, as ``model.*``."""
        return copy_model(self.model)
