"""Boxes as large as an image's mask, placed at random: how often its own map is valid in them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from rateval.stats.pairs import worth_of_pairs
from rateval.store import rows as tables
from rateval.workbench.verdicts.chance import (
    MOST_PAIRS,
    Judged,
    Masks,
    judge_pairs,
    order_by_digest,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rateval.api.protocols import Validator

MOST_BOXES = 20
"""Boxes of one image at most."""


def find_size(mask: NDArray[np.bool_]) -> tuple[int, int]:
    """Return height and width of a box of a mask's area, with its bounding box's proportions.

    A mask that is a box keeps its size; an empty one has none. A bounding box itself would be
    larger than what counts: around two small objects far apart it is nearly the whole image.

    >>> box, corners = np.zeros((8, 8), dtype=bool), np.zeros((8, 8), dtype=bool)
    >>> box[2:4, 1:7] = corners[0:2, 0:2] = corners[6:8, 6:8] = True
    >>> find_size(box), find_size(corners)
    ((2, 6), (3, 3))
    """
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    if not len(rows):
        return 0, 0
    height = int(rows[-1] - rows[0]) + 1
    width = int(columns[-1] - columns[0]) + 1
    area = int(mask.sum())
    height = max(1, round(height * sqrt(area / (height * width))))
    return height, min(mask.shape[1], max(1, round(area / height)))


def place_box(name: str, draw: int, places: int) -> int:
    """Return one of ``places``, each as likely as the others, by an image's id and a draw's number.

    >>> place_box("a", 0, 100), place_box("a", 1, 100), place_box("b", 0, 1)
    (33, 75, 0)
    """
    # Names of files that are no valid Unicode reach us as surrogates.
    text = f"rateval box {draw} {name}".encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.sha256(text).digest()[:16], "big") * places >> 128


class Boxes:
    """Boxes of the size of some images' masks, each anywhere in the view."""

    def __init__(self, ids: Sequence[str], masks: Masks, positions: NDArray[np.int64]) -> None:
        """Draw boxes for the images at these positions, as many for each."""
        self.per_image = max(1, min(MOST_BOXES, MOST_PAIRS // max(len(positions), 1)))
        self.of = np.repeat(positions, self.per_image)
        self._view = masks.view
        self._boxes: list[tuple[int, int, int, int]] = []
        for at in positions.tolist():
            mask = masks.unpack(np.array([at]))[0].numpy()
            height, width = find_size(mask)
            self._boxes += [
                self._place(ids[at], draw, height, width) for draw in range(self.per_image)
            ]

    def _place(self, name: str, draw: int, height: int, width: int) -> tuple[int, int, int, int]:
        across = self._view[1] - width + 1
        place = place_box(name, draw, (self._view[0] - height + 1) * across)
        return place // across, place % across, height, width

    def unpack(self, positions: NDArray[np.int64]) -> torch.Tensor:
        """Return the boxes of these numbers as masks, (M, H, W) bool."""
        found = torch.zeros((len(positions), *self._view), dtype=torch.bool)
        for mask, at in zip(found, positions.tolist(), strict=True):
            top, left, height, width = self._boxes[at]
            mask[top : top + height, left : left + width] = True
        return found


@dataclass(frozen=True, slots=True, eq=False)
class InBoxes:
    """What a validator says of maps in random boxes."""

    judged: Judged
    of: NDArray[np.int64]
    """(M,): the image of each."""
    per_image: int

    def among(self, chosen: NDArray[np.bool_]) -> tuple[Judged, float]:
        """Return what is said of the chosen of all images, and how many images' it is worth."""
        there = chosen[self.of]
        one = self.judged
        found = Judged(one.score[there], one.valid[there], one.defined[there])
        # Boxes of one image have its map in common and nothing else.
        _, images = np.unique(self.of[there], return_inverse=True)
        apart = len(images) + np.arange(len(images))
        return found, worth_of_pairs(found.valid, images, apart)


def judge_in_boxes(
    validator: Validator,
    ids: Sequence[str],
    inferred: Path,
    known: NDArray[np.int64],
    batch_size: int,
    device: str,
) -> InBoxes:
    """Judge stored maps of images at ``known`` positions in boxes of their masks' size.

    Of more than 2,000 images those are taken whose digests come first. Raises PluginError as
    ``judge_batch`` does.
    """
    chosen = known[order_by_digest([ids[at] for at in known])[:MOST_PAIRS]]
    boxes = Boxes(ids, Masks(inferred, chosen), chosen)
    maps = tables.read_relevance(inferred)[boxes.of]
    every = np.arange(len(boxes.of))
    judged = judge_pairs(validator, boxes, every, maps, batch_size, device)
    return InBoxes(judged, boxes.of, boxes.per_image)
