"""Coloured squares in memory, with exact masks, to try finetuners, attributions and shifts on."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image

from rateval.api.values import Sample, Skipped

_CLASSES = ("red square", "green square", "blue square")
_HEIGHT, _WIDTH = 40, 56


class TinySplit:
    """A ``rateval.api.Split`` of noise with one square whose colour is the class."""

    def __init__(self, name: str, length: int, seed: int, unreadable: frozenset[int]) -> None:
        self.identity = f"tiny/{name}/{length}/{seed}/{sorted(unreadable)}"
        self._stream = (seed, ("train", "test").index(name))
        self._length = length
        self._unreadable = unreadable

    def __len__(self) -> int:
        return self._length

    def samples(self, indices: Sequence[int]) -> list[Sample | Skipped]:
        """Draw the samples at ``indices``, each from a random stream of its own."""
        return [self._sample(index) for index in indices]

    def _sample(self, index: int) -> Sample | Skipped:
        name = f"{index:04d}"
        if index in self._unreadable:
            return Skipped(name, "unreadable on purpose")
        draw = np.random.default_rng((*self._stream, index))
        label = int(draw.integers(len(_CLASSES)))
        side = int(draw.integers(14, 24))
        top, left = draw.integers(_HEIGHT - side), draw.integers(_WIDTH - side)
        mask = np.zeros((_HEIGHT, _WIDTH), dtype=np.bool_)
        mask[top : top + side, left : left + side] = True
        pixels = draw.integers(60, 120, (_HEIGHT, _WIDTH, 3), dtype=np.uint8)
        pixels[mask] = 40
        pixels[mask, label] = 230
        caption = f"a photo of a {_CLASSES[label]}"
        return Sample(name, Image.fromarray(pixels), label, mask, caption)


class TinyDataset:
    """A ``rateval.api.Dataset``: three classes, 40 x 56 px, a mask for every sample."""

    classes = _CLASSES
    has_masks = True

    def __init__(self, train: int | None, test: int, seed: int, unreadable: frozenset[int]) -> None:
        self.train = None if train is None else TinySplit("train", train, seed, unreadable)
        self.test = TinySplit("test", test, seed, frozenset())


def tiny_dataset(
    train: int | None = 24, test: int = 12, *, seed: int = 0, unreadable: Sequence[int] = ()
) -> TinyDataset:
    """Return a dataset of ``train`` and ``test`` samples; ``train`` None offers no such split.

    The ``unreadable`` training samples are ``Skipped``, as those of a broken file would be.

    >>> data = tiny_dataset()
    >>> len(data.test), data.test.samples([0])[0].image.size
    (12, (56, 40))
    """
    return TinyDataset(train, test, seed, frozenset(unreadable))
