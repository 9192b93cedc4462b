from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest
import torch

from rateval.modelkit import Batch
from rateval.testing import RecordingLogbook, tiny_model
from rateval_finetune.training.augmentation import swap_backgrounds

Make = Callable[..., Any]
HEIGHT, WIDTH = 8, 12


def batch_of(masks: torch.Tensor, has_mask: tuple[bool, ...] | None = None) -> Batch:
    """Images whose background is their number, and whose object is 100 and their number."""
    count = len(masks)
    numbers = torch.arange(1.0, count + 1)[:, None, None, None].expand(-1, 3, HEIGHT, WIDTH)
    images = torch.where(masks[:, None], 100 + numbers, numbers).clone()
    return Batch(
        indices=tuple(range(count)),
        ids=tuple(map(str, range(count))),
        images=images,
        labels=torch.arange(count),
        masks=masks,
        has_mask=has_mask or (True,) * count,
        captions=(None,) * count,
        skipped=(),
    )


def boxes(count: int) -> torch.Tensor:
    """Objects left of the middle, so that their mirror images are free of them."""
    masks = torch.zeros(count, HEIGHT, WIDTH, dtype=torch.bool)
    for index in range(count):
        masks[index, index % 4 : 4 + index % 4, 1 : 4 + index % 3] = True
    return masks


def test_objects_stay_and_every_background_is_another_images() -> None:
    before = batch_of(boxes(7))
    after = swap_backgrounds(before, 1.0, 3)
    assert before.masks is not None
    kept = before.images.clone()
    givers = []
    for index, (image, mask) in enumerate(zip(after.images, before.masks, strict=True)):
        assert image[:, mask].equal(before.images[index][:, mask])
        (around,) = set(image[:, ~mask].flatten().tolist())  # nothing of the giver's object
        givers.append(int(around) - 1)
    assert sorted(givers) == list(range(7))
    assert all(giver != taker for taker, giver in enumerate(givers))
    assert before.images.equal(kept)
    assert after.masks is before.masks
    assert after.labels is before.labels


def test_the_givers_object_never_shows() -> None:
    """Also where its mirror image is the object again, or where nothing else is left."""
    middle = torch.zeros(2, HEIGHT, WIDTH, dtype=torch.bool)
    middle[0, 2:5, 4:8] = True
    middle[1, :, 3:] = True
    after = swap_backgrounds(batch_of(middle), 1.0, 0)
    assert set(after.images[1][:, ~middle[1]].flatten().tolist()) == {1.0}
    assert set(after.images[0][:, ~middle[0]].flatten().tolist()) == {2.0}


def test_the_mirror_image_fills_the_hole_with_texture() -> None:
    masks = boxes(2)
    batch = batch_of(masks)
    texture = torch.arange(HEIGHT * WIDTH, dtype=torch.float32).reshape(HEIGHT, WIDTH)
    images = torch.where(masks[:, None], -1.0, texture.expand(3, -1, -1))
    after = swap_backgrounds(dataclasses.replace(batch, images=images), 1.0, 0)
    hole = masks[1] & ~masks[0]
    assert hole.any()
    assert after.images[0][:, hole].equal(texture.flip(-1).expand(3, -1, -1)[:, hole])
    free = ~masks[1] & ~masks[0]
    assert after.images[0][:, free].equal(texture.expand(3, -1, -1)[:, free])


def test_images_without_a_mask_neither_give_nor_take() -> None:
    masks = boxes(6)
    masks[2] = False  # a mask that vanished
    batch = batch_of(masks, (True, False, True, True, True, True))
    after = swap_backgrounds(batch, 1.0, 5)
    for index in (1, 2):
        assert after.images[index].equal(batch.images[index])
    around = [set(after.images[i][:, ~masks[i]].flatten().tolist()) for i in (0, 3, 4, 5)]
    assert all(len(levels) == 1 for levels in around)
    givers = {int(level) - 1 for levels in around for level in levels}
    assert givers == {0, 3, 4, 5}


@pytest.mark.parametrize("count", [0, 1])
def test_an_image_alone_keeps_its_background(count: int) -> None:
    batch = batch_of(boxes(count))
    assert swap_backgrounds(batch, 1.0, 0).images.equal(batch.images)


def test_the_probability_is_that_of_an_image() -> None:
    batch = batch_of(boxes(8))
    swapped = torch.zeros(8)
    for stream in range(300):
        after = swap_backgrounds(batch, 0.3, "test", stream)
        swapped += (after.images != batch.images).flatten(1).any(1)
    shares = swapped / 300
    assert shares.mean().item() == pytest.approx(0.3, abs=0.03)
    assert (shares - 0.3).abs().max() < 0.1


def test_the_streams_decide() -> None:
    batch = batch_of(boxes(8))
    one = swap_backgrounds(batch, 0.5, 1, "swap", 2).images
    torch.manual_seed(3)
    assert swap_backgrounds(batch, 0.5, 1, "swap", 2).images.equal(one)
    assert not swap_backgrounds(batch, 0.5, 1, "swap", 3).images.equal(one)


def test_a_batch_without_masks_is_a_mistake_of_the_caller() -> None:
    batch = dataclasses.replace(batch_of(boxes(3)), masks=None)
    with pytest.raises(ValueError, match="batch with masks"):
        swap_backgrounds(batch, 0.5, 0)


@pytest.mark.parametrize("name", ["lp", "ft", "flcp", "lora", "lp-ft", "wise-ft"])
def test_every_method_can_train_with_it(name: str, make: Make, data: Any) -> None:
    logbooks = []
    for share in (0.0, 1.0):
        logbooks.append(RecordingLogbook())
        make(name, background_swap=share).fit(tiny_model(), data.train, data.classes, logbooks[-1])
    plain, swapped = ([epoch.loss for epoch in logbook.epochs] for logbook in logbooks)
    assert all(one != other for one, other in zip(plain, swapped, strict=True))
