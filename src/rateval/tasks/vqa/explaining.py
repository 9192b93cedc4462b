"""What is predicted and handed over where answers are explained."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from rateval.api.tasks.task import Inputs, Outputs, Posed, Predictions
from rateval.api.tasks.texts import Answered
from rateval.tasks.vqa.blind import answer_blindly, without_image
from rateval.tasks.vqa.judge import Judge, require


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
