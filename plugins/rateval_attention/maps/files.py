"""A file or folder of relevance maps, opened."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rateval.api import RatevalError
from rateval.modelkit import names_in_archive


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
