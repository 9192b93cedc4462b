"""A classifier's logits made again from its model and what it says of its decision."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch.nn import functional as F

from rateval.api.protocols import Model
from rateval.api.values import HeadDecision, PromptDecision


def decide(
    model: Model,
    decision: PromptDecision | HeadDecision,
    classes: Sequence[str],
    images: torch.Tensor,
) -> torch.Tensor:
    """Score (B, 3, H, W) images for each of K classes as the decision says, (B, K) float32."""
    if isinstance(decision, PromptDecision):
        embedded = [
            F.normalize(model.encode_text(of_class).float(), dim=-1)
            for of_class in model.prompts(classes)
        ]
        means = F.normalize(torch.stack([of_class.mean(0) for of_class in embedded]), dim=-1)
        return decision.scale * F.normalize(model.encode_image(images).float(), dim=-1) @ means.T
    if decision.on == "features":
        inputs = model.features(images)
    else:
        inputs = F.normalize(model.encode_image(images).float(), dim=-1)
    return F.linear(inputs.to(decision.weight), decision.weight, decision.bias).float()
