"""Texts that a model writes about images."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from rateval.api.tasks.task import Inputs, Outputs
from rateval.errors import PluginError


def write_texts(
    classifier: Any, inputs: Inputs, questions: Sequence[str], promise: str, texts: str = ""
) -> Outputs:
    """Have the model write a text about each image; the number of each is its log probability.

    Raises PluginError where it writes more or fewer: ``promise`` is what it must do, ``texts`` what
    there is too much or too little of.
    """
    written = classifier.model.generate(inputs.images, questions)
    if len(written) != len(questions):
        got = f"{len(written)} {texts}".rstrip()
        raise PluginError(f"generate() of the model must {promise}; got {got}", kind="model")
    numbers = torch.tensor([[one.likelihood] for one in written], dtype=torch.float32)
    return Outputs(numbers.reshape(-1, 1), tuple(one.text for one in written))
