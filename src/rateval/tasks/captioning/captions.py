"""Captions that a model writes, phrase by phrase."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import torch

from rateval.api.tasks.task import Explained, Inputs, Outputs, Predictions
from rateval.api.tasks.texts import Answered, TokenMaps
from rateval.api.values import Asked, Explanation
from rateval.tasks.captioning.mentions import Mention, find_mentions, make_units, require
from rateval.tasks.captioning.phrases import Phrases
from rateval.tasks.texts.explaining import explain_answers
from rateval.tasks.texts.numbers import number_text
from rateval.tasks.texts.tokens import explain_tokens
from rateval.tasks.texts.writing import write_texts

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rateval.tasks.params import Correct

_ABSENT = 2**32
"""A phrase whose object isn't there is predicted as this and its class."""

COLUMNS = (
    pa.field("label", pa.int32(), nullable=False),
    pa.field("prediction", pa.int64(), nullable=False),
    pa.field("correct", pa.bool_(), nullable=False),
    pa.field("output", pa.string(), nullable=False),
    pa.field("references", pa.list_(pa.string()), nullable=False),
    pa.field("likelihood", pa.float32(), nullable=False),
    pa.field("phrase", pa.string(), nullable=False),
    pa.field("start", pa.int32(), nullable=False),
    pa.field("stop", pa.int32(), nullable=False),
    pa.field("mentions", pa.int32(), nullable=False),
)


@dataclass(frozen=True)
class Captions:
    """Captions, of which each class that one mentions is a unit; a ``Posed``."""

    phrases: Phrases
    classes: tuple[str, ...]
    right: Correct
    """When an object that is mentioned is there."""

    outputs = 1
    """One number: the log probability of what was written."""

    @property
    def schema(self) -> pa.Schema:
        """Columns of a phrase: its class, whether the object is there, and the caption around."""
        return pa.schema(COLUMNS)

    def predict(self, classifier: Any, inputs: Inputs) -> Outputs:
        """Have the model write a caption of each image; outputs are of captions, not of phrases."""
        questions = [one.question for one in require(inputs.asked)]
        promise = f"caption each of {len(questions)} images"
        return write_texts(classifier, inputs, questions, promise, "captions")

    def explain(self, attribution: Any, classifier: Any, inputs: Inputs) -> Explained:
        """Have an attribution explain what the model mentions."""
        return self.explain_together([attribution], [0], classifier, inputs)[0]

    def explain_together(
        self, planned: Sequence[Any], wanted: Sequence[int], classifier: Any, inputs: Inputs
    ) -> Sequence[Explained]:
        """Have several attributions explain what captions mention that are written once."""
        with torch.inference_mode():
            written = self.predict(classifier, inputs)
        told = self.right == "depicted or told"
        mentions = find_mentions(self.phrases, written.texts, inputs, told=told)
        likelihoods = written.numbers[:, 0].tolist()
        units = make_units(mentions, self.classes, written.texts, likelihoods, inputs.asked)
        outputs = _spread(written, mentions)
        return [
            Explained(
                self._explain(planned[at], classifier, inputs, written, mentions), outputs, units
            )
            for at in wanted
        ]

    def _explain(
        self,
        attribution: Any,
        classifier: Any,
        inputs: Inputs,
        written: Outputs,
        mentions: Sequence[Mention],
    ) -> Any:
        """Explain phrases, as many at once as there are images: no more fit where these just do."""
        size = len(inputs.ids)
        found = [
            explain_answers(attribution, classifier, self._answered(inputs, written, part))
            for part in (mentions[at : at + size] for at in range(0, len(mentions), size))
        ]
        return _join(found, classifier.model.grid)

    def explain_tokens(
        self, attribution: Any, classifier: Any, inputs: Inputs, texts: Sequence[str], most: int
    ) -> Sequence[TokenMaps]:
        """Have an attribution explain each token of given captions alone."""
        questions = tuple(one.question for one in require(inputs.asked))
        answered = Answered(inputs.images, questions, tuple(texts), inputs.ids)
        return explain_tokens(attribution, classifier, answered, most)

    def _answered(self, inputs: Inputs, written: Outputs, mentions: Sequence[Mention]) -> Answered:
        places = [one.sample for one in mentions]
        asked = require(inputs.asked)
        return Answered(
            images=inputs.images[places],
            questions=tuple(asked[at].question for at in places),
            answers=tuple(written.texts[at] for at in places),
            ids=tuple(f"{inputs.ids[one.sample]}#{self.classes[one.label]}" for one in mentions),
            spans=tuple((one.phrase.start, one.phrase.stop) for one in mentions),
        )

    def predictions(self, outputs: Outputs) -> Predictions:
        """Return the class of each phrase, or a number of its own where that isn't there.

        Of captions as a whole it is a number for each text.
        """
        if "label" not in outputs.beside:
            numbers = [number_text(text) for text in outputs.texts]
        else:
            pairs = zip(outputs.beside["label"], outputs.beside["there"], strict=True)
            numbers = [label if there else _ABSENT + label for label, there in pairs]
        return Predictions(np.array(numbers, dtype=np.int64), outputs.texts)

    def correct(
        self, predictions: Predictions, labels: NDArray[np.int64], asked: Sequence[Asked | None]
    ) -> NDArray[np.bool_]:
        """Return of which phrases the object is there, (U,)."""
        right: NDArray[np.bool_] = predictions.numbers == labels
        return right

    def columns(
        self, outputs: Outputs, labels: NDArray[np.int64], asked: Sequence[Asked | None]
    ) -> Mapping[str, pa.Array]:
        """Return the columns of ``schema``."""
        predictions = self.predictions(outputs)
        spans = list(zip(outputs.beside["start"], outputs.beside["stop"], strict=True))
        values: dict[str, Any] = {
            "label": labels,
            "prediction": predictions.numbers,
            "correct": self.correct(predictions, labels, asked),
            "output": outputs.texts,
            "references": [list(one.answers) for one in require(asked)],
            "likelihood": outputs.numbers[:, 0].numpy(),
            "phrase": [
                text[start:stop] for text, (start, stop) in zip(outputs.texts, spans, strict=True)
            ],
            "start": [start for start, _ in spans],
            "stop": [stop for _, stop in spans],
            "mentions": list(outputs.beside["mentions"]),
        }
        return {column.name: pa.array(values[column.name], column.type) for column in COLUMNS}

    def follow(
        self, classifier: Any, inputs: Inputs, predictions: Predictions
    ) -> tuple[Outputs, NDArray[np.float64]]:
        """Have new captions written; return also the probability of each caption before."""
        questions = [one.question for one in require(inputs.asked)]
        scores = classifier.model.score(inputs.images, questions, predictions.texts)
        sure: NDArray[np.float64] = (
            scores.log_probabilities.double().sum(dim=1).exp().detach().cpu().numpy()
        )
        return self.predict(classifier, inputs), sure

    def randomised(self, classifier: Any) -> torch.nn.Module:
        """Return the whole model: a caption hangs on all of it."""
        module: torch.nn.Module = classifier.model.module
        return module


def _spread(written: Outputs, mentions: Sequence[Mention]) -> Outputs:
    """Return outputs of phrases from those of captions."""
    places = [one.sample for one in mentions]
    beside: dict[str, Sequence[Any]] = {
        "label": [one.label for one in mentions],
        "there": [one.there for one in mentions],
        "start": [one.phrase.start for one in mentions],
        "stop": [one.phrase.stop for one in mentions],
        "mentions": [one.times for one in mentions],
    }
    return Outputs(written.numbers[places], tuple(written.texts[at] for at in places), beside)


def _join(found: Sequence[Any], grid: tuple[int, int]) -> Any:
    """Return explanations of parts as one; what is none of them is left to who checks it."""
    odd = [one for one in found if not _is_sound(one)]
    if len(found) == 1 or odd:
        return odd[0] if odd else found[0]
    if not found:
        return Explanation(torch.empty(0, *grid))
    sums = [[getattr(one, name) for one in found] for name in ("gaps", "differences")]
    return Explanation(
        torch.cat([one.relevance for one in found]),
        None,
        *(None if any(part is None for part in each) else torch.cat(each) for each in sums),
    )


def _is_sound(one: object) -> bool:
    return isinstance(one, Explanation) and isinstance(one.relevance, torch.Tensor)
