"""Counter-based random numbers of one image: whole numbers, so equal on every platform.

numpy promises the words of Philox, but neither the numbers that its generators make of them nor
that these are rounded alike everywhere. All that is drawn here is a table's entry at a word of 16
bits: with 65,536 values a normal number ends at 4.3 standard deviations.
"""

from __future__ import annotations

import hashlib
import json
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

WORDS = 1 << 16


class Stream:
    """The random numbers of one image, one after another; no other image changes them."""

    def __init__(self, *parts: str | int) -> None:
        """Begin the stream that ``parts`` name, such as a seed and an id."""
        name = json.dumps(parts).encode()
        key = int.from_bytes(hashlib.sha256(name).digest()[:16], "little")
        self._bits = np.random.Philox(key=key)

    def words(self, *shape: int) -> NDArray[np.uint16]:
        """Draw whole numbers in [0, 65536), uint16 of a shape.

        >>> one, other = Stream(0, "a"), Stream(0, "b")
        >>> one.words(3).tolist() == other.words(3).tolist()
        False
        """
        return self._draw("<u2", shape)

    def octets(self, *shape: int) -> NDArray[np.uint8]:
        """Draw whole numbers in [0, 256), uint8 of a shape."""
        return self._draw("u1", shape)

    def _draw(self, kind: str, shape: tuple[int, ...]) -> NDArray[Any]:
        size = int(np.prod(shape)) * np.dtype(kind).itemsize
        raw: NDArray[np.uint64] = self._bits.random_raw(-(-size // 8))
        # Little-endian whatever the machine, else the words would come in another order there.
        return raw.astype("<u8", copy=False).view("u1")[:size].view(kind).reshape(shape)

    def below(self, count: int, *shape: int) -> NDArray[np.int32]:
        """Draw whole numbers in [0, count), int32 of a shape; ``count`` is at most 32768."""
        return (self.words(*shape).astype(np.int32) * count) >> 16

    def uniform(self, low: float, high: float) -> float:
        """Draw one number between two, both excluded."""
        return low + (high - low) * (int(self.words(1)[0]) + 0.5) / WORDS

    def signs(self, *shape: int) -> NDArray[np.float64]:
        """Draw numbers in (-1, 1), float64 of a shape, each exact."""
        return (self.words(*shape).astype(np.float64) - 32767.5) * 2.0**-15

    def normals(self, sigma: float, *shape: int) -> NDArray[np.int32]:
        """Draw normal numbers of mean 0, int32 of a shape; ``sigma`` is in their whole steps."""
        return np.take(normal_table(sigma), self.words(*shape))


@lru_cache(maxsize=64)
def normal_table(sigma: float) -> NDArray[np.int32]:
    """Return 65,536 equally likely normal numbers in whole steps, (65536,) int32.

    >>> table = normal_table(1000.0)
    >>> int(table.sum()), round(float(table.std()), 1)
    (0, 1000.0)
    """
    middles = (np.arange(WORDS) + 0.5) / WORDS
    table: NDArray[np.int32] = np.rint(ndtri(middles) * sigma).astype(np.int32)
    table.flags.writeable = False
    return table
