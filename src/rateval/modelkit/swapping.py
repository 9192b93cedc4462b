"""Objects on backgrounds of other images: how they are put there, and whose backgrounds."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from itertools import islice

import torch

from rateval.api.protocols import Split

POOL = 256
"""Donors that are kept at hand at most: reading others for each image would cost K times as much as
reading the images."""

LARGEST_MASK = 0.6
"""Share of an image that its object covers at most: more leaves no background to lend."""


def put_objects(
    images: torch.Tensor, masks: torch.Tensor, backgrounds: torch.Tensor
) -> torch.Tensor:
    """Return images (B, C, H, W) within their masks (B, H, W) bool, and backgrounds around them.

    Every number is one or the other, of any type.

    >>> mask = torch.tensor([[[True, False]]])
    >>> put_objects(torch.full((1, 1, 1, 2), 7), mask, torch.full((1, 1, 1, 2), 3)).tolist()
    [[[[7, 3]]]]
    """
    return torch.where(masks[:, None], images, backgrounds)


def can_lend(share: float) -> bool:
    """Return whether an image lends its background whose object covers that share of it.

    >>> [can_lend(share) for share in (0.0, 0.3, 0.7)]
    [False, True, False]
    """
    return 0 < share <= LARGEST_MASK


def pool_donors(split: Split, size: int = POOL) -> list[list[int]]:
    """Return the positions of a split's samples in pools that are asked to lend, one by one.

    Digests of their ids decide; of their positions, where the split doesn't list ids.
    """
    ids: Sequence[str] | None = getattr(split, "ids", None)
    names = list(map(str, range(len(split)))) if ids is None else ids
    digests = [_digest(f"donor {name}") for name in names]
    order = sorted(range(len(split)), key=digests.__getitem__)
    return [order[start : start + size] for start in range(0, len(order), size)]


def draw_in_turn(name: str, able: Sequence[int]) -> Iterator[int]:
    """Yield all numbers in ``able``, drawn by digests of ``name``, none twice.

    >>> sorted(draw_in_turn("a", [4, 7, 9]))
    [4, 7, 9]
    """
    left = list(able)
    for drawn in range(len(able)):
        digest = _digest(f"{drawn} {name}")
        yield left.pop(int.from_bytes(digest[:8], "big") % len(left))


def draw_few(name: str, able: Sequence[int], count: int) -> list[int]:
    """Draw up to ``count`` of the numbers in ``able`` by a digest of ``name``, none twice.

    >>> draw_few("a", range(10), 3) == draw_few("a", range(10), 3)
    True
    >>> sorted(draw_few("a", [4, 7], 3))
    [4, 7]
    """
    return list(islice(draw_in_turn(name, able), count))


def _digest(text: str) -> bytes:
    # Names of files that are no valid Unicode reach us as surrogates.
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
