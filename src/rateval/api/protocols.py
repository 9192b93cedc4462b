"""The protocols of all kinds: what a component's object must offer. Nothing is inherited.

``rateval.testing`` checks each of these on a real object.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Protocol

from rateval.api.values import (
    Explanation,
    HeadDecision,
    ModelCard,
    Outcomes,
    PromptDecision,
    Readout,
    Sample,
    Score,
    Skipped,
    Verdict,
)

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    import torch
    from numpy.typing import NDArray
    from PIL import Image


class Split(Protocol):
    """One part of a dataset."""

    @property
    def identity(self) -> str:
        """Name of the samples: equal identities mean equal samples in equal order."""
        ...

    def __len__(self) -> int: ...

    def samples(self, indices: Sequence[int]) -> Sequence[Sample | Skipped]:
        """Return the samples at ``indices``, in that order, each independent of the others."""
        ...


class Dataset(Protocol):
    """Labelled images with evidence masks."""

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes, as they stand in a prompt; a label is an index into them."""
        ...

    @property
    def has_masks(self) -> bool:
        """Whether any sample of ``test`` carries a mask."""
        ...

    @property
    def train(self) -> Split | None:
        """What to train on; None when there is nothing."""
        ...

    @property
    def test(self) -> Split:
        """What is predicted, explained and judged."""
        ...


class Explained(Protocol):
    """What is explained: a model that looks at an image by patches, whatever it answers."""

    @property
    def card(self) -> ModelCard:
        """Architecture, input, checkpoint, licence and source."""
        ...

    @property
    def grid(self) -> tuple[int, int]:
        """Patch rows and patch columns."""
        ...

    @property
    def module(self) -> torch.nn.Module:
        """The module that holds all weights of the model."""
        ...

    def preprocess(self, image: Image.Image) -> torch.Tensor:
        """Turn an RGB image into (3, H, W) float32, resized, cropped and normalised."""
        ...

    def preprocess_mask(self, mask: NDArray[np.bool_]) -> torch.Tensor:
        """Turn a mask of the image's size into (H, W) bool by the geometry of ``preprocess``."""
        ...


class DualEncoder(Explained, Protocol):
    """A model that embeds an image and a text, and compares them."""

    @property
    def prefix_tokens(self) -> int:
        """Number of tokens before the patches; the first is the class token where there is one."""
        ...

    @property
    def readout(self) -> Readout:
        """How the image's embedding is read from the tokens of the last block.

        With ``"attention pool"`` the pool counts as one more layer, the last one; ``"class token"``
        needs a prefix token.
        """
        ...

    @property
    def depth(self) -> int:
        """Number of vision layers with attention: the blocks, and an attention pool after them."""
        ...

    @property
    def image_tower(self) -> torch.nn.Module:
        """The part of ``module`` that ``features`` and ``encode_image`` run."""
        ...

    @property
    def logit_scale(self) -> torch.Tensor:
        """The factor on the cosine of image and text, () float32, already exponentiated."""
        ...

    def encode_image(self, images: torch.Tensor) -> torch.Tensor:
        """Embed (B, 3, H, W) float32 as (B, D), not normalised."""
        ...

    def features(self, images: torch.Tensor) -> torch.Tensor:
        """Return what a linear head sits on: (B, 3, H, W) float32 to (B, F)."""
        ...

    def prompts(self, classes: Sequence[str]) -> list[list[str]]:
        """Return one or more prompts for each class."""
        ...

    def encode_text(self, prompts: Sequence[str] | torch.Tensor) -> torch.Tensor:
        """Embed K strings, or (K, T) int64 token ids, as (K, D), not normalised."""
        ...

    def record_attention(
        self, layers: Sequence[int]
    ) -> AbstractContextManager[dict[int, torch.Tensor]]:
        """Record the vision attention of ``layers`` (0 is the first) within the context.

        A forward pass inside fills the dict: layer to probabilities (B, heads, N, N) float32, N
        being prefix tokens and patches, and (B, heads, 1, N) for an attention pool. They are in
        the autograd graph of what the pass returns, and require a gradient even when no weight
        does. Logits are those without recording. Leaving the context, also by an exception,
        restores the modules.
        """
        ...


class Checkpointed(Protocol):
    """What reads and writes its family's own files of weights."""

    def load_checkpoint(self, state: Mapping[str, torch.Tensor], source: Path) -> None:
        """Replace all weights by those of a checkpoint, in the dtype and place that they have.

        ``state`` has the key names of the family's own checkpoints, or those of
        ``module.state_dict()``; ``source`` is where it comes from, for messages and the card.
        Raises RatevalError, before anything is changed, when keys are missing, unexpected or of
        another shape.
        """
        ...

    def export_checkpoint(self, folder: Path) -> tuple[Path, ...]:
        """Write the weights into ``folder`` and return the files that were written.

        They are in the upstream library's own format: it loads them, and so does this component.
        The folder is made where it is not there; files of the same name are replaced.
        """
        ...


class Model(DualEncoder, Checkpointed, Protocol):
    """A dual-encoder vision-language model; unmodified upstream classes inside.

    A deep copy is a model of its own: a fine-tuner trains one.
    """


class Classifier(Protocol):
    """A model with a decision over the dataset's classes.

    One that also has ``kept() -> dict[str, torch.Tensor]`` gives by it what follows from the model,
    the state and the classes and takes long, such as embeddings of prompts; a finetuner whose
    ``restore`` takes ``kept`` is given that back.
    """

    @property
    def model(self) -> Model:
        """The model that was fine-tuned, or that needed no fine-tuning."""
        ...

    def logits(self, images: torch.Tensor) -> torch.Tensor:
        """Score (B, 3, H, W) float32 as (B, K) float32, differentiable."""
        ...

    def state(self) -> dict[str, torch.Tensor]:
        """Return every tensor that fine-tuning changed or added."""
        ...

    @property
    def decision(self) -> PromptDecision | HeadDecision | None:
        """How the logits are made of what the model gives; None for any other way.

        Whoever exports the classifier repeats that without it.
        """
        ...


class Attribution(Protocol):
    """A way to explain a prediction by a relevance map."""

    def explain(
        self,
        classifier: Classifier,
        images: torch.Tensor,
        labels: torch.Tensor,
        ids: Sequence[str] | None = None,
    ) -> Explanation:
        """Explain (B, 3, H, W) float32 with labels (B,) int64.

        Each image's map depends on that image alone. ``ids`` are the samples' own, for attributions
        that look maps up; a study always gives them. One that takes ``sizes`` besides is given the
        height and width of each image before it was preprocessed.
        """
        ...


class Validator(Protocol):
    """A way to judge whether relevance lies on the evidence."""

    def judge(self, relevance: torch.Tensor, masks: torch.Tensor) -> Verdict:
        """Judge (B, rows, cols) float32 maps against (B, H, W) bool masks."""
        ...


class Metric(Protocol):
    """A number made from the outcomes of a cell."""

    @property
    def label(self) -> str:
        """Short name of its column in a report, such as ``PT``."""
        ...

    def compute(self, outcomes: Outcomes) -> Score:
        """Return the share of what it counts; an empty denominator gives a value of None."""
        ...


class Shift(Protocol):
    """A change of the test images' distribution."""

    def apply(self, sample: Sample) -> Sample | Skipped:
        """Return the shifted sample; the same sample always gives the same result.

        Threads call it, in any order. A sample that it can do nothing with, such as one without the
        mask that it needs, gives ``Skipped`` with its id and why, and is in no cell of the shift.
        """
        ...
