"""Photos in class folders with masks: drawn scenes, one of them turned by its EXIF."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import rateval
from rateval.api import Sample

SIDEWAYS = 6
"""EXIF's orientation of a photo that is shown turned by 90 degrees."""


@dataclass(frozen=True)
class Photo:
    """One photo below ``photos``, and its mask below ``masks``."""

    id: str
    label: str

    @property
    def image(self) -> Path:
        return Path("photos", self.id)

    @property
    def mask(self) -> Path:
        return Path("masks", self.id).with_suffix(".png")


@dataclass(frozen=True)
class Photos:
    """What lies in the current folder."""

    classes: tuple[str, ...]
    photos: tuple[Photo, ...]


@pytest.fixture
def photos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Photos:
    monkeypatch.chdir(tmp_path)
    dataset = rateval.create("dataset", "shapes", test_size=20)
    made = []
    for at, sample in enumerate(dataset.test.samples(range(20))):
        assert isinstance(sample, Sample) and sample.mask is not None
        label = dataset.classes[sample.label]
        photo = Photo(f"{label}/{at}{'.jpg' if at == 0 else '.png'}", label)
        mask = sample.mask
        for path in (photo.image, photo.mask):
            path.parent.mkdir(parents=True, exist_ok=True)
        if at == 0:
            pixels = np.asarray(sample.image)[:48]
            mask = np.rot90(sample.mask[:48], -1)
            exif = Image.Exif()
            exif[0x0112] = SIDEWAYS
            Image.fromarray(pixels).save(photo.image, exif=exif)
        else:
            sample.image.save(photo.image)
        Image.fromarray(mask.astype(np.uint8) * 7).save(photo.mask)
        made.append(photo)
    return Photos(tuple(sorted({photo.label for photo in made})), tuple(made))


@pytest.fixture
def look_at(photos: Photos) -> Callable[..., object]:
    """Return ``rateval.look`` with the quickstart's CLIP, but for what is given otherwise."""

    def call(photo: Photo, **given: object) -> object:
        asked = {"model": "clip", "classes": photos.classes, "device": "cpu"} | given
        return rateval.look(photo.image, **asked)  # type: ignore[arg-type]  # of many kinds

    return call
