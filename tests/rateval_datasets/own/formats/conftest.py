"""Small annotated data sets, written by datumaro's own exporters."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from datumaro.components.annotation import Bbox, Label, Mask, Polygon
from datumaro.components.dataset import Dataset as Exported
from datumaro.components.dataset_base import DatasetItem
from datumaro.components.media import Image
from numpy.typing import NDArray

from rateval.api import Context, Dataset, RatevalError, Sample, Skipped, Split
from rateval_datasets.own.formats.dataset import make_datumaro
from rateval_datasets.own.formats.params import DatumaroParams

CLASSES = ("kettle", "mug")
TRIANGLE = (10.0, 5.0, 40.5, 5.0, 10.0, 35.5)
"""Corners x, y, x, y, …"""
BOX = (10.0, 5.0, 31.0, 20.0)
"""Left, top, right, bottom."""


def size_of(number: int) -> tuple[int, int]:
    return 40 + number, 60


def triangle_mask(size: tuple[int, int]) -> NDArray[np.bool_]:
    """Pixels whose centres are right of x = 10, below y = 5, and above the slope x + y = 45.5."""
    mask = np.zeros(size, dtype=np.bool_)
    for row in range(size[0]):
        for column in range(size[1]):
            x, y = column + 0.5, row + 0.5
            mask[row, column] = x >= 10 and y >= 5 and x + y < 45.5
    return mask


def box_mask(size: tuple[int, int]) -> NDArray[np.bool_]:
    mask = np.zeros(size, dtype=np.bool_)
    mask[5:20, 10:31] = True
    return mask


def item(number: int, split: str, annotations: Iterable[Any]) -> DatasetItem:
    rng = np.random.default_rng(number)
    pixels = rng.integers(0, 256, (*size_of(number), 3), dtype=np.uint8)
    name = f"photo{number}"
    media = Image.from_numpy(pixels)
    return DatasetItem(id=name, subset=split, media=media, annotations=list(annotations))


def polygon(label: int) -> Polygon:
    return Polygon(list(TRIANGLE), label=label, id=1, group=1)


def box(label: int) -> Bbox:
    left, top, right, bottom = BOX
    return Bbox(left, top, right - left, bottom - top, label=label, id=1, group=1)


def outer_box(label: int) -> Bbox:
    """The box around the triangle, of the same object."""
    return Bbox(10, 5, 30.5, 30.5, label=label, id=1, group=1)


def mask(label: int, size: tuple[int, int]) -> Mask:
    return Mask(triangle_mask(size), label=label, id=1, group=1)


def shapes(kinds: Sequence[str], number: int, label: int) -> list[Any]:
    made = {
        "polygon": lambda: polygon(label),
        "box": lambda: box(label),
        "outer box": lambda: outer_box(label),
        "mask": lambda: mask(label, size_of(number)),
        "label": lambda: Label(label),
    }
    return [made[kind]() for kind in kinds]


SPLITS = (("train", 0), ("train", 1), ("val", 0), ("val", 1), ("val", 1))
"""Split and label of each photo."""


def export(root: Path, form: str, kinds: Sequence[str]) -> Path:
    """Write five photos with annotations of ``kinds``."""
    items = [
        item(number, split, shapes(kinds, number, label))
        for number, (split, label) in enumerate(SPLITS)
    ]
    return export_items(root, form, items)


def export_items(root: Path, form: str, items: Iterable[DatasetItem]) -> Path:
    made = Exported.from_iterable(list(items), categories=list(CLASSES))
    made.export(str(root), form, save_media=True)
    return root


Make = Callable[..., Dataset]


@pytest.fixture
def make() -> Make:
    def build(root: Path, **params: Any) -> Dataset:
        made = make_datumaro(DatumaroParams(root=root, **params), cast(Context, None))
        return cast(Dataset, made)

    return build


@pytest.fixture
def refuse(make: Make) -> Callable[..., str]:
    def message(root: Path, **params: Any) -> str:
        with pytest.raises(RatevalError) as caught:
            make(root, **params)
        return str(caught.value)

    return message


def read(split: Split | None) -> list[Sample | Skipped]:
    assert split is not None
    return list(split.samples(range(len(split))))


def samples(split: Split | None) -> dict[str, Sample]:
    """Name of a photo without folder and ending to its sample."""
    found = read(split)
    assert all(isinstance(one, Sample) for one in found), found
    return {Path(one.id).stem: one for one in found if isinstance(one, Sample)}


class Forms:
    """What tests use of this module."""

    box = staticmethod(box)
    box_mask = staticmethod(box_mask)
    export = staticmethod(export)
    export_items = staticmethod(export_items)
    item = staticmethod(item)
    polygon = staticmethod(polygon)
    read = staticmethod(read)
    samples = staticmethod(samples)
    size_of = staticmethod(size_of)
    splits = SPLITS
    triangle = TRIANGLE
    triangle_mask = staticmethod(triangle_mask)


@pytest.fixture
def forms() -> Forms:
    return Forms()
