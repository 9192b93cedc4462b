"""Read numbers and texts from MATLAB's MAT-files of level 5, compressed or not.

Caltech-101 and Stanford Dogs keep their annotations and lists in such files; scipy would be a large
thing to install for them. Objects, structures and sparse matrices are not read. Source: MathWorks,
"MAT-File Format", level 5.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Value = NDArray[Any]
"""Numbers as they are stored, texts as (rows,) of str, cells as an object array of values."""

_NUMBERS = {
    1: "i1", 2: "u1", 3: "i2", 4: "u2", 5: "i4", 6: "u4", 7: "f4", 9: "f8", 12: "i8", 13: "u8",
}  # fmt: skip
_CODECS = {
    1: "latin-1", 2: "latin-1", 4: "utf-16-le", 16: "utf-8", 17: "utf-16-le", 18: "utf-32-le",
}  # fmt: skip
_MATRIX, _COMPRESSED = 14, 15
_CELL, _CHAR = 1, 4
_NUMERIC = range(6, 16)
_COMPLEX = 0x0800
_HEADER = 128
_LARGEST = 1 << 28
"""Bytes that a compressed variable may have; the largest list of the datasets read has 2 MB."""


def read_mat(path: Path, names: tuple[str, ...]) -> dict[str, Value]:
    """Read the variables ``names`` from a file, which may hold others.

    Raises OSError when it cannot be read, and ValueError when it is no such file, is damaged or
    lacks one of them.
    """
    data = path.read_bytes()
    try:
        found = dict(_variables(data, names))
    except (struct.error, zlib.error, LookupError, RecursionError) as error:
        raise ValueError(f"damaged MAT-file: {type(error).__name__}: {error}") from error
    for name in names:
        if name not in found:
            raise ValueError(f"the MAT-file has no variable {name!r}")
    return found


def _variables(data: bytes, names: tuple[str, ...]) -> Iterator[tuple[str, Value]]:
    if not data.startswith(b"MATLAB 5.0") or data[126:_HEADER] != b"IM":
        raise ValueError("not a little-endian MAT-file of level 5")
    for kind, content in _elements(data, _HEADER):
        if kind == _COMPRESSED:
            kind, content = next(_elements(_inflate(content)), (0, b""))
        if kind == _MATRIX:
            name, value = _matrix(content, names)
            if value is not None:
                yield name, value


def _inflate(content: bytes) -> bytes:
    inflater = zlib.decompressobj()
    data = inflater.decompress(content, _LARGEST)
    if inflater.unconsumed_tail:
        raise ValueError(f"a compressed variable has more than {_LARGEST} bytes")
    return data


def _elements(data: bytes, start: int = 0) -> Iterator[tuple[int, bytes]]:
    """Yield (type, content) of the elements from ``start`` on."""
    at = start
    while at + 8 <= len(data):
        kind, count = struct.unpack_from("<II", data, at)
        if kind >> 16:  # up to four bytes are packed into the tag itself
            kind, count, begin, step = kind & 0xFFFF, kind >> 16, at + 4, 8
        else:
            # A compressed element is the only one that is not filled up to eight bytes.
            filled = count if kind == _COMPRESSED else (count + 7) // 8 * 8
            begin, step = at + 8, 8 + filled
        if begin + count > len(data):
            raise ValueError("damaged MAT-file: it ends within a variable")
        yield kind, data[begin : begin + count]
        at += step


def _matrix(content: bytes, names: tuple[str, ...] | None) -> tuple[str, Value | None]:
    """Read one array; None when it isn't among ``names``, which None means any."""
    parts = list(_elements(content))
    if not parts:  # MATLAB writes an empty cell like this
        return "", np.empty((0, 0))
    flags = struct.unpack_from("<I", parts[0][1])[0]
    kind = flags & 0xFF
    shape = tuple(np.frombuffer(parts[1][1], "<i4").tolist())
    name = parts[2][1].decode("latin-1")
    if names is not None and name not in names:
        return name, None
    if kind == _CELL:
        cells = np.empty(len(parts) - 3, dtype=object)
        for at, (_, cell) in enumerate(parts[3:]):
            cells[at] = _matrix(cell, None)[1]
        return name, cells.reshape(shape, order="F")
    stored, data = parts[3]
    if kind == _CHAR:
        return name, _rows_of_text(data, stored, shape)
    if kind not in _NUMERIC or flags & _COMPLEX:
        raise ValueError(f"the variable {name!r} holds neither real numbers, text nor cells")
    return name, np.frombuffer(data, "<" + _NUMBERS[stored]).reshape(shape, order="F")


def _rows_of_text(data: bytes, stored: int, shape: tuple[int, ...]) -> Value:
    codec = _CODECS[stored]
    if 0 in shape:
        return np.array([""], dtype=object)
    letters = np.array(list(data.decode(codec)), dtype=object).reshape(shape, order="F")
    return np.array(["".join(row) for row in letters.reshape(shape[0], -1)], dtype=object)
