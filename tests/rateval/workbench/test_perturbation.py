from __future__ import annotations

import hashlib
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given, strategies as st

from rateval.testing import tiny_model
from rateval.workbench.perturbation import (
    blank_patches,
    chance_ranks,
    curve_areas,
    patch_counts,
    permuted_weights,
    relevance_ranks,
)


@given(st.integers(1, 300), st.integers(1, 300))
def test_steps_go_from_no_patch_to_all_in_equal_steps(patches: int, steps: int) -> None:
    counts = patch_counts(patches, steps)
    widths = np.diff(counts)
    assert (counts[0], counts[-1]) == (0, patches)
    assert len(widths) == min(steps, patches)
    assert widths.max() - widths.min() <= 1


def test_an_image_has_its_own_random_order_whatever_stands_beside_it() -> None:
    together = chance_ranks(["a", "b", "c"], 12)
    assert np.array_equal(together[1:2], chance_ranks(["b"], 12))
    assert sorted(together[0]) == list(range(12))
    assert not np.array_equal(together[0], together[1])
    seed = int(hashlib.sha256(b"a").hexdigest()[:16], 16)
    assert together[0].tolist() == np.random.default_rng(seed).permutation(12).tolist()


def test_random_orders_are_spread_evenly() -> None:
    first = chance_ranks([str(number) for number in range(4000)], 4).argmin(axis=1)
    assert np.bincount(first, minlength=4).min() > 900


def test_the_most_relevant_patch_comes_first_and_ties_by_chance() -> None:
    maps = np.array([[0.1, 0.9, 0.1, 0.5], [2, 2, 2, 2]], dtype=np.float16)
    chance = np.array([[3, 2, 1, 0], [1, 3, 0, 2]])
    assert relevance_ranks(maps, chance).tolist() == [[3, 0, 2, 1], [1, 3, 0, 2]]


def test_blanked_patches_hold_the_mean_colour_of_their_own_image() -> None:
    images = torch.randn(2, 3, 8, 12, generator=torch.Generator().manual_seed(0))
    blank = torch.tensor([[[True, False, False], [False, True, False]], [[False] * 3] * 2])
    expected = images.double().numpy().copy()
    means = expected.mean(axis=(2, 3))
    for image, row, column in blank.nonzero().tolist():
        for channel in range(3):
            patch = np.s_[image, channel, 4 * row : 4 * row + 4, 4 * column : 4 * column + 4]
            expected[patch] = means[image, channel]
    assert np.allclose(blank_patches(images, blank).numpy(), expected, atol=1e-6)


def test_areas_equal_sums_of_trapezoids() -> None:
    fractions = [0, 0.25, 0.5, 0.9, 1]
    curves = np.random.default_rng(0).random((6, 5))
    expected = [
        sum(
            (right - left) * (row[at] + row[at + 1]) / 2
            for at, (left, right) in enumerate(pairwise(fractions))
        )
        for row in curves.tolist()
    ]
    assert curve_areas(fractions, curves).tolist() == pytest.approx(expected)
    assert curve_areas(fractions, np.full((1, 5), 0.3)).tolist() == pytest.approx([0.3])


def test_permuted_weights_keep_their_values_and_come_back() -> None:
    tower = tiny_model().image_tower
    before = {name: weight.clone() for name, weight in tower.state_dict().items()}
    with permuted_weights(tower):
        within = {name: weight.clone() for name, weight in tower.state_dict().items()}
        assert not any(weight.requires_grad for weight in tower.parameters())
    moved = 0
    for name, weight in before.items():
        assert weight.flatten().sort()[0].equal(within[name].flatten().sort()[0])
        moved += not weight.equal(within[name])
        assert tower.state_dict()[name].equal(weight)
    assert moved >= len([w for w in before.values() if w.unique().numel() > 1]) > 5


def test_the_permutation_is_the_same_each_time() -> None:
    seen = []
    for seed in (0, 0, 1):
        tower = tiny_model().image_tower
        with permuted_weights(tower, seed):
            seen.append(torch.cat([weight.flatten() for weight in tower.parameters()]))
    assert seen[0].equal(seen[1])
    assert not seen[0].equal(seen[2])


def test_weights_come_back_after_an_error() -> None:
    tower = tiny_model().image_tower
    before = torch.cat([weight.flatten() for weight in tower.parameters()])
    with pytest.raises(KeyboardInterrupt), permuted_weights(tower):
        raise KeyboardInterrupt
    assert torch.cat([weight.flatten() for weight in tower.parameters()]).equal(before)
