"""A component of every kind in one file, as ``use = "./one_file.py:make_…"`` takes them."""

from __future__ import annotations

import dataclasses
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import rateval
from rateval.api import (
    Classifier,
    Context,
    Dataset,
    Explanation,
    Finetuner,
    Model,
    Monitor,
    Outcomes,
    Params,
    Sample,
    Score,
    Step,
    StepEnd,
    Verdict,
    Work,
)

if TYPE_CHECKING:
    import torch


class SquaresParams(Params):
    test: int = 6
    """Test samples."""


class SeedParams(Params):
    seed: int | None = None
    """Draws the samples; the study's when left out."""


class DarkenParams(Params):
    by: float = 0.5
    """Factor on every pixel."""


@dataclass
class Darken:
    by: float

    def apply(self, sample: Sample) -> Sample:
        image = sample.image.point(lambda level: int(level * self.by))
        return dataclasses.replace(sample, image=image)


class Centre:
    def explain(
        self,
        classifier: Classifier,
        images: torch.Tensor,
        labels: torch.Tensor,
        ids: Sequence[str] | None = None,
    ) -> Explanation:
        import torch

        rows, cols = classifier.model.grid
        relevance = torch.zeros(len(images), rows, cols)
        relevance[:, rows // 2, cols // 2] = 1
        return Explanation(relevance)


class Always:
    def judge(self, relevance: torch.Tensor, masks: torch.Tensor) -> Verdict:
        import torch

        sure = torch.ones(len(relevance), dtype=torch.bool)
        return Verdict(torch.ones(len(relevance)), sure, sure, ("",) * len(relevance))


class Half:
    label = "half"

    def compute(self, outcomes: Outcomes) -> Score:
        return Score(0.5, 1, 2)


class Here:
    """An executor that does a step when it is asked how steps ended."""

    capacity = 1

    def __init__(self) -> None:
        self._waiting: deque[tuple[Step, Monitor]] = deque()

    def start(self, work: Work) -> None:
        self._work = work

    def submit(self, step: Step, monitor: Monitor) -> None:
        self._waiting.append((step, monitor))

    def collect(self) -> Sequence[StepEnd]:
        return [self._work(*self._waiting.popleft())]

    def stop(self) -> None:
        self._waiting.clear()


def make_dataset(params: SquaresParams) -> Dataset:
    """Coloured squares."""
    from rateval.testing import tiny_dataset

    return tiny_dataset(8, params.test)


def make_seeded(params: SeedParams, context: Context) -> Dataset:
    from rateval.testing import tiny_dataset

    return tiny_dataset(8, 4 + context.seed)


def make_model() -> Model:
    from rateval.testing import tiny_model

    return tiny_model()


def make_finetuner(params: Params, context: Context) -> Finetuner:
    return rateval.create("finetuner", "zs", context=context)


def make_attribution(params, context):  # type: ignore[no-untyped-def]  # as people write
    return Centre()


def make_validator() -> Always:
    return Always()


def make_metric() -> Half:
    return Half()


def make_shift(params: DarkenParams) -> Darken:
    return Darken(params.by)


def make_executor() -> Here:
    return Here()
