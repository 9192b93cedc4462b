from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from rateval.api import Sample
from rateval.modelkit import (
    can_lend,
    draw_in_turn,
    move_mask,
    move_sample,
    pool_donors,
    put_objects,
)
from rateval.testing import tiny_dataset


def test_image_and_mask_are_moved_by_one_function() -> None:
    mask = np.random.default_rng(0).random((9, 13)) < 0.5
    pixels = np.repeat(mask[..., None], 3, axis=2).astype(np.uint8) * np.uint8(255)
    sample = Sample("a", Image.fromarray(pixels), 0, mask, "caption", ("note",))
    for move in (
        lambda picture: picture.transpose(Image.Transpose.ROTATE_90),
        lambda picture: picture.resize((5, 7), Image.Resampling.BILINEAR),
        lambda picture: picture.crop((2, 1, 8, 6)),
    ):
        after = move_sample(sample, move)
        assert after.mask is not None
        assert ((np.asarray(after.image)[..., 1] > 127) == after.mask).all()
        assert (after.mask == move_mask(mask, move)).all()
        assert (after.id, after.caption, after.notes) == ("a", "caption", ("note",))
    bare = Sample("a", sample.image, 0, None)
    assert move_sample(bare, lambda picture: picture.crop((0, 0, 2, 2))).mask is None


@pytest.mark.parametrize("dtype", [torch.float32, torch.uint8])
def test_objects_are_put_on_backgrounds(dtype: torch.dtype) -> None:
    generator = torch.Generator().manual_seed(0)
    images, backgrounds = (
        torch.randint(0, 255, (2, 3, 4, 5), generator=generator).to(dtype) for _ in range(2)
    )
    masks = torch.rand(2, 4, 5, generator=generator) < 0.5
    made = put_objects(images, masks, backgrounds)
    assert made.dtype == dtype
    for at in np.ndindex(2, 3, 4, 5):
        source = images if masks[at[0], at[2], at[3]] else backgrounds
        assert made[at] == source[at]


def test_pools_hold_each_sample_once_whatever_their_size() -> None:
    split = tiny_dataset(test=11).test
    whole = pool_donors(split)
    assert len(whole) == 1
    assert sorted(whole[0]) == list(range(11))
    assert [at for pool in pool_donors(split, 4) for at in pool] == whole[0]
    assert [len(pool) for pool in pool_donors(split, 4)] == [4, 4, 3]


def test_all_are_drawn_in_turn_and_the_borders_of_lending() -> None:
    assert sorted(draw_in_turn("a", range(20))) == list(range(20))
    assert list(draw_in_turn("a", range(20))) != list(draw_in_turn("b", range(20)))
    assert [can_lend(share) for share in (0.0, 0.001, 0.6, 0.601)] == [False, True, True, False]
