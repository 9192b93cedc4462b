"""Regions filled in: what is around them alone is looked at, and the rest stays as it was."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from rateval.modelkit.filling import Filling, View, grow, inpaint

MEAN, STD = (0.4, 0.5, 0.6), (0.2, 0.3, 0.25)


def images(seed: int = 0) -> torch.Tensor:
    pixels = torch.rand(2, 3, 40, 32, generator=torch.Generator().manual_seed(seed))
    return (pixels - torch.tensor(MEAN)[:, None, None]) / torch.tensor(STD)[:, None, None]


def region() -> torch.Tensor:
    found = torch.zeros(2, 40, 32, dtype=torch.bool)
    found[0, 5:20, 8:20] = True
    found[1, 30:, 20:] = True
    return found


@pytest.mark.parametrize("filling", ["inpaint", "grey", "blur"])
def test_outside_of_the_region_nothing_changes(filling: Filling) -> None:
    before, hole = images(), region()
    after = View(MEAN, STD).fill(before, hole, filling)
    outside = ~hole[:, None].expand_as(before)
    assert torch.equal(after[outside], before[outside])
    assert not torch.equal(after, before)
    assert bool(torch.isfinite(after).all())


def test_inpainting_never_looks_into_the_region() -> None:
    one, other, hole = images(0), images(1), region()
    hidden = torch.where(hole[:, None], other, one)
    view = View(MEAN, STD)
    assert torch.equal(view.fill(one, hole, "inpaint"), view.fill(hidden, hole, "inpaint"))


def test_inpainting_continues_what_is_around() -> None:
    pixels = np.full((20, 20, 3), (10, 120, 240), dtype=np.uint8)
    hole = np.zeros((20, 20), dtype=bool)
    hole[5:12, 6:15] = True
    pixels[hole] = 255
    filled = inpaint(pixels, hole).astype(int)
    assert np.abs(filled - (10, 120, 240)).max() <= 2


def test_of_a_whole_image_nothing_is_left() -> None:
    assert (inpaint(np.full((4, 4, 3), 9, np.uint8), np.ones((4, 4), bool)) == 0).all()


def test_grey_is_grey_before_normalisation() -> None:
    filled = View(MEAN, STD).fill(images(), region(), "grey")
    pixels = filled * torch.tensor(STD)[:, None, None] + torch.tensor(MEAN)[:, None, None]
    assert pixels[0, :, 6, 9].tolist() == pytest.approx([0.5] * 3)


def test_blur_is_a_gaussian() -> None:
    from scipy.ndimage import gaussian_filter

    before = images()
    after = View(MEAN, STD).fill(before, torch.ones_like(region()), "blur")
    expected = gaussian_filter(
        before[0, 1].double().numpy(), 3.2, mode="nearest", radius=round(3 * 3.2)
    )
    assert after[0, 1].numpy() == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize(("side", "pixels"), [(32, 1), (64, 1), (224, 4), (384, 6)])
def test_masks_grow_with_the_side(side: int, pixels: int) -> None:
    dot = torch.zeros(1, side, side + 10, dtype=torch.bool)
    dot[0, 16, 16] = True
    assert int(grow(dot).sum()) == (2 * pixels + 1) ** 2
