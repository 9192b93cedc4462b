"""A look at a loaded model: what it is made of, and whether recording leaves it alone."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch.nn import functional as F

from rateval.api.protocols import Model
from rateval.errors import RatevalError
from rateval.machine.finite import describe_broken, name_fault

TOLERANCE = 1e-5
"""Largest difference of logits with and without recording, as a share of the largest logit."""
_CLASSES = ("cat", "dog", "house")


@dataclass(frozen=True, slots=True)
class ModelCheck:
    """What was seen of a model."""

    parameters: int
    dtype: str
    device: str
    recorded: tuple[int, ...]
    """Shape of one layer's attention for one image: (1, heads, N, N)."""
    difference: float
    """Largest difference of logits with and without recording, relative to the largest logit."""


def check_model(model: Model) -> ModelCheck:
    """Compare logits of a random image and three prompts with and without recording.

    Raises RatevalError when they differ by more than 1e-5 or are not finite, and when a prompt
    cannot be encoded.
    """
    weight = next(model.module.parameters())
    card = model.card
    noise = torch.randn(1, 3, *card.image_size, generator=torch.Generator().manual_seed(0))
    images = noise.to(weight.device, weight.dtype)
    with torch.no_grad():
        prompts = [prompts[0] for prompts in model.prompts(_CLASSES)]
        texts = F.normalize(model.encode_text(prompts).float(), dim=-1)
        plain = _logits(model, images, texts)
        with model.record_attention(range(model.depth)) as recorded, torch.enable_grad():
            watched = _logits(model, images, texts).detach()
    _require_finite(plain, model)
    largest = plain.abs().max().clamp(min=1e-12)
    difference = float((plain - watched).abs().max() / largest)
    if not difference <= TOLERANCE:
        raise RatevalError(
            f"{card.architecture}: logits differ by {difference:.1e} (at most {TOLERANCE:.0e} is "
            "allowed) when attention is recorded: relevance maps of it would explain another model"
        )
    return ModelCheck(
        parameters=sum(parameter.numel() for parameter in model.module.parameters()),
        dtype=str(weight.dtype).removeprefix("torch."),
        device=str(weight.device),
        recorded=tuple(recorded[0].shape),
        difference=difference,
    )


def _require_finite(logits: torch.Tensor, model: Model) -> None:
    fault = name_fault(logits)
    if fault is None:
        return
    broken = describe_broken(model.module.state_dict().items())
    why = (
        f"its weights are not finite: {broken}"
        if broken
        else "its weights are finite, but too large for the numbers on the way"
    )
    raise RatevalError(
        f"{model.card.architecture}: its logits of an image of noise are {fault}; {why}; give "
        "another checkpoint"
    )


def _logits(model: Model, images: torch.Tensor, texts: torch.Tensor) -> torch.Tensor:
    embedded = F.normalize(model.encode_image(images).float(), dim=-1)
    return model.logit_scale.float() * embedded @ texts.T
