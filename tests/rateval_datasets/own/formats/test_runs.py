from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pycocotools import mask as packer

from rateval_datasets.own.formats.runs import read_runs


@pytest.mark.parametrize("seed", range(20))
def test_runs_are_those_of_pycocotools(seed: int) -> None:
    rng = np.random.default_rng(seed)
    size = rng.integers(1, 80, 2)
    drawn = rng.random(size) < rng.random()
    drawn = np.kron(drawn, np.ones(rng.integers(1, 9, 2), dtype=np.bool_))
    packed: dict[str, Any] = packer.encode(np.asfortranarray(drawn.astype(np.uint8)))
    for counts in (packed["counts"], packed["counts"].decode()):
        found = read_runs({"size": list(drawn.shape), "counts": counts})
        np.testing.assert_array_equal(found, drawn)


@pytest.mark.parametrize("cut", range(1, 6))
def test_runs_that_end_early_are_refused(cut: int) -> None:
    """pycocotools returns what the memory held in the pixels that are missing."""
    drawn = np.zeros((50, 70), dtype=np.uint8, order="F")
    drawn[3:20, 4:9] = 1
    counts = packer.encode(drawn)["counts"].decode()
    with pytest.raises(ValueError, match=r"a mask's (runs are of|counts end)"):
        read_runs({"size": [50, 70], "counts": counts[:-cut]})
