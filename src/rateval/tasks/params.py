"""Params of the tasks."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from rateval.api.params import Params


class ClassificationParams(Params):
    """Classification has none."""


class VqaParams(Params):
    """How answers to questions are made and held right."""

    drawn_together: ClassVar[str] = "image"
    beside_boxes: ClassVar[bool] = True

    answer: Literal["generate", "rank"] = "generate"
    """Written by the model, or the likeliest of the dataset's answers."""
    correct: Literal["match", "soft"] = "match"
    """The most frequent reference word for word, as GQA counts; or the share of people who agree,
    min(matches / 3, 1), as VQA counts."""
    cut: float = Field(default=0.3, gt=0, le=1)
    """The soft score from which on an answer is correct."""
