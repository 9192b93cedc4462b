"""What every corruption keeps: the sample but for its pixels, one result per image, any size."""

from __future__ import annotations

import copy
import hashlib
import io
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image

from rateval.api import Sample
from rateval.testing import check_shift
from rateval.testing.datasets import same_sample
from rateval_shifts.corruptions.shift import CORRUPTIONS, Corruption
from rateval_shifts.corruptions.streams import Stream
from rateval_shifts.params import CorruptionParams

Draw = Callable[[int, int], Image.Image]
types = pytest.mark.parametrize("kind", CORRUPTIONS)


def shift(kind: str, severity: int = 3, **more: object) -> Corruption:
    params = {"type": kind, "severity": severity} | more
    return Corruption(CorruptionParams.model_validate(params))


@types
def test_keeps_its_promises(kind: str) -> None:
    check_shift(shift(kind, 5))
    check_shift(shift(kind, 1, **{"as": "imagenet-c"}))


@types
def test_keeps_what_is_no_pixel(sample: Sample, kind: str) -> None:
    after = shift(kind).apply(sample)
    assert (after.id, after.label, after.caption) == (sample.id, sample.label, sample.caption)
    assert not np.array_equal(np.asarray(after.image), np.asarray(sample.image))


@types
@pytest.mark.parametrize("size", [(1, 1), (1, 2), (7, 500), (500, 7), (513, 300), (9, 8)])
def test_any_size(drawn: Draw, kind: str, size: tuple[int, int]) -> None:
    mask = np.zeros(size, bool)
    mask[: size[0] // 2 + 1] = True
    sample = Sample("a", drawn(*size), 0, mask)
    kept = copy.deepcopy(sample)
    for severity in (1, 5):
        for has_mask in (mask, None):
            one = Sample("a", sample.image, 0, has_mask)
            after = shift(kind, severity).apply(one)
            assert after.image.mode == "RGB"
            assert (after.image.height, after.image.width) == size
            assert (after.mask is None) is (has_mask is None)
            if after.mask is not None:
                assert after.mask.shape == size
                assert after.mask.dtype == np.bool_
    assert same_sample(sample, kept)


@types
def test_flat_and_grey_pictures(kind: str) -> None:
    for level in (0, 1, 128, 255):
        flat = Image.new("L", (40, 30), level).convert("RGB")
        for severity in range(1, 6):
            levels = np.asarray(shift(kind, severity).apply(Sample("a", flat, 0, None)).image)
            if kind.endswith("blur") or kind in ("contrast", "pixelate", "elastic_transform"):
                assert (levels == level).all()
            elif kind.endswith("noise") and kind != "impulse_noise" and level == 128:
                assert 118 < levels.mean() < 138


@types
@pytest.mark.parametrize("size", [(300, 400), (224, 224), (1, 1), (30, 2000)])
def test_as_the_files_were_made(drawn: Draw, kind: str, size: tuple[int, int]) -> None:
    mask = np.ones(size, bool)
    sample = Sample("a", drawn(*size), 0, mask)
    after = shift(kind, 2, **{"as": "imagenet-c"}).apply(sample)
    assert after.image.size == (224, 224)
    assert after.mask is not None
    assert after.mask.shape == (224, 224)
    assert after.mask.mean() > 0.99


def test_the_published_view_by_hand(drawn: Draw) -> None:
    image = drawn(300, 400)
    small = image.resize((341, 256), Image.Resampling.BILINEAR).crop((58, 16, 282, 240))
    plain = shift("brightness", 1).apply(Sample("a", small, 0, None)).image
    file = io.BytesIO()
    plain.save(file, "JPEG", quality=85)
    after = shift("brightness", 1, **{"as": "imagenet-c"}).apply(Sample("a", image, 0, None))
    assert np.array_equal(np.asarray(after.image), np.asarray(Image.open(file)))


@types
def test_one_result_in_any_order_and_thread(drawn: Draw, kind: str) -> None:
    samples = [
        Sample(f"{n}", drawn(60 + n, 50), 0, np.eye(60 + n, 50, dtype=bool)) for n in range(6)
    ]
    alone = [shift(kind).apply(sample) for sample in reversed(samples)][::-1]
    shared = shift(kind)
    with ThreadPoolExecutor(4) as threads:
        beside = list(threads.map(shared.apply, samples * 3))
    for one, other in zip(alone * 3, beside, strict=True):
        assert same_sample(one, other)


RANDOM = sorted(
    set(CORRUPTIONS)
    - {"defocus_blur", "zoom_blur", "brightness", "contrast", "pixelate", "jpeg_compression"}
    - {"gaussian_blur", "saturate"}
)


@types
def test_noise_goes_by_seed_and_id(sample: Sample, kind: str) -> None:
    def pixels(seed: int, name: str) -> bytes:
        after = shift(kind, 5, seed=seed).apply(Sample(name, sample.image, 0, None))
        return after.image.tobytes()

    assert (pixels(0, "a") != pixels(0, "b")) is (kind in RANDOM)
    assert (pixels(0, "a") != pixels(1, "a")) is (kind in RANDOM)
    assert pixels(1, "b") == pixels(1, "b")


def whole_picture() -> Sample:
    """Return a picture made in whole numbers: the same on every platform."""
    rows, columns = np.mgrid[:96, :128]
    red = (rows * 2 + columns) % 256
    green = (rows * columns // 48) % 256
    blue = (Stream("blue").words(96, 128) >> 9) + 60
    levels = np.stack([red, green, blue], axis=2).astype(np.uint8)
    return Sample("whole", Image.fromarray(levels), 0, (rows - 40) ** 2 + (columns - 50) ** 2 < 900)


DIGESTS = {
    "gaussian_noise": "7c7af7657a17df91",
    "shot_noise": "020243628c550f62",
    "impulse_noise": "d34bf0286c4fb67a",
    "motion_blur": "cee9ba8b2f8fe8da",
    "zoom_blur": "86a8bfcd0ca70fd9",
    "snow": "635be1a884b3b08e",
    "frost": "8b47833fe89ba4ec",
    "fog": "4da845c0064948f5",
    "brightness": "93585500b36cf9c9",
    "contrast": "2e39ddf1c9c6996b",
    "pixelate": "a6195ee1354720a1",
    "speckle_noise": "33faa757e74782de",
    "saturate": "285acc16cf7dd9f6",
}
"""Of the types that use whole numbers, or sums and products that IEEE 754 rounds alike."""


@pytest.mark.parametrize("kind", DIGESTS)
def test_equal_on_every_platform(kind: str) -> None:
    digest = hashlib.sha256()
    for severity in range(1, 6):
        after = shift(kind, severity).apply(whole_picture())
        assert after.mask is not None
        digest.update(after.image.tobytes() + after.mask.tobytes())
    assert digest.hexdigest()[:16] == DIGESTS[kind]
