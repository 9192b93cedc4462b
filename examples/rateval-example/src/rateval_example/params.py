"""Params of all components: what a spec can set."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from rateval.api import Params


class SignsParams(Params):
    """How many signs are drawn, and how strongly the ground tells the class."""

    train_size: int = Field(default=64, ge=1, le=100_000)
    """Pictures to train on."""
    test_size: int = Field(default=32, ge=1, le=100_000)
    """Pictures to test on."""
    bias: float = Field(default=0.9, ge=0, le=1)
    """Probability that a picture has its class's own ground, else any."""
    task: Literal["classification", "or-none"] = "classification"
    """What is asked of a picture."""


class TinyParams(Params):
    """Which weights the model has."""

    weights: int = Field(default=0, ge=0, le=2**31 - 1)
    """Number that the random weights are drawn from."""


class NearestMeanParams(Params):
    """How the head is made."""

    scale: float = Field(default=20.0, gt=0, le=1000)
    """Factor on the cosine of an image and the mean of a class."""
    batch_size: int = Field(default=32, ge=1, le=4096)
    """Images that are embedded at once; the result doesn't depend on it but for rounding."""


class GradEclipParams(Params):
    """What is explained."""

    target: Literal["predicted", "label"] = "predicted"
    """The class whose score is explained."""


class HangsOnObjectParams(Params):
    """How much the probability must fall."""

    fall: float = Field(default=0.2, ge=-1, le=1)
    """Probability of the answer with the object minus without it, at least."""


class DoublyRightParams(Params):
    """No parameter: the metric is a count."""


class GrayscaleParams(Params):
    """How much colour is lost."""

    strength: float = Field(default=1.0, gt=0, le=1)
    """Share of the colour that is taken away; 1 leaves shades of grey."""


class OrNoneParams(Params):
    """When there is an answer."""

    sure: float = Field(default=0.6, ge=0, le=1)
    """Probability that a class must have to be the answer, at least."""


class CountingParams(Params):
    """Where the counts go."""

    file: str | None = Field(default=None, min_length=1, max_length=1000)
    """A JSON file of how many steps of each stage were done; none when left out."""


class TableParams(Params):
    """Where the rows go."""

    file: str = Field(default="runs.csv", min_length=1, max_length=1000)
    """A CSV file, from the current folder; rows are added."""
