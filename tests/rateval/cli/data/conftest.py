"""Small folders of photos with masks, in which a test plants what is wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

SIZE = (40, 60)
"""Rows and columns of a photo."""


class Photos:
    """A folder ``photos`` and one of ``masks`` in the current one; every picture is another."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._drawn = 0

    def add(
        self,
        name: str,
        mask: NDArray[np.bool_] | None = None,
        size: tuple[int, int] = SIZE,
        **options: Any,
    ) -> Path:
        """Save a photo such as ``test/cup/1.png``, and its mask if it has one."""
        self._drawn += 1
        pixels = np.random.default_rng(self._drawn).integers(0, 256, (*size, 3), dtype=np.uint8)
        path = self.place(name)
        Image.fromarray(pixels).save(path, **options)
        if mask is not None:
            file = self.folder / "masks" / Path(name).with_suffix(".png")
            file.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(mask.astype(np.uint8) * 255).save(file)
        return path

    def place(self, name: str) -> Path:
        path = self.folder / "photos" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def sound(self, classes: tuple[str, ...] = ("cup", "pan"), count: int = 3) -> None:
        """Add photos of both splits with evidence in their middle: nothing is wrong with them."""
        for split in ("test", "train"):
            for label in classes:
                for number in range(count):
                    self.add(f"{split}/{label}/{number}.png", box(12, 28, 22, 38))

    @staticmethod
    def box(top: int, bottom: int, left: int, right: int, size: tuple[int, int] = SIZE) -> Any:
        """Return a mask of a box."""
        return box(top, bottom, left, right, size)


def box(top: int, bottom: int, left: int, right: int, size: tuple[int, int] = SIZE) -> Any:
    mask = np.zeros(size, dtype=np.bool_)
    mask[top:bottom, left:right] = True
    return mask


@pytest.fixture
def photos(tmp_path: Path) -> Photos:
    return Photos(tmp_path)
