"""Frozen values that pass between components and stages. This module imports no torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray
    from PIL import Image


Readout = Literal["class token", "attention pool", "mean"]
"""How a model reads an image's embedding from the tokens of its last block: their class token, an
attention pool with a query of its own, or the mean over the patches."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A question about an image, and the answers that people gave."""

    question: str
    """Empty where a caption is asked for; the answers are the captions that people wrote."""
    answers: tuple[str, ...]
    """As they were given, an answer once for each who gave it; where one is known, it alone."""

    @property
    def most_given(self) -> str:
        """The answer that was given most, the first of those given equally often.

        >>> Asked("?", ("red", "blue", "blue")).most_given, Asked("?", ("a", "b")).most_given
        ('blue', 'a')
        """
        return max(self.answers, key=self.answers.count)


@dataclass(frozen=True, slots=True, eq=False)
class Depicted:
    """Something that an image shows, and where."""

    label: int
    """Index into the dataset's classes."""
    mask: NDArray[np.bool_] | None
    """(H, W) bool of the image's own size; None where nobody said where it is."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One labelled image with the mask of its evidence."""

    id: str
    """Unique within its split, stable between runs."""
    image: Image.Image
    """RGB, any size."""
    label: int
    """Index into the dataset's classes; where something is asked, of its first answer."""
    mask: NDArray[np.bool_] | None
    """(H, W) bool of the image's own size, True where evidence lies; None when unknown."""
    caption: str | None = None
    """A sentence about this image, for contrastive fine-tuning."""
    notes: tuple[str, ...] = ()
    """What was done to the file's picture that a reader should know, such as ``turned by EXIF``."""
    asked: Asked | None = None
    """What is asked of the image; None where a dataset's task asks nothing."""
    depicted: tuple[Depicted, ...] = ()
    """All that the image is known to show, a class at most once, for tasks that look for it in what
    a model says; empty elsewhere."""


@dataclass(frozen=True, slots=True)
class Skipped:
    """A sample that is left out, and why; it is reported, never hidden."""

    id: str
    reason: str
    """What is common to such samples, then, after a colon, what is this one's own."""
    damaged: bool = False
    """Whether its files are broken or missing, not merely unfit: reports name such samples."""


@dataclass(frozen=True, slots=True)
class ModelCard:
    """What a model is, for ``rateval model check`` and for reports."""

    architecture: str
    """Such as ``ViT-B-32``."""
    image_size: tuple[int, int]
    """Height and width in pixels that ``preprocess`` yields."""
    mean: tuple[float, ...]
    """Per channel, what ``preprocess`` subtracts, on the scale 0 to 1."""
    std: tuple[float, ...]
    """Per channel, what it divides by."""
    text_length: int
    """Tokens of a prompt at most."""
    head_feature: str
    """What a linear head sits on: ``projected embedding`` or ``class token``."""
    licence: str
    """Of the weights, as far as known, else ``unknown``."""
    source: str
    """Where code and weights come from."""
    checkpoint: str
    """Path or tag the weights were read from; empty for random ones."""
    keys_used: int = 0
    """Tensors of the checkpoint that were loaded."""
    keys_ignored: tuple[str, ...] = ()
    """Keys of the checkpoint that this model has no use for."""
    assumed: tuple[str, ...] = ()
    """What no file says of the weights and was taken for granted, such as their activation."""


@dataclass(frozen=True, slots=True)
class Epoch:
    """Results of one pass over the training samples."""

    number: int
    """From 1."""
    loss: float
    """Mean over the samples, as the steps saw them."""
    accuracy: float | None
    """Share of training samples whose class was right when its step saw it; None where the
    objective scores no classes."""
    lr: float
    """Rate of the last step, of the first group of weights."""
    held_out: Mapping[str, float | None] = field(default_factory=dict)
    """What ``Logbook.examine`` said afterwards; empty when the study holds no samples out."""


@dataclass(frozen=True, slots=True)
class PromptDecision:
    """A decision by prompts: logits are a factor on the cosine of image and class.

    A class is the mean of its prompts' embeddings of unit length, of unit length again.
    """

    scale: float
    """The factor."""


@dataclass(frozen=True, slots=True, eq=False)
class HeadDecision:
    """A decision by a linear head: logits are ``inputs @ weight.T + bias``."""

    weight: torch.Tensor
    """(K, F)."""
    bias: torch.Tensor
    """(K,)."""
    on: Literal["features", "embedding"] = "features"
    """What the head sits on: the model's ``features``, or its ``encode_image`` of unit length."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """What an attribution yields for a batch."""

    relevance: torch.Tensor
    """(B, rows, cols) float32, finite and not negative; the model's patch grid."""
    logits: torch.Tensor | None = None
    """(B, K) float32 when the explanation's own forward pass gave them; None asks for another."""
    gaps: torch.Tensor | None = None
    """(B,) float32: how far the attributions' sum is from what it should be, ``differences``, by
    absolute value; None where an attribution promises no sum."""
    differences: torch.Tensor | None = None
    """(B,) float32: the score at the image minus that at the baseline; given with ``gaps``."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """A validator's judgement of a batch."""

    score: torch.Tensor
    """(B,) float32; any value where ``defined`` is False."""
    valid: torch.Tensor
    """(B,) bool; never True where ``defined`` is False."""
    defined: torch.Tensor
    """(B,) bool, False where the score has no meaning."""
    reasons: tuple[str, ...]
    """B strings, empty where ``defined``; else why not, such as ``"empty mask"``."""


@dataclass(frozen=True, slots=True)
class Outcomes:
    """(correct, valid) of every judged image of a cell."""

    correct: NDArray[np.bool_]
    """(N,) bool, the prediction equals the label."""
    valid: NDArray[np.bool_]
    """(N,) bool, the evidence was judged sound."""
    known: NDArray[np.bool_] = None  # type: ignore[assignment]  # no array is made of nothing
    """(N,) bool, False without an evidence mask: nothing is known of what the prediction rests on,
    and ``valid`` says nothing. All True when left out."""
    causal: NDArray[np.bool_] | None = None
    """(N,) bool, the prediction stays with the object on other backgrounds and goes without it.
    There for metrics alone that declare to need predictions under edits."""
    causal_known: NDArray[np.bool_] | None = None
    """(N,) bool, False where that could not be tried, and ``causal`` says nothing. All True when
    left out beside ``causal``."""

    def __post_init__(self) -> None:
        if self.known is None:
            object.__setattr__(self, "known", self.correct | ~self.correct)
        if self.causal is not None and self.causal_known is None:
            object.__setattr__(self, "causal_known", self.correct | ~self.correct)

    def states(self) -> dict[str, int]:
        """Return the counts of RR, RW, WR, WW, RU and WU: prediction first, evidence second.

        U is unknown evidence. All of them together are the images.

        >>> import numpy as np
        >>> known = np.array([True, True, False])
        >>> Outcomes(np.array([True, True, False]), np.array([True, False, False]), known).states()
        {'RR': 1, 'RW': 1, 'WR': 0, 'WW': 0, 'RU': 0, 'WU': 1}
        """
        right, sound, known = self.correct, self.valid, self.known
        return {
            "RR": int((right & known & sound).sum()),
            "RW": int((right & known & ~sound).sum()),
            "WR": int((~right & known & sound).sum()),
            "WW": int((~right & known & ~sound).sum()),
            "RU": int((right & ~known).sum()),
            "WU": int((~right & ~known).sum()),
        }

    def quadrants(self) -> dict[str, int]:
        """Return the counts of RR, RW, WR and WW: the images whose evidence is known.

        >>> import numpy as np
        >>> Outcomes(np.array([True, True, False]), np.array([True, False, False])).quadrants()
        {'RR': 1, 'RW': 1, 'WR': 0, 'WW': 1}
        """
        return {state: count for state, count in self.states().items() if "U" not in state}

    def both_ways(self) -> Outcomes:
        """Return every outcome twice, with its prediction and with the opposite one.

        >>> import numpy as np
        >>> right = np.array([True])
        >>> Outcomes(right, right).both_ways().quadrants()
        {'RR': 1, 'RW': 0, 'WR': 1, 'WW': 0}
        """
        import numpy as np

        parts = (self.valid, self.known, self.causal, self.causal_known)
        twice = (None if part is None else np.concatenate([part, part]) for part in parts)
        valid, known, causal, causal_known = twice
        correct = np.concatenate([self.correct, ~self.correct])
        return Outcomes(correct, valid, known, causal, causal_known)  # type: ignore[arg-type]

    def among(self, chosen: NDArray[np.bool_]) -> Outcomes:
        """Return the outcomes of the images that (N,) bool is True of.

        >>> import numpy as np
        >>> right = np.array([True, False])
        >>> Outcomes(right, right).among(right).quadrants()["RR"]
        1
        """
        return Outcomes(
            self.correct[chosen],
            self.valid[chosen],
            self.known[chosen],
            None if self.causal is None else self.causal[chosen],
            None if self.causal_known is None else self.causal_known[chosen],
        )


@dataclass(frozen=True, slots=True)
class Score:
    """A metric's value as a share of counts.

    >>> Score.share(1, 4).value, Score.share(0, 0).value
    (0.25, None)
    """

    value: float | None
    """In [0, 1]; None when the denominator is 0."""
    numerator: int
    denominator: int

    @classmethod
    def share(cls, numerator: int, denominator: int) -> Score:
        """Return a share of counts; an empty denominator gives None, never NaN or 0."""
        value = numerator / denominator if denominator else None
        return cls(value, numerator, denominator)
