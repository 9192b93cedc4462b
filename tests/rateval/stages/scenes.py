"""Scenes as infer stores them, and how much of a map lies inside a mask, written out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

import rateval
from rateval.api.protocols import Validator
from rateval.store import rows as tables

VIEW, GRID = (12, 16), (3, 4)


class Scenes:
    """Random masks, maps and predictions under names, as infer stores them."""

    def __init__(self, count: int, seed: int = 0) -> None:
        draw = np.random.default_rng(seed)
        self.ids = [f"image {number}" for number in range(count)]
        self.maps = draw.random((count, *GRID)).astype(np.float16)
        self.masks = np.zeros((count, *VIEW), dtype=np.bool_)
        for mask in self.masks:
            top, left = draw.integers(0, 8, 2)
            mask[top : top + draw.integers(3, 12), left : left + draw.integers(3, 16)] = True
        self.present = [True] * count
        self.correct = draw.random(count) < 0.6

    def write(self, folder: Path, order: Sequence[int] | None = None) -> Path:
        folder.mkdir()
        at = list(range(len(self.ids)) if order is None else order)
        ids = [self.ids[place] for place in at]
        present = tuple(self.present[place] for place in at)
        areas = [self.masks[k].mean() if self.present[k] else None for k in at]
        columns = {"id": ids, "correct": self.correct[at], "mask_area": pa.array(areas, "float")}
        pq.write_table(pa.table(columns), folder / tables.ROWS)
        packed = pa.table(
            {"id": ids, "mask": tables.pack_masks(self.masks[at], present)},
            schema=tables.masks_schema(*VIEW),
        )
        with tables.RowWriter(folder / tables.MASKS, packed.schema) as writer:
            writer.write(packed)
        tables.write_relevance(folder, self.maps[at])
        return folder


def enlarge(small: Any) -> Any:
    """Return a map by bilinear interpolation between centres of patches, written out."""
    heat = np.zeros(VIEW)
    for y in range(VIEW[0]):
        for x in range(VIEW[1]):
            rows, weights = [], []
            for at, side, count in ((y, VIEW[0], GRID[0]), (x, VIEW[1], GRID[1])):
                place = min(max((at + 0.5) * count / side - 0.5, 0.0), count - 1.0)
                low = min(int(place), count - 2)
                rows.append((low, low + 1))
                weights.append((1 - (place - low), place - low))
            for i in (0, 1):
                for j in (0, 1):
                    value = float(small[rows[0][i], rows[1][j]])
                    heat[y, x] += weights[0][i] * weights[1][j] * value
    return heat


def mass(small: Any, mask: Any) -> float:
    """Return the share of a stretched map inside a mask, in float64."""
    heat = enlarge(small)
    heat = (heat - heat.min()) / (heat.max() - heat.min())
    return float(heat[mask].sum() / heat.sum())


def make(threshold: float) -> Validator:
    return rateval.create("validator", "relevance-mass", threshold=threshold)
