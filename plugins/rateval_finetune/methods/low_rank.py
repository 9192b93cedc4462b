"""Low-rank updates of a tower's linear layers, whatever classes its modules are of."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

import torch
from torch import nn
from torch.func import functional_call

from rateval.api.tasks.texts import Asked
from rateval_finetune.training.objectives import Scored
from rateval_finetune.training.randomness import make_generator


class LowRankUpdate(nn.Module):
    """Two small matrices whose product is added to a weight.

    Source: Hu et al., ICLR 2022, section 4.1; the first weights are those of its release.
    """

    def __init__(
        self, weight: torch.Tensor, rank: int, factor: float, generator: torch.Generator
    ) -> None:
        """Fit a weight (outputs, inputs); the update is zero until it trains."""
        super().__init__()
        bound = 1 / math.sqrt(weight.shape[1])
        down = torch.empty(rank, weight.shape[1]).uniform_(-bound, bound, generator=generator)
        self.down = nn.Parameter(down.to(weight))
        self.up = nn.Parameter(weight.new_zeros(weight.shape[0], rank))
        self._factor = factor
        self._first = weight.detach()

    def forward(self) -> torch.Tensor:
        """Return the updated weight."""
        return self._first + self._factor * (self.up @ self.down)


class LowRankObjective(nn.Module):
    """Another objective's loss, with updates in the place of the weights of a part of it.

    The updated weights stand in for the tower's own during a pass. So attention that reads its
    projections' weights itself, as ``nn.MultiheadAttention`` does, is updated like any linear
    layer, no module is replaced, and the first weights keep their very bits.
    """

    def __init__(
        self,
        objective: nn.Module,
        rank: int,
        scale: float,
        seed: int,
        *,
        weights: Mapping[str, nn.Parameter] | None = None,
    ) -> None:
        """Update ``weights`` by their names in the objective, or those of its image tower."""
        super().__init__()
        self.objective = objective
        tower = "image_tower"
        if weights is None:
            weights = dict(linear_weights(objective.get_submodule(tower), f"{tower}."))
        self._weights = weights
        self.updates = nn.ModuleList(
            LowRankUpdate(weight, rank, scale / rank, make_generator(seed, "lora", name))
            for name, weight in self._weights.items()
        )

    def forward(
        self,
        images: torch.Tensor,
        labels: torch.Tensor,
        weights: torch.Tensor,
        masks: torch.Tensor | None,
        asked: Sequence[Asked | None] = (),
    ) -> Scored:
        """Score images (B, 3, H, W)."""
        updated = dict(zip(self._weights, (update() for update in self.updates), strict=True))
        given = (images, labels, weights, masks, asked)
        scored: Scored = functional_call(self.objective, updated, given)
        return scored

    @torch.no_grad()
    def merge(self) -> None:
        """Give the tower the updated weights, to be looked at; training goes on from there."""
        for weight, update in zip(self._weights.values(), self.updates, strict=True):
            weight.data = update()


def linear_weights(module: nn.Module, prefix: str) -> Iterator[tuple[str, nn.Parameter]]:
    """Yield the weight matrices of linear layers by name, and those that attention holds itself.

    >>> attention = nn.MultiheadAttention(4, 2)
    >>> [name for name, _ in linear_weights(attention, "attn.")]
    ['attn.in_proj_weight', 'attn.out_proj.weight']
    """
    for path, part in module.named_modules():
        for name, weight in part.named_parameters(recurse=False):
            # nn.MultiheadAttention and open_clip's Attention hold in_proj_weight.
            if (isinstance(part, nn.Linear) and name == "weight") or (
                name.endswith("proj_weight") and weight.ndim == 2
            ):
                yield prefix + ".".join(filter(None, (path, name))), weight
