"""Params of the attributions."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from string import Formatter
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, field_validator

from rateval.api import Params
from rateval.api.params import Around


def _check_layers(value: Any) -> Any:
    if value in ("all", "last") or (_is_index(value) and value >= 1):
        return value
    if isinstance(value, list | tuple) and value:
        indices = tuple(value)
        whole = all(_is_index(index) and index >= 0 for index in indices)
        if whole and len(set(indices)) == len(indices):
            return indices
    raise ValueError(
        f'{value!r} names no layers; give "all", "last", a whole number N >= 1 for the last N '
        "layers, or a list of different indices >= 0, such as [0, 11]"
    )


def _check_target(value: Any) -> Any:
    if value in ("label", "prediction", "runner-up") or (_is_index(value) and value >= 0):
        return value
    raise ValueError(
        f'{value!r} names no target; give "label", "prediction", "runner-up", or the index of a '
        "class, a whole number >= 0"
    )


def _is_index(value: object) -> bool:
    """Return whether ``value`` is a whole number; True and False, which Python counts, are not."""
    return isinstance(value, int) and not isinstance(value, bool)


Layers = Annotated[
    Literal["all", "last"]
    | Annotated[int, Field(ge=1)]
    | Annotated[tuple[Annotated[int, Field(ge=0)], ...], Field(min_length=1)],
    BeforeValidator(_check_layers),
]
Target = Annotated[
    Literal["label", "prediction", "runner-up"] | Annotated[int, Field(ge=0)],
    BeforeValidator(_check_target),
]
ScoreOf = Literal["raw", "margin"]


def _explain_unrivalled(score: ScoreOf, around: Around) -> dict[str, str]:
    """Return why a score can't be explained where predictions have no rivals, if it is so."""
    if score != "margin" or all(task.ranks for task in around.tasks):
        return {}
    return {
        "score": "it is the difference to the best other answer, and answers that are written have "
        'none; let the task rank them (answer = "rank"), where it can, or set score = "raw"'
    }


class TargetParams(Params):
    """Which class is explained, and which score of it."""

    target: Target = "label"
    """The class that is explained: each image's label; the prediction, the class with the highest
    logit; the runner-up, the class with the second highest, whatever the label is; or the index
    of one class for all images, from 0 on in the dataset's order."""
    score: ScoreOf = "raw"
    """The number that is differentiated: the target's logit ("raw", as published), or that logit
    minus the mean over all classes ("margin"), which drops what all classes share. Of an answer
    that is a text it is the sum of its tokens' log probabilities, or that minus the best other
    answer's."""

    def find_unfit(self, around: Around) -> Mapping[str, str]:
        """Return whether a margin has no rival, and whether there are no classes to be a target."""
        unfit = _explain_unrivalled(self.score, around)
        if self.target != "label" and any(task.by_text for task in around.tasks):
            unfit["target"] = (
                "an answer is a text and none of K classes; the answer that is given is explained, "
                "so leave target out"
            )
        return unfit


class GenericAttentionParams(TargetParams):
    """Which layers are explained, for which class, and which score of it."""

    layers: Layers = "all"
    """Vision layers in the chain: "all", "last", a number N >= 1 for the last N, or a list of
    different indices >= 0 (0 is the first layer). A model's attention pool is its last layer, which
    the chain cannot do without. Of a model that answers by a text: "all", or "last", the last
    attention of each kind, such as of words to words, of words to the image and within the image;
    it takes no numbers."""


class GradCamParams(TargetParams):
    """Which class is explained, and which score of it."""


class LegradParams(TargetParams):
    """Which layers are explained, for which class, and which score of it."""

    layers: Layers = "all"
    """Vision layers that are summed: "all", "last", a number N >= 1 for the last N, or a list of
    different indices >= 0 (0 is the first layer). Of a model with an attention pool these are the
    tokens that the pool reads; its own index stands for those of the last block."""


class AttentionRolloutParams(Params):
    """Which layers are in the product; a rollout explains no class in particular."""

    layers: Layers = "all"
    """Vision layers in the product: "all", "last", a number N >= 1 for the last N, or a list of
    different indices >= 0 (0 is the first layer). A model's attention pool is its last layer, which
    the product cannot do without."""


class RawAttentionParams(Params):
    """No parameter: it is the last layer's attention, whatever the class."""


class CrossAttentionGradCamParams(Params):
    """Which layer of the text is shown, and which score is differentiated."""

    layer: Annotated[int, Field(ge=0, strict=True)] | Literal["published", "last"] = "published"
    """Layer of the text encoder or decoder whose words look at the image, from 0 on, or "last".
    ALBEF's authors show layer 8 of 12, which is "published"; of a model of another depth it is the
    one that comes nearest to two thirds of it. For BLIP, LAVIS shows layer 6 of 12."""
    score: ScoreOf = "raw"
    """The number that is differentiated: the sum of the log probabilities of the answer's tokens
    ("raw"), or that minus the best other answer's ("margin")."""

    def find_unfit(self, around: Around) -> Mapping[str, str]:
        """Return whether a margin has no rival."""
        return _explain_unrivalled(self.score, around)


class TokenAttentionParams(Params):
    """No parameter: it is the last layers' attention, whatever the scores."""


class InputGradientParams(TargetParams):
    """What is made of the gradient, for which class, and which score of it."""

    measure: Literal["norm", "product"] = "product"
    """A pixel's relevance: the absolute value of gradient times input, summed over the channels
    ("product"), or the gradient's length over the channels ("norm"). The input is the normalised
    image, so that 0 stands for the mean colour."""


class IntegratedGradientsParams(TargetParams):
    """The path from baseline to image, the class that is explained, and the score of it."""

    steps: int = Field(default=64, ge=2, le=1000)
    """Points on the path; each costs a forward and a backward pass. The report says when they were
    too few: the attributions' sum then misses the score difference that it should be."""
    nodes: Literal["legendre", "uniform"] = "legendre"
    """Where the points lie: at the nodes of Gauss-Legendre quadrature, or in the middle of as many
    equal parts of the path ("uniform")."""
    baseline: Literal["black", "mean"] = "black"
    """Where the path starts: at a black image, or at the model's mean colour, which is 0 after
    normalisation."""


class RandomParams(Params):
    """How the maps are drawn."""

    distribution: Literal["exponential", "uniform"] = "exponential"
    """What each patch is drawn from: an exponential distribution of mean 1, which gives peaks, or a
    uniform one on 0 to 1."""
    seed: int | None = Field(default=None, ge=0, lt=2**63)
    """Which maps; the study's seed when none is given."""


class CenterPriorParams(Params):
    """The width of the peak."""

    width: float = Field(default=0.25, ge=0.01, le=10)
    """Standard deviation along each side of the image, as a share of that side."""


class PrecomputedParams(Params):
    """Where the maps lie."""

    path: str = Field(min_length=1)
    """A .npz file with ``ids`` (N,) and ``relevance`` (N, rows, columns), or a folder with a file
    ``<id>.npy`` for each sample; ids are those of the study's rows. Maps have the aspect ratio of
    what they cover; those of a finer grid than the model's patches are averaged over each patch.
    ``{dataset}``, ``{model}``, ``{finetune}``, ``{shift}`` and ``{seed}`` stand for the cell's
    labels, as maps belong to one classifier and one test."""
    geometry: Literal["view", "image"] = "view"
    """What a map covers: the model's view of a photo, after resize and crop, or the whole photo
    ("image"), its EXIF orientation applied, with which it is then resized and cropped."""
    negative: Literal["refuse", "zero"] = "refuse"
    """What becomes of negative values: an error, or 0."""

    @field_validator("path")
    @classmethod
    def _check_placeholders(cls, path: str) -> str:
        try:
            fields = [part for part in Formatter().parse(path) if part[1] is not None]
        except ValueError as error:
            raise ValueError(f"not a path with placeholders: {error}") from None
        if any(pattern or conversion for _, _, pattern, conversion in fields):
            raise ValueError("placeholders are names in braces and nothing else, as in {model}")
        unknown = sorted({str(name) for _, name, _, _ in fields} - set(_PLACEHOLDERS))
        if unknown:
            raise ValueError(
                f"unknown placeholder {{{unknown[0]}}}; there are "
                + ", ".join(f"{{{name}}}" for name in _PLACEHOLDERS)
            )
        return path

    def on_disk(self) -> Mapping[tuple[str | int, ...], Path]:
        """Return the file or folder, once it is one cell's."""
        return {} if "{" in self.path else {("path",): Path(self.path)}

    def for_cell(self, names: Mapping[str, str]) -> Self:
        """Put the cell's labels in the place of the placeholders; a slash becomes a hyphen."""
        filled = {name: label.replace("/", "-") for name, label in names.items()}
        return self.model_copy(update={"path": self.path.format_map(filled)})


_PLACEHOLDERS = ("dataset", "model", "finetune", "shift", "seed")
