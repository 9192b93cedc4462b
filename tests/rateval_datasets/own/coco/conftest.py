"""Small COCO files with their photos."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from rateval.api import Context, Dataset, RatevalError, Sample, Skipped, Split
from rateval_datasets.own.coco.dataset import make_coco
from rateval_datasets.own.coco.params import CocoParams

SIZE = (40, 60)
"""Rows and columns of the photos."""
NAMES = {1: "kettle", 2: "mug", 0: "pan"}
TRIANGLE = [10, 5, 40.5, 5, 10, 35.5]


def triangle_mask(size: tuple[int, int] = SIZE) -> NDArray[np.bool_]:
    y, x = (np.indices(size) + 0.5)[:2]
    return cast(NDArray[np.bool_], (x >= 10) & (y >= 5) & (x + y < 45.5))


def box_mask() -> NDArray[np.bool_]:
    drawn = np.zeros(SIZE, dtype=np.bool_)
    drawn[5:20, 10:31] = True
    return drawn


def runs_of(mask: NDArray[np.bool_]) -> list[int]:
    """Count the pixels of each stretch, down the columns, beginning with those outside."""
    runs, inside = [0], False
    for pixel in mask.T.ravel():
        if pixel != inside:
            inside = not inside
            runs.append(0)
        runs[-1] += 1
    return runs


def photo(path: Path, size: tuple[int, int] = SIZE, orientation: int = 1) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    exif = Image.Exif()
    exif[0x0112] = orientation
    pixels = np.random.default_rng(len(path.name)).integers(0, 256, (*size, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path, exif=exif)


def content(images: Mapping[str, Sequence[Mapping[str, Any]]]) -> dict[str, Any]:
    """Return a COCO file of names of photos, each with its annotations."""
    annotations = [
        {"id": 0, "image_id": number, "category_id": 1, "iscrowd": 0, "bbox": [], **one}
        for number, objects in enumerate(images.values())
        for one in objects
    ]
    for number, one in enumerate(annotations, 1):
        one["id"] = number
    listed = [
        {"id": number, "file_name": name, "height": SIZE[0], "width": SIZE[1]}
        for number, name in enumerate(images)
    ]
    categories = [{"id": number, "name": name} for number, name in NAMES.items()]
    return {"images": listed, "annotations": annotations, "categories": categories}


def write(path: Path, images: Mapping[str, Sequence[Mapping[str, Any]]]) -> Path:
    """Write a COCO file, and its photos below its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content(images)))
    for name in images:
        photo(path.parent / name)
    return path


def edit(path: Path, change: Callable[[Any], object]) -> Path:
    table = json.loads(path.read_text())
    change(table)
    path.write_text(json.dumps(table))
    return path


class Coco:
    """What tests use of this module."""

    size = SIZE
    triangle = TRIANGLE
    box_mask = staticmethod(box_mask)
    content = staticmethod(content)
    edit = staticmethod(edit)
    photo = staticmethod(photo)
    runs_of = staticmethod(runs_of)
    triangle_mask = staticmethod(triangle_mask)
    write = staticmethod(write)

    @staticmethod
    def read(split: Split) -> list[Sample | Skipped]:
        return list(split.samples(range(len(split))))

    @staticmethod
    def one(split: Split, at: int = 0) -> Sample:
        found = split.samples([at])[0]
        assert isinstance(found, Sample), found
        return found

    @staticmethod
    def reasons(split: Split) -> dict[str, str]:
        """Id of a photo that is skipped to the reason."""
        every = split.samples(range(len(split)))
        return {one.id: one.reason for one in every if isinstance(one, Skipped)}


@pytest.fixture
def coco() -> Coco:
    return Coco()


@pytest.fixture
def make() -> Callable[..., Dataset]:
    def build(annotations: Any, **params: Any) -> Dataset:
        given = CocoParams(annotations=annotations, **params)
        return cast(Dataset, make_coco(given, cast(Context, None)))

    return build


@pytest.fixture
def refuse(make: Callable[..., Dataset]) -> Callable[..., str]:
    def message(annotations: Any, **params: Any) -> str:
        with pytest.raises(RatevalError) as caught:
            make(annotations, **params)
        assert "\n" not in str(caught.value)
        return str(caught.value)

    return message
