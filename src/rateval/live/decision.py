"""A live model's decision over the classes: its own, or a head that is given with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import torch
from torch.nn import functional as F

from rateval.api.protocols import Classifier, Model, Split
from rateval.api.training import Logbook
from rateval.api.values import HeadDecision
from rateval.errors import RatevalError
from rateval.live.components import CALL
from rateval.live.identity import digest_module
from rateval.wording import describe

HeadOn = Literal["features", "embedding"]
_OWN = "decides by itself"


class GivenClassifier:
    """A model with the head that was given with it, or with the logits that it returns itself."""

    def __init__(self, model: Model, head: torch.nn.Module | None, head_on: HeadOn) -> None:
        self.model = model
        self._head, self._head_on = head, head_on

    def logits(self, images: torch.Tensor) -> torch.Tensor:
        """Score (B, 3, H, W) float32 as (B, K) float32, differentiable."""
        if self._head is None:
            return self.model.encode_image(images).float()
        if self._head_on == "features":
            inputs = self.model.features(images)
        else:
            inputs = F.normalize(self.model.encode_image(images).float(), dim=-1)
        weight = next(self._head.parameters(), inputs)
        scores: torch.Tensor = self._head(inputs.to(weight.dtype))
        return scores.float()

    def state(self) -> dict[str, torch.Tensor]:
        """Copy the head to the CPU; of a model that decides by itself, the word that it does."""
        if self._head is None:
            return {_OWN: torch.ones(1)}
        state = {f"head.{name}": value for name, value in self._head.state_dict().items()}
        return {
            name: value.detach().cpu().clone(memory_format=torch.contiguous_format)
            for name, value in state.items()
        } or {"head": torch.ones(1)}

    @property
    def decision(self) -> HeadDecision | None:
        """A linear head and what it sits on; None for any other decision."""
        if not isinstance(self._head, torch.nn.Linear):
            return None
        weight, bias = self._head.weight.detach(), self._head.bias
        zeros = weight.new_zeros(len(weight))
        return HeadDecision(weight, zeros if bias is None else bias.detach(), self._head_on)


class GivenDecision:
    """How a live model decides, as a ``rateval.api.Finetuner`` that trains nothing."""

    trains = False

    def __init__(self, head: torch.nn.Module | None, head_on: HeadOn) -> None:
        self.head, self._head_on = head, head_on

    def fit(
        self, model: Model, train: Split | None, classes: Sequence[str], logbook: Logbook
    ) -> Classifier:
        """Return the model with its head."""
        return GivenClassifier(model, self.head, self._head_on)

    def restore(
        self, model: Model, classes: Sequence[str], state: Mapping[str, torch.Tensor]
    ) -> Classifier:
        """Return the model with its head, which is at hand: nothing is read from ``state``."""
        return GivenClassifier(model, self.head, self._head_on)

    @property
    def digest(self) -> str:
        """What determines the decision besides the model."""
        if self.head is None:
            return _OWN
        return f"head on {self._head_on} {digest_module(self.head)}"


def check_head(head: object, head_on: str) -> torch.nn.Module | None:
    """Return what is given as a head. Raises RatevalError for no module, and an unknown place."""
    if head is not None and not isinstance(head, torch.nn.Module):
        raise RatevalError(
            f"{CALL}: head is {describe(head)}; give a torch.nn.Module from features (B, F) to "
            "logits (B, K), such as torch.nn.Linear, or None"
        )
    if head_on not in ("features", "embedding"):
        raise RatevalError(
            f'{CALL}: head_on = {head_on!r}: must be "features", or "embedding" for the image\'s '
            "embedding of unit length"
        )
    return head


@torch.no_grad()
def require_logits(classifier: Classifier, classes: Sequence[str], device: str) -> None:
    """Raise RatevalError unless a blank image gets one number for each class."""
    size = classifier.model.card.image_size
    try:
        logits: object = classifier.logits(torch.zeros(1, 3, *size, device=device))
    except RatevalError:
        raise
    except Exception as error:
        reason = str(error).partition("\n")[0]
        raise RatevalError(
            f"{CALL}: model and head give no logits of a blank image: {type(error).__name__}: "
            f"{reason}; a head takes what the model returns, (B, F)"
        ) from error
    if not isinstance(logits, torch.Tensor) or logits.shape != (1, len(classes)):
        raise RatevalError(
            f"{CALL}: of one image the model gives {describe(logits)}, and there are "
            f"{len(classes)} classes; give the head over these classes, or the classes of this "
            "head in its order"
        )
