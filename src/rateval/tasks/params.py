"""Params of the tasks."""

from __future__ import annotations

from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from rateval.api.params import Params

Correct = Literal["depicted", "depicted or told"]


class ClassificationParams(Params):
    """Classification has none."""


class VqaParams(Params):
    """How answers to questions are made and held right."""

    drawn_together: ClassVar[str] = "image"
    unit: ClassVar[str] = "question"
    by_text: ClassVar[bool] = True
    beside_boxes: ClassVar[bool] = True

    answer: Literal["generate", "rank"] = "generate"
    """Written by the model, or the likeliest of the dataset's answers."""
    correct: Literal["match", "soft"] = "match"
    """The most frequent reference word for word, as GQA counts; or the share of people who agree,
    min(matches / 3, 1), as VQA counts."""
    cut: float = Field(default=0.3, gt=0, le=1)
    """The soft score from which on an answer is correct."""

    @property
    def ranks(self) -> bool:
        """Whether an answer is the likeliest of several."""
        return self.answer == "rank"

    @model_validator(mode="after")
    def _check_cut(self) -> Self:
        if "cut" in self.model_fields_set and self.correct != "soft":
            raise ValueError(
                'cut belongs to correct = "soft", as a match is right or wrong; set that, or leave '
                "cut out"
            )
        return self


class CaptioningParams(Params):
    """When what a caption mentions is held right."""

    drawn_together: ClassVar[str] = "sample"
    unit: ClassVar[str] = "phrase"
    by_text: ClassVar[bool] = True
    parts_samples: ClassVar[bool] = True

    correct: Correct = "depicted or told"
    """An object is there where the dataset's annotation has it; or also where a caption that people
    wrote mentions it, as CHAIR counts. Of the latter nobody knows where it is."""

    @property
    def ranks(self) -> bool:
        """Never: a caption is written."""
        return False
