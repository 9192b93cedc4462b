from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageEnhance

from rateval.api import Sample
from rateval.testing import RecordingLogbook, TinyModel, tiny_model
from rateval_finetune.params import FtParams
from rateval_finetune.training import augmentation
from rateval_finetune.training.augmentation import augment_published
from rateval_finetune.training.sources import SplitSource

Make = Callable[..., Any]
SIZE = (48, 64)


def blobs(seed: int, size: tuple[int, int] = (120, 150)) -> NDArray[np.bool_]:
    """A few discs, whose borders are a small part of them."""
    draw = np.random.default_rng(seed)
    rows, columns = np.ogrid[: size[0], : size[1]]
    mask = np.zeros(size, dtype=np.bool_)
    for _ in range(4):
        row, column, radius = draw.integers(size[0]), draw.integers(size[1]), draw.integers(15, 40)
        mask |= (rows - row) ** 2 + (columns - column) ** 2 < radius**2
    return mask


def painted(mask: NDArray[np.bool_], label: int = 0) -> Sample:
    """An image that is its mask: white where it is set, a dark grey elsewhere."""
    pixels = np.where(mask, 255, 60).astype(np.uint8)
    return Sample("painted", Image.fromarray(pixels).convert("RGB"), label, mask)


def test_image_and_mask_move_together() -> None:
    """Rotation fills with black, which is no colour of the object or of what is around."""
    moved = 0
    for index in range(60):
        mask = blobs(index)
        result = augment_published(SIZE, seed=3, epoch=1)(painted(mask), index)
        assert result.mask is not None
        assert result.image.size == (64, 48)
        assert result.mask.shape == SIZE
        assert result.mask.dtype == np.bool_
        grey = np.asarray(result.image.convert("L"), dtype=float)
        # Colours change both levels; halfway between them is where the mask's border must be.
        if result.mask.any() and (~result.mask).any():
            inside, outside = (
                np.median(grey[result.mask]),
                np.median(grey[~result.mask & (grey > 9)]),
            )
            assert inside > outside
            seen = grey > (inside + outside) / 2
            assert (seen != result.mask).mean() < 0.05
            moved += 1
    assert moved > 40


def test_what_is_drawn_is_within_the_published_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Crop 8 to 100 % at ratios 3/4 to 4/3, flip half, colours 0.8 to 1.2, 30 degrees."""
    boxes: list[tuple[float, ...]] = []
    degrees: list[float] = []
    flips: list[object] = []
    factors: dict[str, list[float]] = {"Brightness": [], "Contrast": [], "Color": []}
    hues: list[float] = []
    resize, rotate, transpose = Image.Image.resize, Image.Image.rotate, Image.Image.transpose

    def watch_resize(self: Any, size: Any, resample: Any, box: Any) -> Any:
        boxes.append(box)
        return resize(self, size, resample, box)

    def watch_rotate(self: Any, angle: float, resample: Any) -> Any:
        degrees.append(angle)
        return rotate(self, angle, resample)

    def watch_transpose(self: Any, how: Any) -> Any:
        flips.append(how)
        return transpose(self, how)

    monkeypatch.setattr(Image.Image, "resize", watch_resize)
    monkeypatch.setattr(Image.Image, "rotate", watch_rotate)
    monkeypatch.setattr(Image.Image, "transpose", watch_transpose)
    for name, used in factors.items():
        plain = getattr(ImageEnhance, name).enhance

        def watch(self: Any, factor: float, used: Any = used, plain: Any = plain) -> Any:
            used.append(factor)
            return plain(self, factor)

        monkeypatch.setattr(getattr(ImageEnhance, name), "enhance", watch)
    turn = augmentation._turn_hue

    def watch_hue(image: Image.Image, turns: float) -> Image.Image:
        hues.append(turns)
        return turn(image, turns)

    monkeypatch.setattr(augmentation, "_turn_hue", watch_hue)
    image = Image.fromarray(np.zeros((120, 150, 3), dtype=np.uint8))
    change = augment_published((8, 8), seed=0, epoch=1)
    for index in range(600):
        change(Sample("x", image, 0, None), index)
    areas = [(right - left) * (low - top) / (120 * 150) for left, top, right, low in boxes]
    ratios = [(right - left) / (low - top) for left, top, right, low in boxes]
    assert 0.07 < min(areas) < 0.12
    assert 0.9 < max(areas) <= 1.0
    assert 0.72 < min(ratios) < 0.78
    assert 1.3 < max(ratios) < 1.36
    assert 240 < len(flips) < 360
    assert -30 <= min(degrees) < -29
    assert 29 < max(degrees) <= 30
    for used in factors.values():
        assert len(used) == 600
        assert 0.8 <= min(used) < 0.81
        assert 1.19 < max(used) <= 1.2
    assert -0.2 <= min(hues) < -0.19
    assert 0.19 < max(hues) <= 0.2


@pytest.mark.parametrize("size", [(10, 300), (300, 10), (1, 1), (7, 5)])
def test_any_shape_of_image_is_cropped(size: tuple[int, int]) -> None:
    mask = np.ones(size, dtype=np.bool_)
    for index in range(20):
        result = augment_published(SIZE, seed=1, epoch=2)(painted(mask), index)
        assert result.image.size == (64, 48)
        assert result.mask is not None
        assert result.mask.mean() > 0.4  # all that rotation left in the picture


def test_without_a_mask_there_is_none() -> None:
    sample = Sample("x", painted(blobs(0)).image, 0, None, "a caption")
    result = augment_published(SIZE, seed=1, epoch=1)(sample, 0)
    assert result.mask is None
    assert (result.id, result.label, result.caption) == ("x", 0, "a caption")


def test_seed_epoch_and_position_alone_decide() -> None:
    sample = painted(blobs(5))

    def pixels(seed: int, epoch: int, index: int) -> bytes:
        return augment_published(SIZE, seed, epoch)(sample, index).image.tobytes()

    same = pixels(1, 2, 3)
    change = augment_published(SIZE, 1, 2)
    for index in (9, 4, 3):  # whatever came before
        result = change(sample, index)
    assert result.image.tobytes() == same
    others = {pixels(0, 2, 3), pixels(1, 1, 3), pixels(1, 2, 4)}
    assert len(others | {same}) == 4


@pytest.mark.parametrize("readers", [1, 4])
def test_a_source_gives_each_position_the_same_image_in_any_batch(readers: int, data: Any) -> None:
    model = tiny_model()
    source = SplitSource(data.train, model, FtParams(augment="published"), seed=7, readers=readers)

    def images(chunks: Any, epoch: int) -> dict[int, Any]:
        batches = source.load(chunks, epoch)
        return {i: image for b in batches for i, image in zip(b.indices, b.images, strict=True)}

    straight = images([range(13), range(13, 26)], 1)
    shuffled = images([[i] for i in reversed(range(26))], 1)
    assert straight.keys() == shuffled.keys() == set(range(26))
    assert all(straight[index].equal(shuffled[index]) for index in straight)
    later = images([range(26)], 2)
    assert not any(straight[index].equal(later[index]) for index in straight)
    plain = SplitSource(data.train, model, FtParams(), seed=7)
    (batch,) = plain.load([range(26)], 1)
    assert not any(image.equal(straight[i]) for i, image in enumerate(batch.images))


def test_the_model_does_not_move_the_result_again(data: Any) -> None:
    """The augmented image has the model's own size: its preprocessing changes no pixel."""
    model = tiny_model()
    (sample,) = data.train.samples([0])
    result = augment_published(model.card.image_size, seed=7, epoch=1)(sample, 0)
    expected = np.asarray(result.image, dtype=np.float32).transpose(2, 0, 1) / 127.5 - 1
    np.testing.assert_array_equal(model.preprocess(result.image).numpy(), expected)


def test_training_is_another_one_with_augmentation(make: Make, data: Any) -> None:
    losses = []
    for augment in ("none", "published"):
        logbook = RecordingLogbook()
        ft = make(augment=augment)
        ft.fit(tiny_model(), data.train, data.classes, logbook)
        losses.append([epoch.loss for epoch in logbook.epochs])
    assert losses[0] != losses[1]


def test_it_agrees_with_torchvision_on_hue() -> None:
    from torchvision.transforms import functional

    draw = np.random.default_rng(0)
    image = Image.fromarray(draw.integers(0, 256, (16, 16, 3), dtype=np.uint8))
    for turns in (-0.2, -0.07, 0.0, 0.11, 0.2):
        ours = np.asarray(augmentation._turn_hue(image, turns), dtype=int)
        theirs = np.asarray(functional.adjust_hue(image, turns), dtype=int)
        # They truncate the turn in 1/255, we round it: a level of hue more or less.
        assert np.abs(ours - theirs).max() <= 7
        assert np.abs(ours - theirs).mean() < 1.5


def test_the_images_are_used_by_position_not_by_order(make: Make, data: Any) -> None:
    """Of two epochs, the second one's images are other images of the same samples."""
    seen: list[list[float]] = []

    class Watching(TinyModel):
        def features(self, images: Any) -> Any:
            if len(images) > 1:
                seen.append(sorted(images.sum((1, 2, 3)).tolist()))
            return super().features(images)

    make(augment="published", batch_size=26).fit(
        Watching(), data.train, data.classes, RecordingLogbook()
    )
    assert len(seen) == 2
    assert not set(seen[0]) & set(seen[1])
