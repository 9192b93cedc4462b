"""A tiny model of random weights, with a text tower of its own."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from pydantic import Field
from torch import nn
from torch.nn.functional import scaled_dot_product_attention

from rateval.api import Context, Model, ModelCard, Params, Readout
from rateval.modelkit import (
    attend_fused,
    record_probabilities,
    require_same_weights,
    write_safetensors,
)

SIDE, PATCH, WIDTH, HEADS, DEPTH, EMBEDDING, LENGTH = 32, 8, 32, 2, 2, 16, 48


class MineModelParams(Params):
    """What a spec can set of mine-model."""

    weights: int = Field(default=0, ge=0, le=2**31 - 1)
    """Number that the random weights are drawn from."""


class Attention(nn.Module):
    """Self-attention over tokens."""

    def __init__(self) -> None:
        super().__init__()
        self.before = nn.Linear(WIDTH, 3 * WIDTH)
        self.after = nn.Linear(WIDTH, WIDTH)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """Map (B, N, D) to (B, N, D)."""
        parts = self.before(tokens).unflatten(-1, (3, HEADS, WIDTH // HEADS))
        query, key, value = parts.permute(2, 0, 3, 1, 4)
        mixed = scaled_dot_product_attention(query, key, value)
        projected: torch.Tensor = self.after(mixed.transpose(1, 2).flatten(2))
        return projected


class Block(nn.Module):
    """Attention, then a perceptron on each token."""

    def __init__(self) -> None:
        super().__init__()
        self.attention = Attention()
        self.norm = nn.LayerNorm(WIDTH)
        self.perceptron = nn.Sequential(
            nn.LayerNorm(WIDTH), nn.Linear(WIDTH, 2 * WIDTH), nn.GELU(), nn.Linear(2 * WIDTH, WIDTH)
        )

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """Map (B, N, D) to (B, N, D)."""
        tokens = tokens + self.attention(self.norm(tokens))
        mapped: torch.Tensor = tokens + self.perceptron(tokens)
        return mapped


class ImageTower(nn.Module):
    """Patches of an image behind a class token."""

    def __init__(self) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, WIDTH, PATCH, PATCH)
        self.token = nn.Parameter(torch.randn(1, 1, WIDTH))
        self.positions = nn.Parameter(torch.randn(1, 1 + (SIDE // PATCH) ** 2, WIDTH) / 4)
        self.blocks = nn.ModuleList(Block() for _ in range(DEPTH))
        self.norm = nn.LayerNorm(WIDTH)
        self.projection = nn.Linear(WIDTH, EMBEDDING, bias=False)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Map (B, 3, H, W) to the class token of the last block, (B, D)."""
        patches = self.patches(images).flatten(2).transpose(1, 2)
        tokens = torch.cat([self.token.expand(len(images), -1, -1), patches], 1) + self.positions
        for block in self.blocks:
            tokens = block(tokens)
        normed: torch.Tensor = self.norm(tokens[:, 0])
        return normed


class TextTower(nn.Module):
    """The mean over the bytes of a prompt, each mixed with its position."""

    def __init__(self) -> None:
        super().__init__()
        self.bytes = nn.Embedding(256, WIDTH)
        self.positions = nn.Parameter(torch.randn(LENGTH, WIDTH))
        self.projection = nn.Linear(WIDTH, EMBEDDING, bias=False)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        """Map (K, T) int64 to (K, E); 0 is padding."""
        there = (ids != 0).unsqueeze(-1)
        tokens = torch.tanh(self.bytes(ids) + self.positions[: ids.shape[1]]) * there
        embedded: torch.Tensor = self.projection(tokens.sum(1) / there.sum(1).clamp(min=1))
        return embedded


class MineModel:
    """A dual encoder of two blocks."""

    # Must be patch rows and patch columns.
    grid = (SIDE // PATCH, SIDE // PATCH)
    # Must be the number of tokens before the patches, the class token among them.
    prefix_tokens = 1
    # Must be how an image's embedding is read from the tokens of the last block.
    readout: Readout = "class token"
    # Must be the number of layers with attention; an attention pool is one more.
    depth = DEPTH

    def __init__(self, weights: int) -> None:
        with torch.random.fork_rng([]):
            torch.manual_seed(weights)
            self.image_tower, self.text_tower = ImageTower(), TextTower()
        self.module: nn.Module = nn.ModuleDict({"image": self.image_tower, "text": self.text_tower})
        # Must be in eval mode.
        self.module.eval().requires_grad_(False)
        # Must say what preprocess yields, subtracts and divides by.
        self.card = ModelCard(
            architecture="mine-model",
            image_size=(SIDE, SIDE),
            mean=(0.5, 0.5, 0.5),
            std=(0.5, 0.5, 0.5),
            text_length=LENGTH,
            head_feature="class token",
            licence="unknown",
            source="random weights",
            checkpoint="",
        )

    @property
    def logit_scale(self) -> torch.Tensor:
        """The factor on the cosine of image and text."""
        # Must be () float32, already exponentiated.
        return torch.tensor(20.0)

    def preprocess(self, image: Image.Image) -> torch.Tensor:
        """Turn an RGB image into (3, H, W) float32."""
        # Must give every image one size.
        pixels = np.asarray(_fit(image, Image.Resampling.BILINEAR), dtype=np.float32)
        return torch.from_numpy(pixels / 127.5 - 1).permute(2, 0, 1)

    def preprocess_mask(self, mask: NDArray[np.bool_]) -> torch.Tensor:
        """Turn a mask of the image's size into (H, W) bool."""
        # Must follow the geometry of preprocess: resize, crop and flips alike.
        picture = Image.fromarray(mask.astype(np.uint8))
        return torch.from_numpy(np.asarray(_fit(picture, Image.Resampling.NEAREST)) > 0)

    def encode_image(self, images: torch.Tensor) -> torch.Tensor:
        """Embed (B, 3, H, W) float32 as (B, D), not normalised."""
        # Must not depend on the batch, and come close to float32 in bfloat16.
        embedded: torch.Tensor = self.image_tower.projection(self.image_tower(images))
        return embedded

    def features(self, images: torch.Tensor) -> torch.Tensor:
        """Return what a linear head sits on: (B, 3, H, W) float32 to (B, F)."""
        found: torch.Tensor = self.image_tower(images)
        return found

    def prompts(self, classes: Sequence[str]) -> list[list[str]]:
        """Return one or more prompts for each class."""
        # Must be one list of at least one string for each class.
        return [[f"a photo of a {name}"] for name in classes]

    def encode_text(self, prompts: Sequence[str] | torch.Tensor) -> torch.Tensor:
        """Embed K strings, or (K, T) int64 token ids, as (K, D)."""
        # Must tell different prompts apart, each whatever the others are.
        if not isinstance(prompts, torch.Tensor):
            rows = [prompt.encode()[:LENGTH].ljust(LENGTH, b"\0") for prompt in prompts]
            prompts = torch.tensor([list(row) for row in rows])
        device = self.text_tower.positions.device
        embedded: torch.Tensor = self.text_tower(prompts.to(device))
        return embedded

    def record_attention(
        self, layers: Sequence[int]
    ) -> AbstractContextManager[dict[int, torch.Tensor]]:
        """Record the attention of ``layers`` (0 is the first) within the context."""
        # Must fill a dict of layer to (B, heads, N, N) float32 in the autograd graph.
        # Must not change what is computed, and restore the modules also after an exception.
        blocks = self.image_tower.blocks
        parts = {layer: blocks[layer].get_submodule("attention") for layer in layers}
        return record_probabilities({at: (part, attend_fused(part)) for at, part in parts.items()})

    def load_checkpoint(self, state: Mapping[str, torch.Tensor], source: Path) -> None:
        """Replace all weights by those of a checkpoint."""
        # Must raise RatevalError, and change nothing, for missing, unexpected or misshapen ones.
        # Must say in the card where the weights come from.
        wanted = self.module.state_dict()
        told = {"owner": "this model", "remedy": "give what export_checkpoint wrote"}
        require_same_weights(state, wanted, source, **told)
        self.module.load_state_dict(state)
        self.card = replace(self.card, checkpoint=str(source), keys_used=len(state))

    def export_checkpoint(self, folder: Path) -> tuple[Path, ...]:
        """Write the weights into ``folder`` and return the files that were written."""
        # Must write what load_checkpoint takes, and return all files that it wrote.
        return (write_safetensors(self.module.state_dict(), folder / "weights.safetensors"),)


def _fit(image: Image.Image, resampling: Image.Resampling) -> Image.Image:
    """Return the middle of an image whose shorter side is resized."""
    scale = SIDE / min(image.size)
    width, height = (max(SIDE, round(side * scale)) for side in image.size)
    left, top = (width - SIDE) // 2, (height - SIDE) // 2
    fitted = image.resize((width, height), resampling)
    return fitted.crop((left, top, left + SIDE, top + SIDE))


def make(params: MineModelParams, context: Context) -> Model:
    """Make the model."""
    model = MineModel(params.weights)
    model.module.to(context.device)
    return model
