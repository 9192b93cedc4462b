"""Answers that are texts: what is asked of an image, and what models and explainers of it offer.

A model of this kind reads an image and a question, and writes an answer or scores one that it is
given. What its tokens attend to is recorded as a flow, from the answer back to the image.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from rateval.api.protocols import Explained
from rateval.api.values import Asked as Asked, Depicted as Depicted, Explanation

if TYPE_CHECKING:
    import torch

    from rateval.api.tasks.task import Inputs


@dataclass(frozen=True, slots=True)
class Answer:
    """A text that a model wrote, and how sure it was of it."""

    text: str
    likelihood: float
    """Sum of the natural log probabilities of its tokens, its end included."""


@dataclass(frozen=True, slots=True, eq=False)
class TokenScores:
    """How likely each token of B given answers is, each after those before it."""

    log_probabilities: torch.Tensor
    """(B, T) float32, natural logarithms, differentiable; 0 at padding. The end is a token."""
    spans: tuple[tuple[tuple[int, int], ...], ...]
    """For each answer the start and stop of its tokens in the text, in characters, T or fewer; the
    end has none of its own and is ``(n, n)``."""


@dataclass(frozen=True, slots=True, eq=False)
class Answered:
    """B images, what was asked of each, and the answer that is to be explained."""

    images: torch.Tensor
    """(B, 3, H, W) float32."""
    questions: tuple[str, ...]
    """B texts; empty where a caption is asked for."""
    answers: tuple[str, ...]
    """B texts."""
    ids: tuple[str, ...]
    """The samples' own, or those of their parts that are explained."""
    rivals: tuple[str, ...] | None = None
    """For each the best other answer, for explainers of a margin; None where none is known."""
    spans: tuple[tuple[int, int], ...] | None = None
    """Start and stop in characters of what is explained of each answer; None is all of it."""


@dataclass(frozen=True, slots=True, eq=False)
class TokenMaps:
    """What of an image each token of one text rests on."""

    spans: tuple[tuple[int, int], ...]
    """Start and stop in characters of T tokens, in the order of the text; none overlap."""
    relevance: torch.Tensor
    """(T, rows, cols) float32 on the CPU, one map for each."""


@dataclass(frozen=True, slots=True, eq=False)
class Attended:
    """One attention that ran: tokens of one stream looked at tokens of another, or of its own."""

    to: str
    """The stream whose tokens looked, such as ``answer``."""
    of: str
    """The stream that they looked at, such as ``image``."""
    probabilities: torch.Tensor
    """(B, heads, N of ``to``, N of ``of``) float32, in the autograd graph."""


@dataclass(frozen=True, slots=True, eq=False)
class Passed:
    """Tokens of one stream that became tokens of another, such as patches put among words."""

    to: str
    of: str
    places: torch.Tensor
    """(B, N of ``of``) int64: the token of ``to`` that each became; -1 where it was dropped.
    Several may become one."""


@dataclass(slots=True, eq=False)
class Flow:
    """What a pass over a batch recorded, filled while it runs."""

    steps: list[Attended | Passed] = field(default_factory=list)
    """In the order in which they ran. The first stream is ``image``."""
    final: str = ""
    """The stream from which the answer's tokens are predicted."""
    reading: torch.Tensor | None = None
    """(B, N of ``final``) bool: the tokens from which one of the answer is predicted, in its order;
    the end's, too."""


class TextModel(Explained, Protocol):
    """A model that answers a question about an image by a text; unmodified upstream classes inside.

    A deep copy is a model of its own: a fine-tuner trains one.
    """

    @property
    def language(self) -> torch.nn.Module:
        """The part of ``module`` that reads and writes text."""
        ...

    def generate(self, images: torch.Tensor, questions: Sequence[str]) -> Sequence[Answer]:
        """Answer B questions about (B, 3, H, W) float32 images, greedily; no randomness.

        Each answer depends on its own image and question alone.
        """
        ...

    def score(
        self, images: torch.Tensor, questions: Sequence[str], answers: Sequence[str]
    ) -> TokenScores:
        """Score a given answer to each of B questions, differentiable by images and weights.

        The sum over tokens is minus what the model's own loss sums for such an answer.
        """
        ...

    def rank(
        self, images: torch.Tensor, questions: Sequence[str], candidates: Sequence[str]
    ) -> torch.Tensor:
        """Return the sum that ``score`` gives each of K candidates, (B, K) float32."""
        ...

    def record_flow(self) -> AbstractContextManager[Flow]:
        """Record every attention of the next ``score`` within the context.

        Scores are those without recording. Leaving the context, also by an exception, restores the
        modules.
        """
        ...

    def put_on_grid(self, relevance: torch.Tensor) -> torch.Tensor:
        """Put relevance of the tokens of ``image`` (B, N) on the patches, (B, rows, cols)."""
        ...


class Answerer(Protocol):
    """A text model as a fine-tuner left it."""

    @property
    def model(self) -> TextModel:
        """The model that was fine-tuned, or that needed no fine-tuning."""
        ...

    def state(self) -> dict[str, torch.Tensor]:
        """Return every tensor that fine-tuning changed or added."""
        ...

    @property
    def decision(self) -> None:
        """There is none: the model itself answers."""
        ...


class TokenByToken(Protocol):
    """What a posed task offers beside ``Posed`` where it predicts texts whose tokens get maps."""

    def explain_tokens(
        self,
        attribution: TextAttribution,
        classifier: Answerer,
        inputs: Inputs,
        texts: Sequence[str],
        most: int,
    ) -> Sequence[TokenMaps]:
        """Have an attribution explain each token of B texts alone, of each the first ``most``.

        ``texts`` are what was predicted of ``inputs``.
        """
        ...


class TextAttribution(Protocol):
    """A way to explain a text that answers, by a relevance map."""

    def explain_answers(self, answerer: Answerer, answered: Answered) -> Explanation:
        """Explain B answers; ``Explanation.logits`` stays None.

        Each map depends on its own image, question and answer alone.
        """
        ...
