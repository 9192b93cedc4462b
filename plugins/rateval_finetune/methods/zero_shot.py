"""Zero-shot: the similarity of image and prompts, as the model was pre-trained to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F

from rateval.api import (
    Classifier,
    Context,
    Logbook,
    Model,
    PluginError,
    PromptDecision,
    RatevalError,
    Split,
)
from rateval.modelkit import embed_once
from rateval_finetune.methods.untuned import UntunedAnswerer, answers
from rateval_finetune.training.modes import freeze

if TYPE_CHECKING:
    from rateval_finetune.params import ZsParams

_PROMPTS_AT_ONCE = 256
_CLASSES = "classes"


@torch.no_grad()
def class_embeddings(model: Model, classes: Sequence[str]) -> torch.Tensor:
    """Embed the classes as (K, D) of unit length.

    A class is the normalised mean of its prompts' normalised embeddings; a study embeds it once for
    all methods that leave the text tower as it is. Raises PluginError when
    the model embeds another number of prompts than it is given.

    Source: prompt ensembling of Radford et al., ICML 2021, section 3.1.4.
    """
    prompts = model.prompts(classes)
    return embed_once(model, prompts, "mean of unit length", lambda: _embed(model, prompts))


def _embed(model: Model, prompts: Sequence[Sequence[str]]) -> torch.Tensor:
    flat = [prompt for of_class in prompts for prompt in of_class]
    means: list[torch.Tensor] = []
    waiting = torch.empty(0)  # embeddings of classes that are not complete
    for at in range(0, len(flat), _PROMPTS_AT_ONCE):
        embedded = model.encode_text(flat[at : at + _PROMPTS_AT_ONCE]).float()
        unit = F.normalize(embedded, dim=-1)
        waiting = torch.cat([waiting, unit]) if len(waiting) else unit
        while len(means) < len(prompts) and len(prompts[len(means)]) <= len(waiting):
            own = len(prompts[len(means)])
            means.append(waiting[:own].mean(0))
            waiting = waiting[own:]
    if len(means) < len(prompts) or len(waiting):
        raise PluginError(
            f"encode_text() of the model must embed each of {len(flat)} prompts; got "
            f"{'fewer' if len(means) < len(prompts) else 'more'}",
            kind="model",
        )
    return F.normalize(torch.stack(means), dim=-1)


class PromptClassifier:
    """A classifier by logit scale x cosine of image and class; classes are encoded once.

    They aren't where ``kept`` is what a classifier of this model and these classes has kept. Raises
    RatevalError for a scale by which all logits are 0, or turned around: no cosine tells it.
    """

    def __init__(
        self, model: Model, classes: Sequence[str], kept: Mapping[str, torch.Tensor] | None = None
    ) -> None:
        scale = float(model.logit_scale.detach())
        if scale <= 0:
            raise RatevalError(
                f"model {model.card.architecture}: its logit scale is {scale:g}, where it must be "
                "above 0; its checkpoint is broken: give another one"
            )
        self.model = model
        known = (kept or {}).get(_CLASSES)
        if known is not None and len(known) != len(classes):
            raise RatevalError(
                f"the embeddings that were kept are of {len(known)} classes, and the dataset has "
                f"{len(classes)}: they belong to another one; delete the stored result"
            )
        device = model.logit_scale.device
        self.classes = class_embeddings(model, classes) if known is None else known.to(device)

    def logits(self, images: torch.Tensor) -> torch.Tensor:
        """Score (B, 3, H, W) float32 as (B, K) float32, differentiable."""
        embedded = F.normalize(self.model.encode_image(images).float(), dim=-1)
        return self.model.logit_scale * embedded @ self.classes.T

    def state(self) -> dict[str, torch.Tensor]:
        """Return nothing: the model alone makes this classifier."""
        return {}

    def kept(self) -> dict[str, torch.Tensor]:
        """Return the classes' embeddings (K, D) on the CPU: text towers take long."""
        return {_CLASSES: self.classes.cpu()}

    @property
    def decision(self) -> PromptDecision:
        """The model's own factor on the cosine of image and class."""
        return PromptDecision(float(self.model.logit_scale))


class ZeroShot:
    """The model as it is.

    Source: Radford et al., ICML 2021, section 3.1.
    """

    trains = False
    leaves_weights = True

    def fit(
        self, model: Model, train: Split | None, classes: Sequence[str], logbook: Logbook
    ) -> Classifier:
        """Encode the classes' prompts; ``train`` is not looked at."""
        return self.restore(model, classes, {})

    def restore(
        self,
        model: Model,
        classes: Sequence[str],
        state: dict[str, torch.Tensor],
        kept: Mapping[str, torch.Tensor] | None = None,
    ) -> Classifier:
        """Encode the classes' prompts unless their embeddings were kept.

        Raises RatevalError when ``state`` is not empty.
        """
        if state:
            raise RatevalError(
                f"zs: the stored state holds {sorted(state)[0]!r} but zero-shot has no state; "
                "it belongs to another fine-tuning method: name that one, or delete the state"
            )
        freeze(model)
        if answers(model):
            untuned: Any = UntunedAnswerer(model)
            return untuned  # type: ignore[no-any-return]
        return PromptClassifier(model, classes, kept)


def make_zero_shot(params: ZsParams, context: Context) -> ZeroShot:
    """Make the zero-shot finetuner."""
    return ZeroShot()
