"""Params of the tasks."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from rateval.api.params import Params

Correct = Literal["depicted", "depicted or told"]


class ClassificationParams(Params):
    """Classification has none."""


class VqaParams(Params):
    """How answers to questions are made and held right."""

    drawn_together: ClassVar[str] = "image"

    answer: Literal["generate", "rank"] = "generate"
    """Written by the model, or the likeliest of the dataset's answers."""
    correct: Literal["match", "soft"] = "match"
    """The most frequent reference word for word, as GQA counts; or the share of people who agree,
    min(matches / 3, 1), as VQA counts."""
    cut: float = Field(default=0.3, gt=0, le=1)
    """The soft score from which on an answer is correct."""


class CaptioningParams(Params):
    """When what a caption mentions is held right."""

    drawn_together: ClassVar[str] = "sample"
    parts_samples: ClassVar[bool] = True

    correct: Correct = "depicted or told"
    """An object is there where the dataset's annotation has it; or also where a caption that people
    wrote mentions it, as CHAIR counts. Of the latter nobody knows where it is."""
