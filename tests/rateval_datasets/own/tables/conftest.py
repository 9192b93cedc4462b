"""Small tables of photos."""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from rateval.api import Context, Dataset, RatevalError, Sample, Skipped, Split
from rateval_datasets.own.table import make_table
from rateval_datasets.own.tables.params import TableParams

SIZE = (40, 60)
"""Rows and columns of the photos."""


def photo(path: Path, orientation: int = 1) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    exif = Image.Exif()
    exif[0x0112] = orientation
    pixels = np.random.default_rng(len(path.name)).integers(0, 256, (*SIZE, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path, exif=exif)


def mask(path: Path) -> NDArray[np.bool_]:
    drawn = box_mask()
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(drawn.astype(np.uint8) * 3).save(path)
    return drawn


def box_mask() -> NDArray[np.bool_]:
    """The pixels of the box 10, 5, 31, 20."""
    drawn = np.zeros(SIZE, dtype=np.bool_)
    drawn[5:20, 10:31] = True
    return drawn


def triangle_mask() -> NDArray[np.bool_]:
    """The pixels of the triangle 10, 5, 40.5, 5, 10, 35.5."""
    y, x = (np.indices(SIZE) + 0.5)[:2]
    return cast(NDArray[np.bool_], (x >= 10) & (y >= 5) & (x + y < 45.5))


def write(path: Path, header: Sequence[str], *rows: Sequence[object], **options: Any) -> Path:
    """Write a CSV with the photos of its column image, all below the folder of the table."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, **options).writerows([header, *rows])
    for row in rows:
        named = dict(zip(header, row, strict=False)).get("image")
        if named and "." in str(named) and not (path.parent / str(named)).exists():
            photo(path.parent / str(named))
    return path


class Tables:
    """What tests use of this module."""

    size = SIZE
    box_mask = staticmethod(box_mask)
    mask = staticmethod(mask)
    photo = staticmethod(photo)
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
    def reason(split: Split, at: int = 0) -> str:
        found = split.samples([at])[0]
        assert isinstance(found, Skipped), found
        return found.reason


@pytest.fixture
def tables() -> Tables:
    return Tables()


@pytest.fixture
def make() -> Callable[..., Dataset]:
    def build(file: Path, **params: Any) -> Dataset:
        given = TableParams(file=file, **params)
        return cast(Dataset, make_table(given, cast(Context, None)))

    return build


@pytest.fixture
def refuse(make: Callable[..., Dataset]) -> Callable[..., str]:
    def message(file: Path, **params: Any) -> str:
        with pytest.raises(RatevalError) as caught:
            make(file, **params)
        assert "\n" not in str(caught.value)
        return str(caught.value)

    return message
