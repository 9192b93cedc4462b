"""Patches taken out of images in an order, and weights permuted: how faithfulness is tested."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch.nn import functional as F

if TYPE_CHECKING:
    from numpy.typing import NDArray


def patch_counts(patches: int, steps: int) -> list[int]:
    """Return how many patches are taken out after each of ``steps`` equal steps, from 0 to all.

    With fewer patches than steps there is a step for each patch.

    >>> patch_counts(10, 4), patch_counts(2, 8)
    ([0, 3, 5, 8, 10], [0, 1, 2])
    """
    return sorted({(2 * step * patches + steps) // (2 * steps) for step in range(steps + 1)})


def chance_ranks(ids: Sequence[str], patches: int) -> NDArray[np.int64]:
    """Return a random place in 0 to P - 1 for each patch, (B, P), drawn from each image's id alone.

    >>> chance_ranks(["a", "b"], 3).tolist() == chance_ranks(["a"], 3).tolist() * 2
    False
    """
    seeds = [int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big") for name in ids]
    return np.stack([np.random.default_rng(seed).permutation(patches) for seed in seeds])


def relevance_ranks(
    maps: NDArray[np.floating[Any]], chance: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return each patch's place by falling relevance, (B, P); equal ones are placed by ``chance``.

    >>> relevance_ranks(np.array([[0.5, 1.0, 0.5]]), np.array([[2, 0, 1]])).tolist()
    [[2, 0, 1]]
    """
    order = np.lexsort((chance, -maps.astype(np.float64)), axis=1)
    ranks = np.empty_like(chance)
    np.put_along_axis(ranks, order, np.arange(maps.shape[1])[None], axis=1)
    return ranks


def blank_patches(images: torch.Tensor, blank: torch.Tensor) -> torch.Tensor:
    """Fill the patches where (B, rows, cols) ``blank`` is True by each image's own mean colour.

    The mean is taken per image and channel over the whole preprocessed image (B, 3, H, W).

    >>> image = torch.tensor([[[[0.0, 1.0]], [[2.0, 4.0]], [[6.0, 6.0]]]])
    >>> blank_patches(image, torch.tensor([[[True, False]]]))[0].tolist()
    [[[0.5, 1.0]], [[3.0, 4.0]], [[6.0, 6.0]]]
    """
    pixels = F.interpolate(blank[:, None].float(), size=images.shape[-2:], mode="nearest") > 0
    return torch.where(pixels, images.mean(dim=(2, 3), keepdim=True), images)


def curve_areas(fractions: Sequence[float], curves: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the area under each row of ``curves`` (B, S) by the trapezoid rule, (B,).

    ``fractions`` rises from 0 to 1, so the area is the curve's mean height.

    >>> curve_areas([0, 0.5, 1], np.array([[1.0, 0.5, 0.0]])).tolist()
    [0.5]
    """
    areas: NDArray[np.float64] = ((curves[:, 1:] + curves[:, :-1]) / 2) @ np.diff(fractions)
    return areas


@contextmanager
def permuted_weights(module: torch.nn.Module, seed: int = 0) -> Iterator[None]:
    """Permute the elements of each weight tensor within the context; put them back on leaving it.

    All layers at once, each tensor keeping its own values and so its scale. A deep copy would do
    as well, but no classifier promises to survive one.

    >>> layer = torch.nn.Linear(8, 8)
    >>> before = layer.weight.detach().clone()
    >>> with permuted_weights(layer):
    ...     same = layer.weight.equal(before)
    ...     values = layer.weight.flatten().sort()[0].equal(before.flatten().sort()[0])
    >>> same, values
    (False, True)
    >>> layer.weight.equal(before)
    True
    """
    generator = torch.Generator().manual_seed(seed)
    weights = list(module.parameters())
    kept = [weight.detach().clone() for weight in weights]
    try:
        with torch.no_grad():
            for weight, before in zip(weights, kept, strict=True):
                order = torch.randperm(weight.numel(), generator=generator).to(weight.device)
                weight.copy_(before.flatten()[order].reshape(weight.shape))
        yield
    finally:
        with torch.no_grad():
            for weight, before in zip(weights, kept, strict=True):
                weight.copy_(before)
