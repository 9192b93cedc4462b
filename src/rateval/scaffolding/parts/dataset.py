"""Drawn squares and discs, each with an exact mask."""

from collections.abc import Sequence

import numpy as np
from PIL import Image
from pydantic import Field

from rateval.api import Context, Dataset, Params, Sample, Skipped, Split

SIDE = 48
COLOURS = {"red": (220, 40, 40), "blue": (40, 60, 220)}
CLASSES = tuple(f"{colour} {form}" for colour in COLOURS for form in ("square", "disc"))


class MineDatasetParams(Params):
    """What a spec can set of mine-dataset."""

    train_size: int = Field(default=48, ge=0, le=1_000_000)
    """Pictures to train on; 0 offers no training split."""
    test_size: int = Field(default=24, ge=1, le=1_000_000)
    """Pictures to test on."""


class MineSplit:
    """Pictures of one form each, drawn anew whenever they are asked for."""

    def __init__(self, name: str, size: int) -> None:
        # Must name the samples: equal identities mean equal samples in equal order.
        self.identity = f"mine-dataset/{name}/{size}"
        self._stream = ("train", "test").index(name)
        self._size = size

    def __len__(self) -> int:
        return self._size

    def samples(self, indices: Sequence[int]) -> list[Sample | Skipped]:
        """Return the samples at ``indices``, in that order."""
        # Must not depend on samples beside it or on earlier calls; several threads ask at once.
        # Must have ids that are unique in their split, RGB images, and labels within the classes.
        # Must have masks of the image's size, bool; None where it isn't known.
        # What can't be read gives Skipped(id, why), and is reported.
        return [self._draw(index) for index in indices]

    def _draw(self, index: int) -> Sample:
        draw = np.random.default_rng((self._stream, index))
        label = int(draw.integers(len(CLASSES)))
        colour, form = CLASSES[label].split()
        radius = int(draw.integers(9, 15))
        top, left = draw.integers(radius, SIDE - radius, 2)
        rows, columns = np.abs(np.ogrid[:SIDE, :SIDE][0] - top), np.abs(np.arange(SIDE) - left)
        disc = rows**2 + columns**2 <= radius**2
        mask = disc if form == "disc" else np.maximum(rows, columns) <= radius
        pixels = draw.integers(90, 160, (SIDE, SIDE, 3)).astype(np.uint8)
        pixels[mask] = COLOURS[colour]
        return Sample(f"{index:05d}", Image.fromarray(pixels), label, mask)


class MineDataset:
    """Two colours by two forms."""

    # Must be a tuple of different names, as they stand in a prompt; a label is an index into it.
    classes = CLASSES
    # Must be True where a test sample has a mask.
    has_masks = True

    def __init__(self, train_size: int, test_size: int) -> None:
        # Must be None where there is nothing to train on.
        self.train: Split | None = None
        if train_size:
            self.train = MineSplit("train", train_size)
        self.test: Split = MineSplit("test", test_size)


def make(params: MineDatasetParams, context: Context) -> Dataset:
    """Make the dataset."""
    return MineDataset(params.train_size, params.test_size)
