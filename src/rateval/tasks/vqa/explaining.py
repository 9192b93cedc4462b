"""Answers handed to an attribution."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from rateval.api.tasks.task import Inputs, Outputs, Posed, Predictions
from rateval.api.tasks.texts import Answered
from rateval.errors import PluginError
from rateval.tasks.vqa.blind import answer_blindly, without_image
from rateval.tasks.vqa.judge import Judge, require


def explain_answers(
    attribution: Any, classifier: Any, answered: Answered, task: str = "vqa"
) -> Any:
    """Have an attribution explain answers. Raises PluginError where it can't."""
    explain = getattr(attribution, "explain_answers", None)
    if explain is None:
        raise PluginError(
            f"the attribution's component says that it serves {task}, and so it must offer "
            "explain_answers (rateval.api.tasks.texts.TextAttribution)",
            kind="attribution",
        )
    return explain(classifier, answered)


def make_answered(
    inputs: Inputs, answers: Sequence[str], rivals: tuple[str, ...] | None
) -> Answered:
    """Return what is to be explained of a batch."""
    questions = tuple(one.question for one in require(inputs.asked))
    return Answered(inputs.images, questions, tuple(answers), inputs.ids, rivals)


def predict_before(task: Posed, judge: Judge, classifier: Any, inputs: Inputs) -> Outputs:
    """Predict before anything is explained; no gradient is kept.

    What rows keep is also asked without the image.
    """

    def predict(given: Inputs) -> Predictions:
        return task.predictions(task.predict(classifier, given))

    with torch.inference_mode():
        outputs = task.predict(classifier, inputs)
        if not inputs.kept:
            return outputs
        return without_image(outputs, answer_blindly(judge, inputs, predict))
