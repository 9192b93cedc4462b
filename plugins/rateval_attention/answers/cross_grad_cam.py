"""Grad-CAM on the attention of words to the image, in one layer of a text encoder or decoder."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch

from rateval.api import Context, Explanation, RatevalError
from rateval.api.tasks.texts import Answered, Answerer, Attended
from rateval_attention.answers.alone import AnswersAlone
from rateval_attention.answers.flows import IMAGE, Step, is_attention
from rateval_attention.answers.recorded import differentiate, record_answers, record_rivals
from rateval_attention.answers.scores import answering
from rateval_attention.heads import contributions
from rateval_attention.params import CrossAttentionGradCamParams


class CrossAttentionGradCam(AnswersAlone):
    """Gradient times cross-attention of one layer, where positive, over heads and words.

    Source: Li et al., "Align before Fuse", NeurIPS 2021, as the authors show it (salesforce/ALBEF,
    Grounding.py, whose ``block_num`` is 8: attention times its gradient clamped at 0, averaged over
    heads and words), and for BLIP (salesforce/LAVIS, blip_image_text_matching.py,
    ``compute_gradcam``, whose ``block_num`` is 6 unless given). They differentiate the score of an
    image and a text that match; that it is an answer's log probability here is this project's own.
    Words are summed here: a map is the same but for one factor, which padding cannot change.
    """

    name, instead = "cross-attention-grad-cam", "grad-cam"

    def __init__(self, params: CrossAttentionGradCamParams) -> None:
        self._params = params

    def explain_answers(self, answerer: Answerer, answered: Answered) -> Explanation:
        """Explain B answers from the words that look at the image nearest to the answer.

        These are those of the answer, else those of the question. Raises RatevalError when no words
        look at the image, when the model has no such layer, or when a margin has no rival.
        """
        model = answerer.model
        with answering(answerer, answered) as given:
            rival = record_rivals(model, given, self._params.score)
            own = record_answers(model, given, given.answers, given.spans)
            at = find_layer(own.steps, self._params.layer)
            gradient = differentiate(own, rival, [at])[at]
            step = own.steps[at]
            assert isinstance(step, Attended)
            with torch.no_grad():
                row = contributions(step.probabilities.detach(), gradient).sum(dim=1)
                return Explanation(model.put_on_grid(row).detach().float())


def make_cross_attention_grad_cam(
    params: CrossAttentionGradCamParams, context: Context
) -> CrossAttentionGradCam:
    """Make the attribution; it runs where the model runs."""
    return CrossAttentionGradCam(params)


def find_layer(steps: Sequence[Step], layer: int | Literal["published", "last"]) -> int:
    """Return the place of the cross-attention of one layer of the stream that looked last.

    Layers count from 0, as the authors count those of the text tower: by the self-attentions before
    them, as only some layers may look at the image. The published one is layer 8 of 12, and of
    another depth the one that looks at the image nearest to the same place. Raises RatevalError
    when there is none.

    >>> own = Attended("question", "question", torch.ones(1, 1, 2, 2))
    >>> looks = Attended("question", "image", torch.ones(1, 1, 2, 3))
    >>> find_layer([own, own, looks, own, looks], 2), find_layer([own, own, looks], "last")
    (4, 2)
    """
    looking = [step.to for step in steps if step.of == IMAGE and isinstance(step, Attended)]
    streams = [stream for stream in looking if stream != IMAGE]
    if not streams:
        raise RatevalError(
            "cross-attention-grad-cam: no words of this model look at the image by an attention of "
            "their own, as its image tokens stand among them; use generic-attention or "
            "token-attention"
        )
    places, depth = _number(steps, streams[-1])
    if layer == "last":
        return max(places.values())
    if layer == "published":
        return places[min(places, key=lambda number: (abs(12 * number - 8 * depth), -number))]
    if layer not in places:
        raise RatevalError(
            f"layer = {layer}: the layers of this model whose words look at the image (its stream "
            f"{streams[-1]!r}) are {', '.join(map(str, places))}; give one of them, "
            '"last" or "published"'
        )
    return places[layer]


def _number(steps: Sequence[Step], stream: str) -> tuple[dict[int, int], int]:
    """Return the places of a stream's cross-attentions by the numbers of their layers, and those.

    The second is how many layers the stream has.
    """
    before, numbers, places = 0, list[int](), list[int]()
    for at, step in enumerate(steps):
        if is_attention(step, to=stream, of=stream):
            before += 1
        elif is_attention(step, to=stream, of=IMAGE):
            numbers.append(before - 1)
            places.append(at)
    # Where layers look at the image first or alone, self-attentions don't count them.
    if numbers[0] < 0 or len(set(numbers)) < len(numbers):
        numbers = list(range(len(places)))
        before = len(places)
    return dict(zip(numbers, places, strict=True)), before
