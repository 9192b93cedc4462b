"""Masks beside maps that are not their images' own, and how a validator judges such pairs."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
import torch

from rateval.api.protocols import Validator
from rateval.store import rows as tables
from rateval.workbench.verdicts.judging import CPU_BATCH, judge_batch

if TYPE_CHECKING:
    from numpy.typing import NDArray

MOST_PAIRS = 2000
"""Pairs of a mask and a map that are judged at most: a share of them is known to 2 points."""
CENTRE_WIDTH = 0.25
"""Standard deviation of the centre prior, as a share of the view's shorter side."""


def draw_pairs(ids: Sequence[str], most: int = MOST_PAIRS) -> NDArray[np.int64]:
    """Return the positions of masks and of other images' maps, (M, 2) int64.

    Images stand in a circle by the digests of their ids. Each mask meets the map that follows; then
    each that after the next, and so on, until there are ``most`` pairs, or all there can be. The
    order of the images doesn't matter.

    >>> draw_pairs(["a", "b", "c"], 4).tolist()
    [[2, 0], [0, 1], [1, 2], [2, 1]]
    """
    circle = order_by_digest(ids)
    count = len(circle)
    turns, places = np.divmod(np.arange(min(most, count * (count - 1))), max(count, 1))
    return np.stack([circle[places], circle[(places + 1 + turns) % max(count, 1)]], axis=1)


def order_by_digest(ids: Sequence[str]) -> NDArray[np.int64]:
    """Return the positions of ids in an order that is theirs, whatever order they come in, (N,)."""
    digests = bytearray()
    for name in ids:
        digests += _digest(name)
    order = np.argsort(np.frombuffer(digests, dtype="S32"), kind="stable")
    return order.astype(np.int64)


def _digest(name: str) -> bytes:
    # Names of files that are no valid Unicode reach us as surrogates.
    return hashlib.sha256(f"rateval pairs {name}".encode("utf-8", "surrogatepass")).digest()


def make_uniform(grid: tuple[int, int]) -> NDArray[np.float16]:
    """Return the map (rows, cols) that is the same everywhere.

    >>> make_uniform((1, 2)).tolist()
    [[1.0, 1.0]]
    """
    return np.ones(grid, dtype=np.float16)


def make_centre(grid: tuple[int, int], view: tuple[int, int]) -> NDArray[np.float16]:
    """Return a round Gaussian amid a view of (H, W) pixels, at its (rows, cols) patches.

    It is scaled as stored maps are, to a maximum of 1.

    >>> make_centre((1, 3), (30, 30)).astype(float).round(2).tolist()
    [[0.41, 1.0, 0.41]]
    """
    width = CENTRE_WIDTH * min(view)
    across = [
        ((np.arange(count) + 0.5) / count - 0.5) * side
        for count, side in zip(grid, view, strict=True)
    ]
    squared = across[0][:, None] ** 2 + across[1][None, :] ** 2
    bump = np.exp(-squared / (2 * width**2))
    scaled: NDArray[np.float16] = (bump / bump.max()).astype(np.float16)
    return scaled


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """What a validator says of M pairs."""

    score: NDArray[np.float32]
    """(M,), of no meaning where there is none."""
    valid: NDArray[np.bool_]
    defined: NDArray[np.bool_]

    @property
    def undefined(self) -> int:
        """Pairs without a score."""
        return int((~self.defined).sum())


class Unpacked(Protocol):
    """What maps are judged against, by numbers."""

    def unpack(self, positions: NDArray[np.int64]) -> torch.Tensor:
        """Return the masks of these numbers, (M, H, W) bool."""
        ...


class Masks:
    """Some masks of a cell, a bit for each pixel."""

    def __init__(self, inferred: Path, positions: NDArray[np.int64]) -> None:
        self.view, self._packed = tables.read_packed_masks(inferred, positions)

    def digest(self, positions: NDArray[np.int64]) -> str:
        """Return a digest of the masks at these positions, in their order."""
        found = hashlib.sha256(str(self.view).encode())
        for at in positions.tolist():
            found.update(hashlib.sha256(self._packed[at]).digest())
        return found.hexdigest()

    def unpack(self, positions: NDArray[np.int64]) -> torch.Tensor:
        """Return the masks at these positions, (M, H, W) bool."""
        packed = [self._packed[at] for at in positions.tolist()]
        return torch.from_numpy(tables.unpack_masks(packed, self.view))


def judge_pairs(
    validator: Validator,
    masks: Unpacked,
    positions: NDArray[np.int64],
    maps: NDArray[np.float16],
    batch_size: int,
    device: str,
) -> Judged:
    """Judge the masks at (M,) positions with maps (M, rows, cols) beside them, or (rows, cols).

    Raises PluginError as ``judge_batch`` does.
    """
    if device == "cpu":
        batch_size = min(batch_size, CPU_BATCH)
    maps = np.broadcast_to(maps, (len(positions), *maps.shape[-2:]))
    score = np.zeros(len(positions), dtype=np.float32)
    valid, defined = np.zeros_like(score, dtype=np.bool_), np.zeros_like(score, dtype=np.bool_)
    for start in range(0, len(positions), batch_size):
        part = slice(start, start + batch_size)
        there = masks.unpack(positions[part])
        beside = np.array(maps[part])  # writable, as torch wants it
        verdict = judge_batch(validator, beside, there, [True] * len(there), device)
        score[part] = verdict.score.numpy()
        valid[part], defined[part] = verdict.valid.numpy(), verdict.defined.numpy()
    return Judged(score, valid, defined)


class Priors:
    """What validators say of maps that no model made: methods of one test have them in common."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, ...], Judged] = {}

    def judge(
        self,
        validator: Validator,
        masks: Masks,
        name: str,
        positions: NDArray[np.int64],
        prior: NDArray[np.float16],
        batch_size: int,
        device: str,
    ) -> Judged:
        """Judge the masks at these positions with one map; ``name`` is the validator's identity."""
        key = (name, masks.digest(positions), str(prior.shape), prior.tobytes().hex())
        if key not in self._kept:
            found = judge_pairs(validator, masks, positions, prior, batch_size, device)
            if len(self._kept) >= _MOST_KEPT:
                self._kept.pop(next(iter(self._kept)))
            self._kept[key] = found
        return self._kept[key]


_MOST_KEPT = 256
"""Verdicts on a prior that are kept, of some 12 kB each."""
