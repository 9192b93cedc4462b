from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

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
