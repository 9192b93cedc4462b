"""The shift ``corruption``: one of ImageNet-C's corruptions for any sample."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping

import numpy as np
from PIL import Image

from rateval.api import Context, Sample
from rateval_shifts.corruptions import blur, digital, elastic, noise, view, weather
from rateval_shifts.corruptions.picture import Mask, Picture
from rateval_shifts.corruptions.published_files import PublishedFiles
from rateval_shifts.corruptions.streams import Stream
from rateval_shifts.params import CorruptionBase, Type

Corrupt = Callable[[Picture, int, Stream], Picture]

CORRUPTIONS: Mapping[Type, Corrupt] = {
    "gaussian_noise": noise.gaussian_noise,
    "shot_noise": noise.shot_noise,
    "impulse_noise": noise.impulse_noise,
    "defocus_blur": blur.defocus_blur,
    "glass_blur": blur.glass_blur,
    "motion_blur": blur.motion_blur,
    "zoom_blur": blur.zoom_blur,
    "snow": weather.snow,
    "frost": weather.frost,
    "fog": weather.fog,
    "brightness": digital.brightness,
    "contrast": digital.contrast,
    "elastic_transform": elastic.elastic_transform,
    "pixelate": digital.pixelate,
    "jpeg_compression": digital.jpeg_compression,
    "speckle_noise": noise.speckle_noise,
    "gaussian_blur": blur.gaussian_blur,
    "spatter": weather.spatter,
    "saturate": digital.saturate,
}


class Corruption:
    """A ``rateval.api.protocols.Shift`` by one corruption at one severity."""

    def __init__(self, params: CorruptionBase) -> None:
        self._params = params
        self._corrupt = CORRUPTIONS[params.type]

    def apply(self, sample: Sample) -> Sample:
        """Return the corrupted sample, its masks moved where its pixels are.

        Nothing is kept from one sample to the next: random numbers go by seed, id, type and
        severity.
        """
        after = self._see(sample, sample.mask)
        pixels = after.pixels
        if self._published:
            pixels = digital.through_jpeg(pixels, view.QUALITY)
        shown = [
            one
            if one.mask is None
            else dataclasses.replace(one, mask=self._see(sample, one.mask).mask)
            for one in sample.depicted
        ]
        return dataclasses.replace(
            sample, image=Image.fromarray(pixels), mask=after.mask, depicted=tuple(shown)
        )

    @property
    def _published(self) -> bool:
        return self._params.size == "imagenet-c"

    def _see(self, sample: Sample, mask: Mask | None) -> Picture:
        """Corrupt a sample's image with one of its masks: each goes as the others do."""
        params = self._params
        stream = Stream(params.seed, sample.id, params.type, params.severity)
        if self._published:
            picture = view.published_view(sample.image, mask)
        else:
            picture = Picture(np.asarray(sample.image), mask)
        return self._corrupt(picture, params.severity, stream)


def make_shift(params: CorruptionBase, context: Context) -> Corruption | PublishedFiles:
    """Make the shift. Raises RatevalError when its published files are asked for and not there."""
    if params.files is None:
        return Corruption(params)
    return PublishedFiles(params, params.files)
