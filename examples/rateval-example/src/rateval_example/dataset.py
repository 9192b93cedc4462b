"""Signs: drawn rings and crosses on a ground whose colour tells the class, or doesn't."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image

from rateval.api import Context, Sample, Skipped, Split
from rateval_example.params import SignsParams

SIDE = 48
GROUNDS = np.array([(70, 130, 70), (130, 100, 70)])


class Signs:
    """A ``rateval.api.Dataset`` of two classes, each with an exact mask."""

    classes = ("ring", "cross")
    has_masks = True

    def __init__(self, params: SignsParams) -> None:
        self.train: Split | None = Drawn("train", params.train_size, params.bias)
        self.test: Split = Drawn("test", params.test_size, params.bias)


class Drawn:
    """A ``rateval.api.Split`` whose samples are drawn whenever they are asked for."""

    def __init__(self, name: str, size: int, bias: float) -> None:
        self.identity = f"signs/{name}/{size}/{bias}"
        self._stream, self._size, self._bias = ("train", "test").index(name), size, bias

    def __len__(self) -> int:
        return self._size

    def samples(self, indices: Sequence[int]) -> list[Sample | Skipped]:
        """Return the samples at ``indices``, each from a random stream of its own."""
        return [self._draw(index) for index in indices]

    def _draw(self, index: int) -> Sample:
        draw = np.random.default_rng((self._stream, index))
        label = int(draw.integers(2))
        radius = int(draw.integers(10, 16))
        top, left = draw.integers(radius, SIDE - radius, 2)
        rows, columns = np.arange(SIDE)[:, None] - top, np.arange(SIDE) - left
        distance = np.hypot(rows, columns)
        cross = (np.abs(np.abs(rows) - np.abs(columns)) <= 3) & (distance <= radius)
        mask = cross if label else (distance <= radius) & (distance >= radius - 5)
        ground = GROUNDS[label if draw.random() < self._bias else draw.integers(2)]
        pixels = (ground + draw.integers(-20, 20, (SIDE, SIDE, 3))).astype(np.uint8)
        pixels[mask] = (235, 235, 235)
        return Sample(f"{index:05d}", Image.fromarray(pixels), label, mask)


def make_signs(params: SignsParams, context: Context) -> Signs:
    """Make the dataset."""
    return Signs(params)
