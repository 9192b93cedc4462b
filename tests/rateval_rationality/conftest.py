from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

Array = NDArray[Any]
GOLDEN = Path(__file__).parents[1] / "golden"


@pytest.fixture(scope="session")
def golden() -> dict[str, NDArray[Any]]:
    """Outputs of the published evaluation code on the tiny CLIP, and its inputs."""
    arrays: dict[str, NDArray[Any]] = {}
    for name in ("clip_a_inputs.npz", "clip_a_golden.npz"):
        with np.load(GOLDEN / name, allow_pickle=False) as stored:
            arrays.update({key: stored[key] for key in stored.files})
    return arrays


@pytest.fixture(scope="session")
def published_counts() -> dict[str, dict[str, Any]]:
    """Quadrants, PT and IR as the published script prints them, per mask kind and heat map."""
    counts: dict[str, dict[str, Any]] = json.loads((GOLDEN / "clip_ptir.json").read_text())[
        "clip_a"
    ]
    return counts


@pytest.fixture(scope="session")
def published_edges() -> dict[str, dict[str, Any]]:
    """What the published code makes of degenerate maps and masks."""
    edges: dict[str, dict[str, Any]] = json.loads((GOLDEN / "masks_golden.json").read_text())[
        "edge"
    ]
    return edges


NaiveHeat = Callable[[Array, tuple[int, int]], Array]
RandomCase = Callable[..., tuple[torch.Tensor, torch.Tensor]]


@pytest.fixture(scope="session")
def naive_heat() -> NaiveHeat:
    """Interpolate and stretch in float64, one pixel at a time, as align_corners False defines.

    Rounded to multiples of 2^-24, so that equal pixels are equal whatever the order of operations.
    """

    def heat(tokens: Array, size: tuple[int, int]) -> Array:
        tokens = tokens.astype(np.float64)
        (rows, cols), (height, width) = tokens.shape, size
        out = np.empty(size)
        for i in range(height):
            y = min(max((i + 0.5) * rows / height - 0.5, 0.0), rows - 1.0)
            top, bottom = int(y), min(int(y) + 1, rows - 1)
            for j in range(width):
                x = min(max((j + 0.5) * cols / width - 0.5, 0.0), cols - 1.0)
                left, right = int(x), min(int(x) + 1, cols - 1)
                upper = tokens[top, left] * (1 - x + left) + tokens[top, right] * (x - left)
                lower = tokens[bottom, left] * (1 - x + left) + tokens[bottom, right] * (x - left)
                out[i, j] = upper * (1 - y + top) + lower * (y - top)
        stretched: Array = (out - out.min()) / (out.max() - out.min())
        return np.round(stretched * 2**24) / 2**24

    return heat


@pytest.fixture(scope="session")
def random_case() -> RandomCase:
    """Draw maps and masks of any size; ``levels`` makes the maps whole numbers with many ties."""

    def draw_case(
        seed: int, count: int = 4, levels: int | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        draw = np.random.default_rng(seed)
        rows, cols, height, width = draw.integers(2, 8, 4) * (1, 1, 4, 5)
        relevance = draw.random((count, rows, cols)) ** 3
        if levels is not None:
            relevance = np.floor(relevance * levels)
            relevance[:, 0, 0], relevance[:, -1, -1] = 0, levels  # never constant
        masks = draw.random((count, height, width)) < draw.uniform(0.2, 0.8)
        masks[:, 0, 0], masks[:, -1, -1] = True, False  # neither empty nor full
        return torch.tensor(relevance, dtype=torch.float32), torch.tensor(masks)

    return draw_case
