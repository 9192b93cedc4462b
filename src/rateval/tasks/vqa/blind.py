"""Answers to questions without their image: what language alone makes a model say."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import torch

from rateval.api.tasks.task import Inputs, Outputs, Predictions
from rateval.tasks.vqa.judge import Judge

BLANK, OTHER = "blank", "other"
"""What stands in the image's place: one value everywhere, or another sample's image."""


def answer_blindly(
    judge: Judge, inputs: Inputs, predict: Callable[[Inputs], Predictions]
) -> Mapping[str, Sequence[object]]:
    """Return what is answered where the image is blank, and where it is another sample's.

    Blank is the mean colour of the model's normalisation. The other one is the next image of the
    batch that is not the same picture; null where there is none.
    """
    found: dict[str, Sequence[object]] = {}
    blank = predict(replace(inputs, images=torch.zeros_like(inputs.images)))
    found[f"{BLANK}_output"] = blank.texts
    found[f"{BLANK}_correct"] = judge.right(blank, inputs.asked).tolist()
    lenders = find_others(inputs.images)
    able = [at for at, lender in enumerate(lenders) if lender is not None]
    texts: list[object] = [None] * len(lenders)
    right: list[object] = [None] * len(lenders)
    if able:
        lent = inputs.images[[lender for lender in lenders if lender is not None]]
        asked = Inputs(
            lent,
            inputs.labels[able],
            tuple(inputs.ids[at] for at in able),
            tuple(inputs.asked[at] for at in able),
        )
        other = predict(asked)
        correct = judge.right(other, asked.asked).tolist()
        for at, text, one in zip(able, other.texts, correct, strict=True):
            texts[at], right[at] = text, one
    found[f"{OTHER}_output"], found[f"{OTHER}_correct"] = texts, right
    return found


def find_others(images: torch.Tensor) -> list[int | None]:
    """Return for each image the place of the next one that is another picture, in a circle.

    >>> one, other = torch.zeros(3, 2, 2), torch.ones(3, 2, 2)
    >>> find_others(torch.stack([one, one, other])), find_others(torch.stack([one, one]))
    ([2, 2, 0], [None, None])
    """
    count = len(images)
    return [
        next(
            (
                (at + step) % count
                for step in range(1, count)
                if not torch.equal(images[(at + step) % count], images[at])
            ),
            None,
        )
        for at in range(count)
    ]


def without_image(outputs: Outputs, found: Mapping[str, Sequence[object]]) -> Outputs:
    """Return outputs with the answers that were given without the image beside them."""
    return replace(outputs, beside={**outputs.beside, **found})
