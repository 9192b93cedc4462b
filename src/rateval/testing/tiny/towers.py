"""The towers of the tiny model, a few thousand weights with real self-attention."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn

from rateval.api.values import Readout

SIZE = (24, 32)  # not square: code that mixes up rows and columns fails
PATCH = 8
PREFIX = 2  # a register beside the class token: patches need not start at 1
WIDTH, HEADS, DEPTH, EMBEDDING = 24, 2, 3, 12
CONTEXT = 48


class Attention(nn.Module):
    """Self-attention that hands the probabilities to ``keep`` when it is set."""

    def __init__(self) -> None:
        super().__init__()
        self.qkv = nn.Linear(WIDTH, 3 * WIDTH)
        self.out = nn.Linear(WIDTH, WIDTH)
        self.keep: Callable[[torch.Tensor], torch.Tensor] | None = None

    def forward(self, tokens: torch.Tensor, asking: torch.Tensor | None = None) -> torch.Tensor:
        """Let every token, or only those ``asking`` (B, M, D), read from ``tokens`` (B, N, D)."""
        query, key, value = self.qkv(tokens).chunk(3, -1)
        if asking is not None:
            query = self.qkv(asking)[..., :WIDTH]
        batch, length, width = query.shape
        query, key, value = (
            part.reshape(batch, -1, HEADS, width // HEADS).transpose(1, 2)
            for part in (query, key, value)
        )
        scores = query @ key.transpose(-1, -2) / (width // HEADS) ** 0.5
        # Half precision, as autocast chooses it, would be less than a model promises to record.
        attention = scores.softmax(-1, dtype=torch.promote_types(scores.dtype, torch.float32))
        if self.keep is not None:
            attention = self.keep(attention)
        mixed = (attention.to(value.dtype) @ value).transpose(1, 2).reshape(batch, length, width)
        projected: torch.Tensor = self.out(mixed)
        return projected


class Block(nn.Module):
    """Attention, then a perceptron on each token; normalised before both."""

    def __init__(self) -> None:
        super().__init__()
        self.before_attention = nn.LayerNorm(WIDTH)
        self.attention = Attention()
        self.perceptron = nn.Sequential(
            nn.LayerNorm(WIDTH),
            nn.Linear(WIDTH, 2 * WIDTH),
            nn.GELU(),
            nn.Linear(2 * WIDTH, WIDTH),
        )

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """Map (B, N, D) to (B, N, D)."""
        tokens = tokens + self.attention(self.before_attention(tokens))
        return tokens + self.perceptron(tokens)  # type: ignore[no-any-return]  # Sequential


class ImageTower(nn.Module):
    """A tower that turns images into tokens, and reads one vector from them by ``readout``."""

    def __init__(self, readout: Readout) -> None:
        super().__init__()
        self.readout = readout
        patches = (SIZE[0] // PATCH) * (SIZE[1] // PATCH)
        self.patches = nn.Conv2d(3, WIDTH, PATCH, PATCH)
        self.prefix = nn.Parameter(torch.randn(PREFIX, WIDTH))
        self.positions = nn.Parameter(torch.randn(PREFIX + patches, WIDTH) / 4)
        self.blocks = nn.ModuleList(Block() for _ in range(DEPTH))
        self.norm = nn.LayerNorm(WIDTH)
        self.projection = nn.Linear(WIDTH, EMBEDDING, bias=False)
        self.given: torch.Tensor | None = None
        """Tokens to read in place of those of the last block."""
        if readout == "attention pool":
            self.query = nn.Parameter(torch.randn(WIDTH))
            self.pool = Attention()

    def pooled(self, images: torch.Tensor) -> torch.Tensor:
        """Map (B, 3, 24, 32) to (B, 24)."""
        patches = self.patches(images).flatten(2).transpose(1, 2)
        prefix = self.prefix.expand(len(images), -1, -1)
        tokens = torch.cat([prefix, patches], 1) + self.positions
        for block in self.blocks:
            tokens = block(tokens)
        normed: torch.Tensor = self.norm(tokens if self.given is None else self.given)
        if self.readout == "mean":
            return normed[:, PREFIX:].mean(1)
        if self.readout == "attention pool":
            asked: torch.Tensor = self.pool(normed, self.query.expand(len(images), 1, -1))
            return asked[:, 0]
        return normed[:, 0]


class TextTower(nn.Module):
    """The average over the bytes of a prompt, each mixed with its position."""

    def __init__(self) -> None:
        super().__init__()
        self.tokens = nn.Embedding(256, WIDTH)
        self.positions = nn.Parameter(torch.randn(CONTEXT, WIDTH))
        self.projection = nn.Linear(WIDTH, EMBEDDING, bias=False)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        """Map (K, T) int64 to (K, 12)."""
        present = (ids != 0).unsqueeze(-1)
        tokens = torch.tanh(self.tokens(ids) + self.positions[: ids.shape[1]]) * present
        embedded: torch.Tensor = self.projection(tokens.sum(1) / present.sum(1).clamp(min=1))
        return embedded
