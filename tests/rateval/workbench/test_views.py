"""Frames against the transforms that they stand for, on photos that they were not tried on."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image
from torchvision.transforms import (
    CenterCrop,
    Compose,
    InterpolationMode,
    Normalize,
    Pad,
    Resize,
    ToTensor,
)

from rateval.modelkit.geometry import Geometry
from rateval.modelkit.transforms import read_transform
from rateval.testing import tiny_model
from rateval.workbench.views import Frame, ModelView, find_frame, read_frame

CUBIC = InterpolationMode.BICUBIC
SIZES = ((60, 81), (333, 200), (224, 224), (31, 900))


def view_of(*steps: Any) -> ModelView:
    read = read_transform(Compose([*steps, ToTensor(), Normalize((0.5, 0.4, 0.3), (0.2,) * 3)]))
    model: Any = SimpleNamespace(
        preprocess=read.geometry.image,
        preprocess_mask=read.geometry.mask,
        card=SimpleNamespace(mean=read.mean, std=read.std),
    )
    return ModelView(model, ("clip",), 'model "clip"')


@pytest.mark.parametrize(
    "steps",
    [
        (Resize(64, CUBIC), CenterCrop(64)),
        (Resize(73), CenterCrop(64)),
        (Resize((48, 64), CUBIC),),
        (Resize(50, CUBIC), CenterCrop((40, 48))),
    ],
    ids=str,
)
def test_a_frame_shows_what_its_model_sees(steps: tuple[Any, ...]) -> None:
    view = view_of(*steps)
    frame = find_frame(view)
    assert frame is not None
    assert read_frame(frame.as_json()) == frame
    random = np.random.default_rng(5)
    for size in SIZES:
        pixels = random.integers(0, 256, (*size, 3), dtype=np.uint8)
        image, mask = Image.fromarray(pixels), pixels[..., 1] > 99
        assert np.array_equal(np.asarray(frame.image(image)), np.asarray(view.image(image)))
        assert np.array_equal(frame.mask(mask), view.mask(mask))


def test_there_is_no_frame_for_a_geometry_of_another_kind() -> None:
    assert find_frame(ModelView(tiny_model(), ("tiny",), "the model")) is None
    padded: Any = view_of(Resize(32), CenterCrop(32))
    padded.model.preprocess = Compose([Resize(32), CenterCrop(30), Pad(1), ToTensor()])
    assert find_frame(padded) is None
    assert read_frame(None) is None


@pytest.mark.parametrize("way", ["bicubic", "bilinear", "lanczos", "nearest"])
@pytest.mark.parametrize("resize", [(13,), (40,), (21, 34)])
def test_a_frame_is_a_resize_and_a_central_crop(resize: tuple[int, ...], way: str) -> None:
    random = np.random.default_rng(2)
    side = resize[0] if len(resize) == 1 else list(resize)
    for _ in range(12):
        rows, columns, height, width = (int(one) for one in random.integers(4, 60, 4))
        steps = [Resize(side, InterpolationMode(way)), CenterCrop([height, width])]
        frame, masks = Frame(resize, (height, width), way), Geometry(Compose([*steps, ToTensor()]))
        pixels = random.integers(0, 256, (rows, columns, 3), dtype=np.uint8)
        image, mask = Image.fromarray(pixels), pixels[..., 1] > 99
        assert np.array_equal(np.asarray(frame.image(image)), np.asarray(Compose(steps)(image)))
        assert np.array_equal(frame.mask(mask), masks.mask(mask))
