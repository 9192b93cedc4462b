"""What a model sees of an image and its mask: by the model itself, or by a frame without it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import cached_property, partial
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from rateval.api.protocols import Model
from rateval.api.values import ModelCard
from rateval.errors import PluginError, naming
from rateval.modelkit.moving import move_mask
from rateval.wording import describe

Mask = NDArray[np.bool_]

_PROBES = ((97, 131), (131, 97), (400, 300), (48, 200))
"""Rows and columns of the images of noise on which a frame must show what its model sees."""
_SIDE = 960
"""Side of the square by which the part that is cut off is measured."""
_WAYS = ("bicubic", "bilinear", "lanczos", "nearest")


@dataclass(frozen=True)
class ModelView:
    """The view of one model, or of several that have the same."""

    model: Model
    labels: tuple[str, ...]
    name: str
    """Says whose model it is, for messages."""

    @property
    def label(self) -> str:
        """Name in a report."""
        return ", ".join(self.labels)

    def image(self, image: Image.Image) -> Image.Image:
        """Return what the model gets of an image, without its normalisation."""
        with naming(f"preprocess() of the {self.name}", "model"):
            tensor = self.model.preprocess(image).cpu().float().numpy()
        mean, std = (np.reshape(v, (-1, 1, 1)) for v in (self._card.mean, self._card.std))
        pixels = np.clip(tensor * std + mean, 0, 1) * 255
        return Image.fromarray(np.round(pixels).astype(np.uint8).transpose(1, 2, 0))

    def mask(self, mask: Mask) -> Mask:
        """Return what the model sees of a mask. Raises PluginError where it is no mask."""
        with naming(f"preprocess_mask() of the {self.name}", "model"):
            seen = self.model.preprocess_mask(mask)
        if str(getattr(seen, "dtype", "")) != "torch.bool" or seen.ndim != 2:
            asked = "return (H, W) bool"
            got = describe(seen)
            raise PluginError(
                f"preprocess_mask() of the {self.name} must {asked}; got {got}", kind="model"
            )
        found: Mask = seen.cpu().numpy()
        return found

    @cached_property
    def _card(self) -> ModelCard:
        return self.model.card


@dataclass(frozen=True)
class Frame:
    """A view that needs no model: a resize and a central crop.

    >>> frame = Frame((8,), (6, 6), "bilinear")
    >>> frame.image(Image.new("RGB", (50, 30))).size, frame.mask(np.ones((30, 50), bool)).shape
    ((6, 6), (6, 6))
    """

    resize: tuple[int, ...]
    """Of the shorter side, or height and width."""
    crop: tuple[int, int]
    """Height and width."""
    interpolation: str

    def image(self, image: Image.Image) -> Image.Image:
        """Return the view of an RGB image."""
        return self._move(image, Image.Resampling[self.interpolation.upper()])

    def mask(self, mask: Mask) -> Mask:
        """Return the view of a mask of the image's size, as models' geometries do."""
        return move_mask(mask, partial(self._move, way=Image.Resampling.NEAREST))

    def as_json(self) -> dict[str, Any]:
        """Return what ``read_frame`` reads."""
        return asdict(self)

    def _move(self, image: Image.Image, way: Image.Resampling) -> Image.Image:
        """Do what Resize and CenterCrop of torchvision do, which takes seconds to import."""
        if image.size != (size := self._resized(*image.size)):
            image = image.resize(size, way)
        height, width = self.crop
        left, top = _begin(image.width, width), _begin(image.height, height)
        return image.crop((left, top, left + width, top + height))

    def _resized(self, width: int, height: int) -> tuple[int, int]:
        if len(self.resize) > 1:
            return self.resize[1], self.resize[0]
        (short,) = self.resize
        if width <= height:
            return short, int(short * height / width)
        return int(short * width / height), short


def _begin(length: int, crop: int) -> int:
    # Rounded to an even number; what is shorter than the crop gets its odd pixel at the end.
    return round((length - crop) / 2) if length >= crop else -((crop - length) // 2)


def read_frame(values: Any) -> Frame | None:
    """Return the frame of ``Frame.as_json``; None of null."""
    if values is None:
        return None
    crop = values["crop"]
    return Frame(tuple(values["resize"]), (crop[0], crop[1]), values["interpolation"])


def find_frame(view: ModelView) -> Frame | None:
    """Return the frame that shows what a model sees, pixel by pixel; None where none does.

    A model tells its geometry by nothing else than what it makes of images and masks.
    """
    random = np.random.default_rng(0)
    noise = [random.integers(0, 256, (*size, 3), dtype=np.uint8) for size in _PROBES]
    probes = [
        (Image.fromarray(pixels), np.asarray(view.image(Image.fromarray(pixels))))
        for pixels in noise
    ]
    masks = [(pixels[..., 0] > 127, view.mask(pixels[..., 0] > 127)) for pixels in noise]
    if len({seen.shape for _, seen in probes}) > 1:
        return None
    for frame in _candidates(view, probes[0][1].shape[:2]):
        alike = all(np.array_equal(np.asarray(frame.image(image)), seen) for image, seen in probes)
        if alike and all(np.array_equal(frame.mask(mask), seen) for mask, seen in masks):
            return frame
    return None


def _candidates(view: ModelView, size: tuple[int, ...]) -> Iterator[Frame]:
    height, width = size
    stripe = np.zeros((_SIDE, _SIDE), dtype=np.bool_)
    stripe[_SIDE // 4 : -_SIDE // 4] = True
    shown = int(view.mask(stripe)[:, 0].sum())  # lines of the view that half of the image fills
    sides = [(2 * shown + by,) for by in (0, -1, 1, -2, 2)]
    for resize, way in product([(min(height, width),), (height, width), *sides], _WAYS):
        if min(resize) >= 1:
            yield Frame(resize, (height, width), way)
