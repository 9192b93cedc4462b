"""Masks as COCO's runs: the lengths of stretches of pixels in and out of an object."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from rateval_datasets.images import LARGEST
from rateval_datasets.view import Mask


def read_runs(segmentation: Mapping[str, Any]) -> Mask:
    """Return the mask, (rows, columns) bool, of the ``size`` and ``counts`` of an annotation.

    Counts are numbers or, compressed, text. Raises ValueError when they don't fill the size:
    pycocotools returns whatever the memory held where they are too few.
    """
    rows, columns = require_runs(segmentation)
    counts = segmentation["counts"]
    from pycocotools import mask as runs  # an extra, which outlines and boxes don't need

    packed = {"size": [rows, columns], "counts": counts}
    if not isinstance(counts, str | bytes):
        packed = runs.frPyObjects(packed, rows, columns)
    drawn: Mask = np.asarray(runs.decode(packed)) > 0
    return drawn


def require_runs(segmentation: Mapping[str, Any]) -> tuple[int, int]:
    """Return the rows and columns that runs fill exactly. Raises ValueError when they don't.

    >>> require_runs({"size": [4, 6], "counts": [9, 2, 13]}), require_runs(
    ...     {"size": [4, 6], "counts": "92="}
    ... )
    ((4, 6), (4, 6))
    """
    size = segmentation.get("size")
    sides = list(size) if isinstance(size, list | tuple) else []
    if len(sides) != 2 or not all(_is_count(side) and side > 0 for side in sides):
        raise ValueError(f"a mask's runs are of {size!r:.40}, which no image is")
    whole = math.prod(sides)
    if whole > LARGEST:
        raise ValueError(f"a mask's runs are of {sides}, more than {LARGEST:,} pixels")
    total = 0
    for run in _runs_of(segmentation.get("counts")):
        total += run
        if total > whole:
            break
    if total != whole:
        than = "more" if total > whole else f"{total:,}"
        raise ValueError(f"a mask's runs are of {than} pixels, its size of {whole:,}")
    return sides[0], sides[1]


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _runs_of(counts: Any) -> Iterator[int]:
    if isinstance(counts, str | bytes):
        return _unpack(counts.encode() if isinstance(counts, str) else counts)
    if not isinstance(counts, Sequence) or not all(map(_is_count, counts)):
        raise ValueError("a mask's counts are neither text nor whole numbers of 0 or more")
    return iter(counts)


def _unpack(text: bytes) -> Iterator[int]:
    """Yield runs of COCO's text: five bits a letter, from the fourth on differences by two."""
    found: list[int] = []
    value = shift = 0
    for letter in text:
        bits = letter - 48
        if not 0 <= bits < 64 or shift > 30:
            raise ValueError("a mask's counts hold what is no run")
        value |= (bits & 31) << shift
        shift += 5
        if bits & 32:  # more letters follow
            continue
        if bits & 16:
            value -= 1 << shift
        if len(found) > 2:
            value += found[-2]
        if value < 0:
            raise ValueError("a mask's counts hold a run below 0")
        found.append(value)
        yield value
        value = shift = 0
    if shift:
        raise ValueError("a mask's counts end within a run")
