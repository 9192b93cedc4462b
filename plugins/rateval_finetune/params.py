"""Params of the fine-tuning methods."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from rateval.api import Params
from rateval.api.params import Around
from rateval.modelkit import WeightCopy, WeightPrefix

Share = Annotated[float, Field(ge=0, le=1)]


class ZsParams(Params):
    """No parameter: prompts and similarity belong to the model."""


class CheckpointParams(Params):
    """A model that was fine-tuned elsewhere."""

    path: Path
    """Weights of the model, or of its image tower alone, in the model's official format or as
    ``rateval export-checkpoint`` wrote them: a file, an index of shards, or a folder with one of
    these in it. Or a folder with a LoRA adapter of peft."""
    prefix: WeightPrefix = None
    weights: WeightCopy = None
    head: Path | None = None
    """Linear head over the classes of the dataset, in their order: a safetensors or torch file with
    ``weight`` (K, F) and ``bias`` (K,), which may be absent. When absent, ``head.safetensors`` of
    the folder or what is called ``head``, ``fc``, ``classifier`` or ``linear`` among the weights;
    where there is none, classes are told apart by prompts."""
    head_on: Literal["features", "embedding"] | None = None
    """What the head sits on: the model's features, or the image's embedding of unit length. None
    goes by its name, ``embedding_head`` or another."""


def _explain_unwatched(key: str, score: str | None, around: Around) -> dict[str, str]:
    """Return why nothing gives a score on samples held out, if it is so."""
    if score is None or (around.scores is not None and score in around.scores):
        return {}
    if around.scores is None:
        return {key: "the study holds no samples out to score; add a table [held_out] to its spec"}
    return {
        key: f"unknown; the samples held out are scored by {', '.join(around.scores)}: name one of "
        "them, or add the metric to the spec"
    }


class TrainingParams(Params):
    """How a method trains; the defaults are the published settings without augmentation."""

    epochs: int = Field(default=10, ge=1)
    """How often each training sample is seen."""
    batch_size: int = Field(default=32, ge=1)
    """Samples per step, over all processes; the last step of an epoch takes what is left."""
    accumulate: int = Field(default=1, ge=1)
    """Passes that a step's samples are divided into, so that large batches fit in memory. A
    contrastive loss then compares within each pass only."""
    lr: float = Field(default=1e-5, gt=0, le=1)
    """The optimiser's rate, the peak of it with a warm-up or a cosine."""
    schedule: Literal["constant", "cosine"] = "constant"
    """``constant`` as published, or ``cosine``: down to 0 along half a cosine."""
    warmup: float = Field(default=0.0, ge=0, lt=1)
    """Share of all steps in which the rate rises linearly from 0."""
    optimizer: Literal["adam", "adamw"] = "adam"
    """Adam as published, or AdamW, whose weight decay doesn't pass through the moments."""
    weight_decay: float = Field(default=0.0, ge=0, le=1)
    """Decay of the weights; none as published."""
    clip_norm: float | None = Field(default=None, gt=0)
    """Largest norm of a step's gradient, which is scaled down to it; no bound when absent."""
    precision: Literal["float32", "bfloat16", "float16"] = "float32"
    """Of the passes; weights and optimiser stay float32. ``float16`` needs a GPU."""
    augment: Literal["none", "published"] = "none"
    """``published``: random crop, horizontal flip, colours and rotation by up to 30 degrees, drawn
    anew for each sample and epoch; masks go along."""
    background_swap: float = Field(default=0.0, ge=0, le=1)
    """Probability that an image with a mask gets the background of another one of its batch, so
    that backgrounds tell less about the class."""
    stop_by: str | None = None
    """Stop early by this score on the samples held out, ``accuracy`` or the label of a metric such
    as ``pt``, and keep the best epoch's weights; needs ``[held_out]`` in the spec."""
    patience: int = Field(default=3, ge=1)
    """Epochs without a better score after which ``stop_by`` ends the training."""
    seed: int | None = Field(default=None, ge=0, lt=2**63)
    """Decides first weights, order of samples, augmentation and dropout; the study's seed when
    absent."""

    @property
    def trains(self) -> bool:
        """It does."""
        return True

    def find_unfit(self, around: Around) -> Mapping[str, str]:
        """Return whether nothing gives the score that training is to stop by."""
        return _explain_unwatched("stop_by", self.stop_by, around)


class LpParams(TrainingParams):
    """How a linear head is trained on frozen features."""

    lr: float = Field(default=1e-3, gt=0, le=1)
    """The optimiser's rate for the head."""
    solver: Literal["adam", "lbfgs"] = "adam"
    """``adam`` by steps as published; or ``lbfgs``, the minimum of the cross entropy with an L2
    penalty over all samples at once, as scikit-learn's LogisticRegression finds it. Of the other
    params, ``lbfgs`` takes ``batch_size``, ``l2`` and ``iterations`` alone."""
    l2: Annotated[float, Field(gt=0, le=1e12)] | Literal["sweep", "grid"] = 1.0
    """With ``lbfgs``: the penalty, 1 / C of scikit-learn. Or by the accuracy on the samples held
    out: ``sweep`` searches 96 steps from 1e-6 to 1e6 as CLIP's authors did, ``grid`` tries them
    all; needs ``[held_out]`` in the spec."""
    iterations: int = Field(default=1000, ge=1, le=1_000_000)
    """With ``lbfgs``: how many there are at most. That a minimum was not reached is told."""

    def find_unfit(self, around: Around) -> Mapping[str, str]:
        """Return whether nothing gives a score that is asked for."""
        unfit = dict(super().find_unfit(around))
        if isinstance(self.l2, str) and around.scores is None:
            unfit["l2"] = (
                "the study holds no samples out to choose by; add a table [held_out] to its spec, "
                "or give a number"
            )
        return unfit

    @model_validator(mode="after")
    def _check_solver(self) -> LpParams:
        solving = {"l2", "iterations"}
        if self.solver == "adam":
            if given := self._differing(solving):
                raise ValueError(
                    f'{given[0]} belongs to solver = "lbfgs"; set that, or leave {given[0]} out'
                )
        elif self.augment != "none" or self.background_swap:
            name = "augment" if self.augment != "none" else "background_swap"
            raise ValueError(
                f'solver = "lbfgs" trains on features that are computed once, and {name} makes '
                f'other images for every epoch; leave {name} out, or set solver = "adam"'
            )
        elif given := self._differing(
            set(type(self).model_fields) - solving - {"solver", "batch_size", "seed"}
        ):
            raise ValueError(
                f'{given[0]} belongs to solver = "adam": "lbfgs" takes no steps; leave {given[0]} '
                'out, or set solver = "adam"'
            )
        return self

    def _differing(self, names: set[str]) -> list[str]:
        fields = type(self).model_fields
        return [
            name for name in fields if name in names and getattr(self, name) != fields[name].default
        ]

    @model_serializer(mode="wrap")
    def _leave_out(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        # What adam trained before there was a choice keeps its identity.
        values: dict[str, Any] = dump(self)
        if self.solver == "adam":
            values = {k: v for k, v in values.items() if k not in ("solver", "l2", "iterations")}
        return values


class FlcpParams(TrainingParams):
    """How the whole model is trained as in contrastive pre-training."""

    temperature: Literal["published", "learnt"] | Annotated[float, Field(gt=0, le=10)] = "published"
    """Divides the similarities of images and prompts: a number, ``learnt`` from the model's own, or
    ``published``: 0.07 for CLIP and learnt for others."""


class FtParams(TrainingParams):
    """How head and image tower are trained."""

    lr: float = Field(default=1e-5, gt=0, le=1)
    """The optimiser's rate for the image tower."""
    head_lr: float | None = Field(default=None, gt=0, le=1)
    """The rate for the linear head; the same as ``lr`` when absent. A head that starts from random
    weights often learns faster with ten times ``lr``."""


class LpFtParams(FtParams):
    """How a head is trained first, then head and image tower."""

    probe_epochs: int = Field(default=10, ge=1)
    """How often each training sample is seen by the head alone."""
    probe_lr: float = Field(default=1e-3, gt=0, le=1)
    """The rate for the head alone."""


class WiseFtParams(FtParams):
    """How weights are trained and then interpolated with the zero-shot ones."""

    alpha: Share | Annotated[tuple[Share, ...], Field(min_length=1)] = 0.5
    """Share of the trained weights, 0 (zero-shot) to 1 (trained); of several, the one with the best
    ``choose_by`` on the samples held out is taken."""
    choose_by: str = "accuracy"
    """Score on the samples held out by which one of several ``alpha`` is chosen, named as in
    ``stop_by``; needs ``[held_out]`` in the spec."""

    @property
    def alphas(self) -> tuple[float, ...]:
        """Every ``alpha`` once, the smallest first."""
        several = self.alpha if isinstance(self.alpha, tuple) else (self.alpha,)
        return tuple(sorted(set(several)))

    def find_unfit(self, around: Around) -> Mapping[str, str]:
        """Return whether nothing gives a score that is asked for."""
        choice = self.choose_by if len(self.alphas) > 1 else None
        return {**super().find_unfit(around), **_explain_unwatched("choose_by", choice, around)}


class LoraParams(FtParams):
    """How low-rank updates of the image tower's linear layers are trained beside a head."""

    rank: int = Field(default=8, ge=1, le=1024)
    """Rank of each update."""
    scale: float = Field(default=16.0, gt=0, allow_inf_nan=False)
    """An update is multiplied by ``scale / rank``, LoRA's alpha over r."""


class EvidenceFtParams(FtParams):
    """How ft is trained with a penalty on relevance outside of the mask."""

    weight: float = Field(default=1.0, gt=0, allow_inf_nan=False)
    """Factor on the penalty, 1 minus the share of relevance inside the mask."""
    penalty_warmup: float = Field(default=0.0, ge=0, lt=1)
    """Share of all steps in which the factor rises linearly from 0."""
    layers: Literal["last", "all"] | Annotated[int, Field(ge=1)] = "last"
    """Layers whose relevance counts: the last one, all, or the last N. They are vision layers; of a
    model that answers by texts, those in which words look at the image."""
    mask_share: float = Field(default=1.0, gt=0, le=1)
    """Share of the training images whose masks are used, as if the others had none."""
