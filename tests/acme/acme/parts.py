"""The components themselves and their params; torch is imported where it is used."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from PIL import Image
from pydantic import Field

from rateval.api import (
    Classifier,
    Context,
    Explanation,
    Model,
    Outcomes,
    Params,
    Sample,
    Score,
    Skipped,
    Split,
    Verdict,
)

if TYPE_CHECKING:
    import torch


class Nothing(Params):
    pass


class SquaresParams(Params):
    train: int = Field(default=24, ge=0)
    """Training samples."""
    test: int = Field(default=12, ge=0)
    """Test samples."""
    masks: bool = True
    """Whether there are masks at all."""
    without_mask: int = Field(default=0, ge=0)
    """First samples that have no mask."""
    bare_every: int = Field(default=0, ge=0)
    """Every so many-th sample has no mask; none by 0."""
    groups: dict[str, list[str | None]] = Field(default_factory=dict)
    """Name of each group to the values that the samples have in turn."""
    empty_mask: int = Field(default=0, ge=0)
    """First samples whose mask is empty."""
    skipped: int = Field(default=0, ge=0)
    """First test samples that cannot be read."""
    unreadable: int = Field(default=0, ge=0)
    """First training samples that cannot be read."""
    trainable: bool = True
    """Whether there is a training split."""


class AnyMapParams(Params):
    returns: str = "centre"
    """What to return: centre, constant, nan, negative, shape or logits."""


class AnyVerdictParams(Params):
    returns: str = "nan"
    """What is wrong: nan, valid or short."""


class AnyMetricParams(Params):
    value: float = 0.5
    """What to claim."""


class DarkenParams(Params):
    by: float = Field(default=0.5, gt=0, le=1)
    """Factor on every pixel."""


class HazeParams(Params):
    type_groups: ClassVar[dict[str, str]] = {"grey": "veil"}
    type: Literal["grey", "white"] = "grey"
    """Colour of the haze."""
    severity: int = Field(default=1, ge=1, le=5)
    """How dense it is."""
    evidence: bool = False
    """Whether it spares the evidence, and skips images without any."""
    returns: str = "sample"
    """A sample, or what is wrong: nothing, no-reason, other-id or other-skipped."""


def make_model(params: Nothing, context: Context) -> Model:
    from rateval.testing import tiny_model

    return tiny_model()


class Squares:
    def __init__(self, inner: Split, params: SquaresParams, skips: bool) -> None:
        self.inner, self.params, self.skips = inner, params, skips
        # Without the groups, of which no identity needs to tell.
        self.identity = f"{inner.identity} {params.model_dump_json(exclude={'groups'})}"
        if params.groups:
            self.groups = {
                name: [values[index % len(values)] for index in range(len(inner))]
                for name, values in params.groups.items()
            }

    def __len__(self) -> int:
        return len(self.inner)

    def samples(self, indices: Sequence[int]) -> list[Sample | Skipped]:
        found = self.inner.samples(indices)
        return [self.change(i, s) for i, s in zip(indices, found, strict=True)]

    def change(self, index: int, sample: Sample | Skipped) -> Sample | Skipped:
        if isinstance(sample, Skipped):
            return sample
        if self.skips and index < self.params.skipped:
            return Skipped(sample.id, "truncated file")
        bare = self.params.bare_every and index % self.params.bare_every == 0
        if index < self.params.without_mask or bare:
            return dataclasses.replace(sample, mask=None)
        if index < self.params.empty_mask and sample.mask is not None:
            return dataclasses.replace(sample, mask=np.zeros_like(sample.mask))
        return sample


class Dataset:
    def __init__(self, params: SquaresParams) -> None:
        from rateval.testing import tiny_dataset

        data = tiny_dataset(params.train, params.test, unreadable=range(params.unreadable))
        assert data.train is not None
        self.classes = data.classes
        self.has_masks = params.masks
        self.train = Squares(data.train, params, False) if params.trainable else None
        self.test = Squares(data.test, params, True)


def make_dataset(params: SquaresParams, context: Context) -> Dataset:
    return Dataset(params)


class AnyMap:
    def __init__(self, returns: str) -> None:
        self.returns = returns

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
        relevance[:, rows // 2, cols // 2] = 1e-9
        logits = None
        if self.returns == "constant":
            relevance = torch.ones_like(relevance)
        elif self.returns == "nan":
            relevance[0, 0, 0] = float("nan")
        elif self.returns == "negative":
            relevance[0, 0, 0] = -1
        elif self.returns == "shape":
            relevance = relevance[:, :-1]
        elif self.returns == "logits":
            logits = torch.zeros(len(images), 99)
        return Explanation(relevance, logits)


def make_attribution(params: AnyMapParams, context: Context) -> AnyMap:
    return AnyMap(params.returns)


class AnyVerdict:
    def __init__(self, returns: str) -> None:
        self.returns = returns

    def judge(self, relevance: torch.Tensor, masks: torch.Tensor) -> Verdict:
        import torch

        count = len(relevance) - (self.returns == "short")
        defined = torch.full((count,), self.returns != "valid")
        score = torch.full((count,), float("nan"))
        return Verdict(score, torch.ones(count, dtype=torch.bool), defined, ("",) * count)


def make_validator(params: AnyVerdictParams, context: Context) -> AnyVerdict:
    return AnyVerdict(params.returns)


class AnyMetric:
    label = "any"

    def __init__(self, value: float) -> None:
        self.value = value

    def compute(self, outcomes: Outcomes) -> Score:
        return Score(self.value, 1, 2)


def make_metric(params: AnyMetricParams, context: Context) -> AnyMetric:
    return AnyMetric(params.value)


class Darken:
    def __init__(self, by: float) -> None:
        self.by = by

    def apply(self, sample: Sample) -> Sample:
        image = sample.image.point(lambda level: int(level * self.by))
        return dataclasses.replace(sample, image=image)


def make_shift(params: DarkenParams, context: Context) -> Darken:
    return Darken(params.by)


class Haze:
    def __init__(self, params: HazeParams) -> None:
        self.params = params

    def apply(self, sample: Sample) -> Any:
        wrong = {
            "nothing": None,
            "no-reason": Skipped(sample.id, " "),
            "other-id": dataclasses.replace(sample, id="other"),
            "other-skipped": Skipped("other", "of no use"),
        }
        if self.params.returns in wrong:
            return wrong[self.params.returns]
        if self.params.evidence and sample.mask is None:
            return Skipped(sample.id, "has no mask, which haze needs")
        colour = Image.new("RGB", sample.image.size, self.params.type)
        hazy = Image.blend(sample.image, colour, self.params.severity / 6)
        if self.params.evidence and sample.mask is not None:
            hazy.paste(sample.image, mask=Image.fromarray(sample.mask))
        return dataclasses.replace(sample, image=hazy)


def make_haze(params: HazeParams, context: Context) -> Haze:
    return Haze(params)


class Lend:
    """Blends in another sample of the split, the next one by id, round and round."""

    def __init__(self, split: Split | None = None) -> None:
        self.split = split

    def among(self, split: Split) -> Lend:
        return Lend(split)

    def apply(self, sample: Sample) -> Sample | Skipped:
        if self.split is None:
            raise RuntimeError("nobody said among which samples")
        found = self.split.samples(range(len(self.split)))
        others = sorted((one for one in found if isinstance(one, Sample)), key=lambda one: one.id)
        later = next((one for one in others if one.id > sample.id), others[0])
        image = Image.blend(sample.image, later.image.resize(sample.image.size), 0.5)
        return dataclasses.replace(sample, image=image)


def make_lend(params: Nothing, context: Context) -> Lend:
    return Lend()
