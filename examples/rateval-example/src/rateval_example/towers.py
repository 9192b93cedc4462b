"""The towers of the tiny model, a few thousand weights each."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn.functional import scaled_dot_product_attention

SIDE, PATCH, WIDTH, HEADS, DEPTH, EMBEDDING, LENGTH = 32, 8, 32, 2, 2, 16, 48


class Attention(nn.Module):
    """Self-attention over tokens."""

    def __init__(self) -> None:
        super().__init__()
        self.before, self.after = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)

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
        self.attention, self.norm = Attention(), nn.LayerNorm(WIDTH)
        wide = (nn.Linear(WIDTH, 2 * WIDTH), nn.GELU(), nn.Linear(2 * WIDTH, WIDTH))
        self.perceptron = nn.Sequential(nn.LayerNorm(WIDTH), *wide)

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
        self.letters = nn.Embedding(256, WIDTH)
        self.positions = nn.Parameter(torch.randn(LENGTH, WIDTH))
        self.projection = nn.Linear(WIDTH, EMBEDDING, bias=False)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        """Map (K, T) int64 to (K, E); 0 is padding."""
        there = (ids != 0).unsqueeze(-1)
        tokens = torch.tanh(self.letters(ids) + self.positions[: ids.shape[1]]) * there
        embedded: torch.Tensor = self.projection(tokens.sum(1) / there.sum(1).clamp(min=1))
        return embedded


def tokenise(prompts: list[str]) -> torch.Tensor:
    """Return the bytes of each prompt, (K, T) int64, with 0 behind them."""
    rows = [prompt.encode()[:LENGTH].ljust(LENGTH, b"\0") for prompt in prompts]
    return torch.tensor([list(row) for row in rows])
