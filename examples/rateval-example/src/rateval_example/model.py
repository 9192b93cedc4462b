"""A tiny model of random weights, with a text tower of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import nn

from rateval.api import Context, ModelCard, Readout
from rateval.modelkit import (
    attend_fused,
    record_probabilities,
    require_same_weights,
    write_safetensors,
)
from rateval_example.params import TinyParams
from rateval_example.towers import DEPTH, LENGTH, PATCH, SIDE, ImageTower, TextTower, tokenise


class Tiny:
    """A ``rateval.api.Model`` of two blocks."""

    grid = (SIDE // PATCH, SIDE // PATCH)
    prefix_tokens = 1
    readout: Readout = "class token"
    depth = DEPTH

    def __init__(self, weights: int) -> None:
        with torch.random.fork_rng([]):
            torch.manual_seed(weights)
            self.image_tower, self.text_tower = ImageTower(), TextTower()
        self.module: nn.Module = nn.ModuleDict({"image": self.image_tower, "text": self.text_tower})
        self.module.eval().requires_grad_(False)
        half = (0.5, 0.5, 0.5)
        self.card = ModelCard(
            "tiny", (SIDE, SIDE), half, half, LENGTH, "class token", "Apache-2.0", "drawn", ""
        )

    @property
    def logit_scale(self) -> torch.Tensor:
        """The factor on the cosine of image and text."""
        return torch.tensor(20.0)

    def preprocess(self, image: Image.Image) -> torch.Tensor:
        """Turn an RGB image into (3, H, W) float32, its middle."""
        pixels = np.asarray(_fit(image, Image.Resampling.BILINEAR), dtype=np.float32)
        return torch.from_numpy(pixels / 127.5 - 1).permute(2, 0, 1)

    def preprocess_mask(self, mask: NDArray[np.bool_]) -> torch.Tensor:
        """Turn a mask of the image's size into (H, W) bool."""
        picture = Image.fromarray(mask.astype(np.uint8))
        return torch.from_numpy(np.asarray(_fit(picture, Image.Resampling.NEAREST)) > 0)

    def encode_image(self, images: torch.Tensor) -> torch.Tensor:
        """Embed (B, 3, H, W) float32 as (B, D), not normalised."""
        embedded: torch.Tensor = self.image_tower.projection(self.image_tower(images))
        return embedded

    def features(self, images: torch.Tensor) -> torch.Tensor:
        """Return the class token of the last block, (B, F)."""
        found: torch.Tensor = self.image_tower(images)
        return found

    def prompts(self, classes: Sequence[str]) -> list[list[str]]:
        """Return a prompt for each class."""
        return [[f"a photo of a {name}"] for name in classes]

    def encode_text(self, prompts: Sequence[str] | torch.Tensor) -> torch.Tensor:
        """Embed K strings, or (K, T) int64 token ids, as (K, D)."""
        ids = prompts if isinstance(prompts, torch.Tensor) else tokenise(list(prompts))
        embedded: torch.Tensor = self.text_tower(ids.to(self.text_tower.positions.device))
        return embedded

    def record_attention(
        self, layers: Sequence[int]
    ) -> AbstractContextManager[dict[int, torch.Tensor]]:
        """Record the attention of ``layers`` within the context."""
        parts = {at: self.image_tower.blocks[at].get_submodule("attention") for at in layers}
        return record_probabilities({at: (part, attend_fused(part)) for at, part in parts.items()})

    def load_checkpoint(self, state: Mapping[str, torch.Tensor], source: Path) -> None:
        """Replace all weights by those of a checkpoint."""
        told = {"owner": "the tiny model", "remedy": "give what export_checkpoint wrote"}
        require_same_weights(state, self.module.state_dict(), source, **told)
        self.module.load_state_dict(state)
        self.card = replace(self.card, checkpoint=str(source), keys_used=len(state))

    def export_checkpoint(self, folder: Path) -> tuple[Path, ...]:
        """Write the weights into ``folder`` and return the file."""
        return (write_safetensors(self.module.state_dict(), folder / "tiny.safetensors"),)


def _fit(image: Image.Image, resampling: Image.Resampling) -> Image.Image:
    scale = SIDE / min(image.size)
    width, height = (max(SIDE, round(side * scale)) for side in image.size)
    left, top = (width - SIDE) // 2, (height - SIDE) // 2
    fitted = image.resize((width, height), resampling)
    return fitted.crop((left, top, left + SIDE, top + SIDE))


def make_tiny(params: TinyParams, context: Context) -> Tiny:
    """Make the model."""
    model = Tiny(params.weights)
    model.module.to(context.device)
    return model
