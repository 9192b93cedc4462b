from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings, strategies as st

from rateval_rationality.pointing_game import grow, pointing_game


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), radius=st.integers(0, 12))
def test_growing_adds_all_pixels_within_the_radius(seed: int, radius: int) -> None:
    draw = np.random.default_rng(seed)
    masks = draw.random((2, *draw.integers(1, 12, 2))) < 0.05
    expected = np.zeros_like(masks)
    for index, i, j in np.ndindex(*masks.shape):
        marked = np.argwhere(masks[index])
        expected[index, i, j] = any(math.hypot(i - y, j - x) <= radius for y, x in marked)
    given_masks = torch.tensor(masks)
    assert grow(given_masks, radius).equal(torch.tensor(expected))
    assert given_masks.equal(torch.tensor(masks))


@pytest.mark.parametrize(("tolerance", "hit"), [(0, 0.0), (4, 0.0), (5, 1.0), (6, 1.0)])
def test_tolerance_is_the_distance_between_centres(tolerance: int, hit: float) -> None:
    heat, mask = torch.zeros(1, 12, 12), torch.zeros(1, 12, 12, dtype=torch.bool)
    heat[0, 2, 3], mask[0, 5, 7] = 1, True  # three down, four across: five apart
    assert pointing_game(heat, mask, tolerance=tolerance).item() == hit


def test_tied_peaks_score_the_share_that_hits() -> None:
    heat = torch.tensor([[[1.0, 1.0, 1.0, 0.9], [1.0, 0.0, 0.0, 0.0]]])
    mask = torch.tensor([[[True, False, False, True], [False, False, False, True]]])
    assert pointing_game(heat, mask).item() == 0.25
    assert pointing_game(heat, mask, tolerance=1).item() == 1.0
