"""What families of writing models differ in: how an image becomes tokens, and words around them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import nn

from rateval.api import RatevalError
from rateval_hf.preprocessing import Preprocessing


class Family:
    """One model's images: square, of a fixed size, cut into patches.

    ``grid`` counts the image tower's own patches, before the model merges several into one token of
    the language model; relevance is put back on those. The stream ``image`` has N tokens, in the
    order in which the tower runs them, and ``places`` says which of the F image tokens among the
    words each became.
    """

    preprocessing: Preprocessing
    side: int
    """Height and width of an image in pixels."""
    grid: tuple[int, int]
    places: torch.Tensor
    """(N,) int64: the image token, 0 to F - 1, that each became; -1 where it was dropped."""

    @property
    def count(self) -> int:
        """The number F of image tokens that stand among the words."""
        return int(self.places.max()) + 1

    def vision(self, module: Any) -> list[nn.Module]:
        """Return the attention of each block that image features come from, first block first."""
        raise NotImplementedError

    def language(self, module: Any) -> Any:
        """Return the language model, without the head that scores words."""
        return module.model.language_model

    def see(self, module: Any, images: torch.Tensor) -> torch.Tensor:
        """Turn (B, 3, H, W) into features of the image tokens (B, F, D)."""
        raise NotImplementedError

    def expand(self, word: str) -> str:
        """Return what stands for the one ``word`` that a template writes for an image."""
        return word * self.count

    def positions(self, mask: torch.Tensor, is_image: torch.Tensor) -> torch.Tensor:
        """Return the positions of tokens, as the language model takes them.

        ``mask`` (B, M) int64 is 0 at padding, ``is_image`` (B, M) bool marks image tokens.
        """
        return (mask.cumsum(dim=1) - 1).clamp(min=0)

    def next_positions(self, positions: torch.Tensor) -> torch.Tensor:
        """Return the positions of the token after those of ``positions`` (..., M), (..., 1)."""
        return positions[..., -1:] + 1

    def put_on_grid(self, relevance: torch.Tensor) -> torch.Tensor:
        """Put relevance of the stream ``image`` (B, N) on the patches, (B, rows, cols)."""
        raise NotImplementedError


def require_multiple(side: int, unit: int, path: Path, what: str) -> None:
    """Raise RatevalError unless an image's side is a multiple of ``unit`` pixels.

    >>> require_multiple(56, 28, Path("config.json"), "its merged patches")
    """
    if side % unit:
        raise RatevalError(
            f"image_size = {side}: must be a multiple of {unit}, the side of {what} by "
            f"{path}; give {max(1, round(side / unit)) * unit}"
        )


def blocks_of(tower: Any) -> Any:
    """Return the blocks of a CLIP-like image tower, wherever a version of transformers has them."""
    return getattr(tower, "vision_model", tower).encoder.layers


def features_in(output: Any) -> Any:
    """Return what a model's ``get_image_features`` found, whatever a version wraps it in."""
    found = getattr(output, "pooler_output", output)
    return torch.cat(list(found)) if isinstance(found, list | tuple) else found
