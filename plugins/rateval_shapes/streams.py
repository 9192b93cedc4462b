"""Counter-based random numbers: integer arithmetic only, so equal on every platform.

Every number is a pure function of (seed, stream, index, part, draw). Nothing is carried from one
scene to the next, which is why a scene never depends on its batch, its order or the split's size.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

_MASK = (1 << 64) - 1
_GOLDEN = 0x9E3779B97F4A7C15


class Stream(IntEnum):
    """The scenes of different splits, kept apart; the values are part of the recipe."""

    TRAIN = 1
    TEST = 2
    PRETRAIN = 3
    MATERIAL = 4
    TRAIN_QUESTIONS = 5
    TEST_QUESTIONS = 6
    PRETRAIN_QUESTIONS = 7
    TRAIN_CAPTIONS = 8
    TEST_CAPTIONS = 9
    PRETRAIN_CAPTIONS = 10


class Part(IntEnum):
    """The parts of a scene, whose numbers are kept apart so that a part may draw one more."""

    TARGET = 1
    DISTRACTOR = 2
    BACKGROUND = 3
    STYLE = 4
    CAPTION = 5
    SENSOR = 6
    ASKED = 7
    FACTS = 8
    LAYOUT = 9
    THINGS = 10


def mix(words: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Scramble (…) uint64 by the finaliser of splitmix64.

    Source: Steele, Lea, Flood: "Fast splittable pseudorandom number generators", OOPSLA 2014.

    >>> int(mix(np.array([0x9E3779B97F4A7C15], dtype=np.uint64))[0]) == 0xE220A8397B1DCDAF
    True
    """
    words = (words ^ (words >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    words = (words ^ (words >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return words ^ (words >> np.uint64(31))


def scene_keys(seed: int, stream: Stream, indices: Sequence[int]) -> NDArray[np.uint64]:
    """Return a key of its own for each of B scenes, (B,) uint64.

    >>> bool(scene_keys(0, Stream.TEST, [7])[0] == scene_keys(0, Stream.TEST, [3, 7])[1])
    True
    """
    # One-element arrays: numpy wraps around silently for arrays, with a warning for scalars.
    root = mix(np.array([seed & _MASK], dtype=np.uint64))
    root = mix(root + np.uint64(stream))
    counters = np.array(indices, dtype=np.uint64).reshape(-1) + np.uint64(1)
    return mix(root + counters * np.uint64(_GOLDEN))


def words(keys: NDArray[np.uint64], part: Part, count: int) -> NDArray[np.uint64]:
    """Draw ``count`` words for each of B keys, (B, count) uint64."""
    roots = mix(keys + np.uint64((part * _GOLDEN) & _MASK))
    counters = np.arange(1, count + 1, dtype=np.uint64) * np.uint64(_GOLDEN)
    return mix(roots[:, None] + counters)


def uniforms(keys: NDArray[np.uint64], part: Part, count: int) -> NDArray[np.float64]:
    """Draw ``count`` numbers in [0, 1) for each of B keys, (count, B) float64.

    >>> uniforms(scene_keys(0, Stream.TRAIN, range(5)), Part.TARGET, 3).shape
    (3, 5)
    """
    # 53 bits and a power of two: both the conversion and the product are exact.
    bits = words(keys, part, count).T >> np.uint64(11)
    return bits.astype(np.float64) * 2.0**-53


def noise_bytes(keys: NDArray[np.uint64], part: Part, count: int) -> NDArray[np.uint8]:
    """Draw ``count`` bytes (a multiple of 8) for each of B keys, (B, count) uint8."""
    # Little-endian whatever the machine, else the bytes would come in another order there.
    return words(keys, part, count // 8).astype("<u8", copy=False).view(np.uint8)


def choose(number: NDArray[np.float64], options: int) -> NDArray[np.intp]:
    """Turn numbers in [0, 1) into integers in [0, options).

    >>> choose(np.array([0.0, 0.5, 0.999]), 4).tolist()
    [0, 2, 3]
    """
    return (number * options).astype(np.intp)


def between(number: NDArray[np.float64], bounds: tuple[float, float]) -> NDArray[np.float64]:
    """Turn numbers in [0, 1) into numbers between two bounds.

    >>> between(np.array([0.0, 0.5]), (1.0, 3.0)).tolist()
    [1.0, 2.0]
    """
    low, high = bounds
    return low + (high - low) * number


def jitter(numbers: NDArray[np.float64], levels: float) -> NDArray[np.float64]:
    """Turn (3 C, B) numbers in [0, 1) into (B, C, 3) shifts of C colours of up to ``levels``.

    >>> jitter(np.array([[0.0], [0.5], [0.75]]), 8.0).tolist()
    [[[-8.0, 0.0, 4.0]]]
    """
    return ((numbers * 2.0 - 1.0) * levels).T.reshape(numbers.shape[1], -1, 3)
