"""Relevance maps from files, for explainers that ran elsewhere."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

from rateval.api import Classifier, Context, Explanation, RatevalError
from rateval.modelkit import list_some, names_in_archive
from rateval_attention.params import PrecomputedParams


class PrecomputedMaps:
    """An attribution that looks each sample's map up by its id.

    The predictions are the study's own, so that the maps must be of the same classifier.
    """

    def __init__(self, params: PrecomputedParams) -> None:
        self._params = params
        self._maps = open_maps(Path(params.path).expanduser())

    def explain(
        self,
        classifier: Classifier,
        images: torch.Tensor,
        labels: torch.Tensor,
        ids: Sequence[str] | None = None,
    ) -> Explanation:
        """Return the maps of ``ids``, averaged over each patch where they are finer than the grid.

        Raises RatevalError when a map is missing, coarser than the grid, not finite or negative.
        """
        if ids is None:
            raise RatevalError("precomputed: maps are looked up by the samples' ids; give ids")
        absent = [name for name in ids if name not in self._maps]
        if absent:
            raise RatevalError(
                f"precomputed: {self._params.path} holds no map for {list_some(absent)}; give one "
                "for every sample of the test split, under the id that the study's rows have"
            )
        grid = classifier.model.grid
        fitted = [self._fit(name, grid) for name in ids]
        return Explanation(torch.stack(fitted).to(images.device))

    def _fit(self, name: str, grid: tuple[int, int]) -> torch.Tensor:
        given = self._maps[name]
        real = given.dtype.kind in "buif"
        if not real or given.ndim != 2 or given.shape[0] < grid[0] or given.shape[1] < grid[1]:
            raise RatevalError(
                f'precomputed: the map of "{name}" is {given.shape} {given.dtype}; it must be '
                f"real numbers, (rows, columns) of at least the model's {grid} patches"
            )
        found = given.astype(np.float32)
        if self._params.negative == "zero":
            found = np.maximum(found, 0)  # NaN stays NaN
        if not np.isfinite(found).all():
            raise RatevalError(
                f'precomputed: the map of "{name}" has values that are NaN or infinite, which '
                "relevance never is: mend the file"
            )
        if (found < 0).any():
            raise RatevalError(
                f'precomputed: the map of "{name}" has negative values, which relevance never has: '
                'mend the file, or set negative = "zero" to take them for 0'
            )
        return F.adaptive_avg_pool2d(torch.from_numpy(found)[None], grid)[0]


def make_precomputed(params: PrecomputedParams, context: Context) -> PrecomputedMaps:
    """Make the attribution. Raises RatevalError when its file is absent or not as it should be."""
    return PrecomputedMaps(params)


def open_maps(path: Path) -> Mapping[str, NDArray[np.floating]]:
    """Open a file or folder of maps: id to (rows, columns).

    Raises RatevalError when there is none, or it is not one of the two forms.
    """
    if path.is_dir():
        return _Folder(path)
    if zipfile.is_zipfile(path):
        try:
            names_in_archive(path)
        except RatevalError as error:
            raise RatevalError(f"precomputed: path = {error}") from error
    with _reading(path), path.open("rb") as file:
        archive = np.load(file, allow_pickle=False)
        if not isinstance(archive, np.lib.npyio.NpzFile):
            raise ValueError("it holds one array, without ids")
        with archive:
            ids, maps = archive["ids"], archive["relevance"]
    if maps.ndim != 3 or ids.shape != maps.shape[:1] or len(set(ids.tolist())) != len(ids):
        raise RatevalError(
            f"precomputed: path = {path}: ids {ids.shape} and relevance {maps.shape} don't fit: "
            "there must be one id, none twice, for each of (N, rows, columns)"
        )
    return dict(zip(map(str, ids), maps, strict=True))


_FORMS = (
    "give a .npz file with ids (N,) and relevance (N, rows, columns), or a folder with a file "
    "<id>.npy for each sample"
)


_FAULTS = (
    *(OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error),
    # Of a header that asks for more than there is, or is nested without an end.
    *(MemoryError, RecursionError, SyntaxError),
)


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    # A damaged archive makes numpy stumble in any of many ways; pickles it refuses as ValueError.
    try:
        yield
    except _FAULTS as error:
        raise RatevalError(
            f"precomputed: path = {path}: cannot be read: {error}; {_FORMS}"
        ) from error


class _Folder(dict[str, NDArray[np.floating]]):
    """A folder of maps: each ``<id>.npy`` is read when it is asked for."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._folder = folder

    def __contains__(self, name: object) -> bool:
        return (self._folder / f"{name}.npy").is_file()

    def __missing__(self, name: str) -> NDArray[np.floating]:
        path = self._folder / f"{name}.npy"
        with _reading(path), path.open("rb") as file:
            found: NDArray[np.floating] = np.lib.format.read_array(file, allow_pickle=False)
        return found
