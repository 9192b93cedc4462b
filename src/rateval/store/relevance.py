"""A file of relevance maps, written part by part, so that memory holds none but one of them."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np
import safetensors

from rateval.store.disk import writing
from rateval.store.remote.fetching import fetched

if TYPE_CHECKING:
    from numpy.typing import NDArray

RELEVANCE = "relevance.safetensors"


class RelevanceWriter:
    """Relevance maps (N, rows, cols) float16 that are written one part after the other.

    ``shape`` is that of all of them. The file has the bytes that safetensors itself writes. Raises
    StudyError when the disk refuses it.
    """

    def __init__(self, folder: Path, shape: tuple[int, int, int]) -> None:
        self._path = folder / RELEVANCE
        self._shape, self._left = shape, shape[0]
        size = 2 * math.prod(shape)
        told = {"relevance": {"dtype": "F16", "shape": shape, "data_offsets": [0, size]}}
        header = json.dumps(told, separators=(",", ":")).encode()
        header += b" " * (-len(header) % 8)
        with writing(self._path):
            self._file = self._path.open("wb")
            self._file.write(len(header).to_bytes(8, "little") + header)

    def write(self, maps: NDArray[np.float16]) -> None:
        """Append maps (n, rows, cols)."""
        assert maps.dtype == np.float16 and maps.shape[1:] == self._shape[1:]
        self._left -= len(maps)
        with writing(self._path):
            self._file.write(np.ascontiguousarray(maps, "<f2").data)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        with writing(self._path):
            self._file.close()
        assert kind is not None or not self._left, "maps are missing"


def read_shape(folder: Path) -> tuple[int, int, int]:
    """Return the number of stored maps, their rows and their columns; no map is read."""
    with safetensors.safe_open(fetched(folder / RELEVANCE), framework="numpy") as file:
        count, rows, cols = file.get_slice("relevance").get_shape()
    return count, rows, cols
