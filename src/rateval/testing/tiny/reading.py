"""Attention and words of the tiny model of texts, written out."""

from __future__ import annotations

import re
import zlib
from collections.abc import Sequence
from typing import Literal

import torch
from torch import nn

WIDTH, HEADS = 8, 2
PAD, BEGIN, END, WORDS = 0, 1, 2, 40
"""Numbers of three tokens, and how many there are."""

Side = Literal["left", "right"]


class LookingAttention(nn.Module):
    """Two heads of softmax attention from one stream of tokens to another."""

    def __init__(self) -> None:
        super().__init__()
        self.query, self.key, self.value = (nn.Linear(WIDTH, WIDTH) for _ in range(3))
        self.out = nn.Linear(WIDTH, WIDTH)

    def forward(
        self, to: torch.Tensor, of: torch.Tensor, seen: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Take (B, M, D), (B, N, D) and whom each sees, (B, M or 1, N) bool."""
        q, k, v = (
            layer(x).unflatten(2, (HEADS, -1)).transpose(1, 2)
            for layer, x in ((self.query, to), (self.key, of), (self.value, of))
        )
        scores = (2 * q @ k.mT).masked_fill(~seen[:, None], torch.finfo(q.dtype).min)
        probabilities = scores.softmax(-1, dtype=torch.promote_types(scores.dtype, torch.float32))
        if torch.is_grad_enabled() and not probabilities.requires_grad:
            probabilities.requires_grad_()
        return self.out((probabilities.type_as(v) @ v).transpose(1, 2).flatten(2)), probabilities


def find_words(text: str) -> list[int]:
    """Return the number of each word of a text.

    >>> find_words("red ball") == [*find_words("red"), *find_words("ball")]
    True
    """
    return [zlib.crc32(word.encode()) % (WORDS - 3) + 3 for word in text.split()]


def find_spans(text: str) -> tuple[tuple[int, int], ...]:
    """Return where each word of a text starts and stops, and its end.

    >>> find_spans("a cat")
    ((0, 1), (2, 5), (5, 5))
    """
    found = ((match.start(), match.end()) for match in re.finditer(r"\S+", text))
    return (*found, (len(text), len(text)))


def pad_lines(lines: Sequence[Sequence[int]], side: Side) -> tuple[torch.Tensor, torch.Tensor]:
    """Return numbers (B, N) int64 and which of them are no padding (B, N) bool.

    One more is padding than the longest line needs, so that every line has some.

    >>> pad_lines([[5], [6, 7]], "left")[0].tolist()
    [[0, 0, 5], [0, 6, 7]]
    """
    length = max(map(len, lines)) + 1
    ids = torch.full((len(lines), length), PAD)
    real = torch.zeros_like(ids, dtype=torch.bool)
    for row, line in enumerate(lines):
        part = slice(0, len(line)) if side == "right" else slice(length - len(line), length)
        ids[row, part], real[row, part] = torch.tensor(line), True
    return ids, real
