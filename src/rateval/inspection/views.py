"""What a model sees of an image and its evidence: after resize and crop."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from PIL import Image

from rateval.api.component import Context
from rateval.api.protocols import Model
from rateval.errors import RatevalError
from rateval.inspection.visible import Box, find_visible
from rateval.plan.cells import Choice
from rateval.plan.seeds import object_seed
from rateval.workbench.build import build, name_plugin
from rateval.workbench.views import Mask, ModelView

USUAL_SIDE = 224
"""Pixels of the view that is taken where no model says its own."""
_PROBES = ((48, 64), (640, 480), (90, 300), (224, 224), (1000, 333))
"""Sizes of the masks by which two views are compared."""


class View(Protocol):
    """What is seen of an image of any size."""

    @property
    def label(self) -> str:
        """Name in a report."""
        ...

    def image(self, image: Image.Image) -> Image.Image:
        """Return what is seen of an RGB image, as RGB."""
        ...

    def mask(self, mask: Mask) -> Mask:
        """Return what is seen of a mask of the image's size."""
        ...


@dataclass(frozen=True)
class UsualView:
    """The usual one: the shorter side resized to 224 pixels, and the central square."""

    side: int = USUAL_SIDE

    @property
    def label(self) -> str:
        """Name in a report."""
        return f"usual {self.side} px centre crop"

    def image(self, image: Image.Image) -> Image.Image:
        """Return the view of an image, resized bicubically.

        >>> UsualView().image(Image.new("RGB", (500, 300))).size
        (224, 224)
        """
        return self._cut(image, Image.Resampling.BICUBIC)

    def mask(self, mask: Mask) -> Mask:
        """Return the view of a mask, resized by nearest neighbour, as models' geometries do."""
        picture = Image.fromarray(mask.astype(np.uint8))
        seen: Mask = np.asarray(self._cut(picture, Image.Resampling.NEAREST)) > 0
        return seen

    def _cut(self, image: Image.Image, resampling: Image.Resampling) -> Image.Image:
        shortest = min(image.size)
        width, height = (self.side * length // shortest for length in image.size)
        left, top = (round((length - self.side) / 2) for length in (width, height))
        resized = image.resize((width, height), resampling)
        return resized.crop((left, top, left + self.side, top + self.side))


def find_views(models: Sequence[Choice], context: Context, seed: int) -> list[View]:
    """Return the views of models, each once; the usual one where there is no model.

    A model is loaded for it: nothing else tells what it sees.
    """
    views: list[ModelView] = []
    for choice in models:
        seeded = replace(context, seed=object_seed(choice, seed) or 0)
        try:
            model: Model = build(choice, seeded)
        except RatevalError as error:
            raise RatevalError(
                f"{error}; its view of the evidence can't be told without it: mend it, or give "
                "--model none for the usual view"
            ) from error
        view = ModelView(model, (choice.label,), name_plugin(choice))
        same = next((at for at, other in enumerate(views) if _see_alike(view, other)), None)
        if same is None:
            views.append(view)
        else:
            other = views[same]
            views[same] = ModelView(other.model, (*other.labels, choice.label), other.name)
    return [*views] or [UsualView()]


def _see_alike(one: View, other: View) -> bool:
    """Return whether two views show the same of masks of noise."""
    noise = np.random.default_rng(0)
    for size in _PROBES:
        mask = noise.random(size) < 0.5
        if not np.array_equal(one.mask(mask), other.mask(mask)):
            return False
    return True


class Onlooker:
    """A view that remembers which part of an image of each size it shows."""

    def __init__(self, view: View) -> None:
        self.view = view
        self._boxes: dict[tuple[int, int], Box] = {}

    def box(self, size: tuple[int, int]) -> Box:
        """Return the part that is shown of an image of (rows, columns)."""
        if size not in self._boxes:  # two threads may find the same one
            self._boxes[size] = find_visible(size, self.view.mask)
        return self._boxes[size]

    def look(self, mask: Mask) -> tuple[float, float]:
        """Return the share of the view that is evidence, and the share of it that a crop cuts off.

        The mask has some evidence. The second share is to about a pixel of the view.
        """
        seen = self.view.mask(mask)
        rows, columns = mask.shape
        kept = np.count_nonzero(mask[self.box((rows, columns)).slices])
        return float(seen.mean()), 1 - kept / np.count_nonzero(mask)
