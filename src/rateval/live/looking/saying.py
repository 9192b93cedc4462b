"""What a model says of one photo, as a task that needs nobody to say what is right."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from numpy.typing import NDArray

from rateval.api.tasks.task import Explained, Inputs, Outputs, Predictions
from rateval.api.tasks.texts import Answered, TokenMaps
from rateval.api.values import Asked
from rateval.errors import RatevalError
from rateval.tasks.texts.explaining import explain_answers
from rateval.tasks.texts.numbers import number_text
from rateval.tasks.texts.tokens import explain_tokens
from rateval.tasks.texts.writing import write_texts
from rateval.tasks.vqa.normalising import normalise_gqa

_SCHEMA = pa.schema(
    [
        pa.field("label", pa.int32(), nullable=False),
        pa.field("prediction", pa.int64(), nullable=False),
        pa.field("correct", pa.bool_(), nullable=False),
        pa.field("output", pa.string(), nullable=False),
        pa.field("likelihood", pa.float32(), nullable=False),
        pa.field("blank_output", pa.string(), nullable=False),
    ]
)


@dataclass(frozen=True, slots=True)
class Saying:
    """Answers to a question, or captions; a ``rateval.api.tasks.task.Posed``."""

    question: str = ""
    """Empty asks for a caption."""
    expected: str | None = None
    """What is right to say; None says nothing, and then nothing is right."""
    phrase: str = ""
    """The part of what is said that is explained; empty is all of it."""

    outputs = 1

    @property
    def schema(self) -> pa.Schema:
        """Columns: what is said, how likely it is, and what is said without the image."""
        return _SCHEMA

    def predict(self, classifier: Any, inputs: Inputs) -> Outputs:
        """Have the model write."""
        questions = self._questions(inputs)
        return write_texts(classifier, inputs, questions, f"write {len(questions)} texts")

    def explain(self, attribution: Any, classifier: Any, inputs: Inputs) -> Explained:
        """Have an attribution explain what is said, or the phrase of it."""
        with torch.inference_mode():
            outputs = self.predict(classifier, inputs)
            blank = self.predict(classifier, replace(inputs, images=inputs.images * 0))
        spans = tuple(find_phrase(text, self.phrase) for text in outputs.texts)
        answered = self._answered(inputs, outputs.texts, spans if self.phrase else None)
        kept = replace(outputs, beside={"blank_output": blank.texts})
        return Explained(explain_answers(attribution, classifier, answered), kept)

    def explain_together(
        self, planned: Sequence[Any], wanted: Sequence[int], classifier: Any, inputs: Inputs
    ) -> Sequence[Explained]:
        """Have several attributions explain what is said."""
        return [self.explain(planned[at], classifier, inputs) for at in wanted]

    def explain_tokens(
        self, attribution: Any, classifier: Any, inputs: Inputs, texts: Sequence[str], most: int
    ) -> Sequence[TokenMaps]:
        """Have an attribution explain each token of what was said alone."""
        return explain_tokens(attribution, classifier, self._answered(inputs, texts, None), most)

    def predictions(self, outputs: Outputs) -> Predictions:
        """Return 0 for what is right, a number of its own for each other text, and the texts."""
        right = None if self.expected is None else normalise_gqa(self.expected)
        said = [normalise_gqa(text) for text in outputs.texts]
        numbers = [0 if text == right else number_text(text) for text in said]
        return Predictions(np.array(numbers, dtype=np.int64), outputs.texts)

    def correct(
        self, predictions: Predictions, labels: NDArray[np.int64], asked: Sequence[Asked | None]
    ) -> NDArray[np.bool_]:
        """Return what is right, (B,)."""
        right: NDArray[np.bool_] = predictions.numbers == 0
        return right

    def columns(
        self, outputs: Outputs, labels: NDArray[np.int64], asked: Sequence[Asked | None]
    ) -> Mapping[str, pa.Array]:
        """Return the columns of ``schema``."""
        found = self.predictions(outputs)
        values = {
            "label": labels,
            "prediction": found.numbers,
            "correct": self.correct(found, labels, asked),
            "output": outputs.texts,
            "likelihood": outputs.numbers[:, 0].numpy(),
            "blank_output": outputs.beside["blank_output"],
        }
        return {one.name: pa.array(values[one.name], one.type) for one in _SCHEMA}

    def follow(
        self, classifier: Any, inputs: Inputs, predictions: Predictions
    ) -> tuple[Outputs, NDArray[np.float64]]:
        """Have new texts written; return also the probability of each text before."""
        scores = classifier.model.score(inputs.images, self._questions(inputs), predictions.texts)
        likelihoods = scores.log_probabilities.double().sum(dim=1).exp()
        sure: NDArray[np.float64] = likelihoods.detach().cpu().numpy()
        return self.predict(classifier, inputs), sure

    def randomised(self, classifier: Any) -> torch.nn.Module:
        """Return the whole model: a text hangs on all of it."""
        module: torch.nn.Module = classifier.model.module
        return module

    def _questions(self, inputs: Inputs) -> tuple[str, ...]:
        return (self.question,) * len(inputs.ids)

    def _answered(
        self, inputs: Inputs, texts: Sequence[str], spans: tuple[tuple[int, int], ...] | None
    ) -> Answered:
        questions = self._questions(inputs)
        return Answered(inputs.images, questions, tuple(texts), inputs.ids, None, spans)


def find_phrase(text: str, phrase: str) -> tuple[int, int]:
    """Return where a phrase stands first in a text, whatever its case.

    Raises RatevalError where it doesn't.

    >>> find_phrase("a Red kite", "red kite")
    (2, 10)
    """
    found = re.search(re.escape(phrase), text, re.IGNORECASE)
    if found is None:
        raise RatevalError(
            f'rateval.look: phrase = "{phrase}": is not in what the model says, "{text}"; give '
            "some of its words, or leave the phrase out for all of it"
        )
    return found.span()
