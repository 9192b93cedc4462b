"""Numbers and texts from MATLAB's MAT-files of level 5, as Caltech-101 and Stanford Dogs have them.

scipy reads them, but it follows what a file says of itself: cells within cells without end crash
the process, as do types that do not exist, and a text may claim any length. So the outline of a
variable is checked before scipy sees it. Source: MathWorks, "MAT-File Format", level 5.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator
from itertools import islice
from math import prod
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.io import loadmat
from scipy.io.matlab import MatReadError

from rateval_datasets.layout import read_file

Value = NDArray[Any]
"""Numbers as they are stored, texts as (rows,) of str, cells as an object array of values."""

_MATRIX, _COMPRESSED, _FLAGS, _SHAPE = 14, 15, 6, 5
_CELL, _CHAR = 1, 4
_NUMERIC = range(6, 16)
_COMPLEX = 0x0800
_STORED_NUMBERS = frozenset({1, 2, 3, 4, 5, 6, 7, 9, 12, 13})
_STORED_TEXT = frozenset({1, 2, 4, 16, 17, 18})
_HEADER = 128
_DEEPEST = 16
"""Cells within cells; the datasets read have one level of them."""
_LARGEST = 1 << 28
"""Bytes that a file, or a compressed variable, may have; the largest list read has 2 MB."""


def read_mat(
    path: Path, names: tuple[str, ...], optional: tuple[str, ...] = ()
) -> dict[str, Value]:
    """Read the variables ``names``, and those of ``optional`` that are there, from a file.

    Raises OSError when it cannot be read, and ValueError when it is no such file, is damaged or
    lacks one of them.
    """
    data = read_file(path, _LARGEST)
    try:
        found = dict(_variables(data, names + optional))
    except (struct.error, zlib.error, LookupError, TypeError, MemoryError, MatReadError) as error:
        raise ValueError(f"damaged MAT-file: {type(error).__name__}: {error}") from error
    for name in names:
        if name not in found:
            raise ValueError(f"the MAT-file has no variable {name!r}")
    return found


def read_numbers(path: Path, names: tuple[str, ...]) -> dict[str, NDArray[np.float64]]:
    """Read variables like ``read_mat``, as float64; ValueError also names one without numbers."""
    found = read_mat(path, names)
    for name, value in found.items():
        if value.dtype.kind not in "iuf":
            raise ValueError(f"the variable {name!r} holds no numbers")
    return {name: value.astype(np.float64) for name, value in found.items()}


def _variables(data: bytes, names: tuple[str, ...]) -> Iterator[tuple[str, Value]]:
    if not data.startswith(b"MATLAB 5.0") or data[126:_HEADER] != b"IM":
        raise ValueError("not a little-endian MAT-file of level 5")
    for element in _elements(data, _HEADER, len(data)):
        content, kind = data[element.start : element.end], element.kind
        if kind == _COMPRESSED:
            content = _inflate(content)
            element = next(_elements(content, 0, len(content)), _Element(0, 0, 0))
            content, kind = content[element.start : element.end], element.kind
        if kind == _MATRIX:
            name = _name(content)
            if name in names:
                _require_sound(name, content)
                yield name, _load(name, data[:_HEADER], content)


def _load(name: str, header: bytes, content: bytes) -> Value:
    alone = header + struct.pack("<II", _MATRIX, len(content)) + content
    value: Value = loadmat(io.BytesIO(alone), variable_names=[name])[name]
    # MATLAB's empty text has no row; here it is one row without letters.
    return np.array([""]) if value.dtype.kind == "U" and not value.size else value


class _Element(NamedTuple):
    kind: int
    start: int
    end: int


def _elements(data: bytes, at: int, end: int) -> Iterator[_Element]:
    """Yield the elements that lie one after the other within ``data[at:end]``."""
    while at + 8 <= end:
        kind, count = struct.unpack_from("<II", data, at)
        if kind >> 16:  # up to four bytes are packed into the tag itself
            element = _Element(kind & 0xFFFF, at + 4, at + 4 + (kind >> 16))
            if kind >> 16 > 4:
                raise ValueError("damaged MAT-file: a tag holds more than it can")
            at += 8
        else:
            element = _Element(kind, at + 8, at + 8 + count)
            # A compressed element is the only one that is not filled up to eight bytes.
            at = element.end if kind == _COMPRESSED else at + 8 + (count + 7) // 8 * 8
        if element.end > end:
            raise ValueError("damaged MAT-file: it ends within a variable")
        yield element


def _inflate(content: bytes) -> bytes:
    inflater = zlib.decompressobj()
    data = inflater.decompress(content, _LARGEST)
    if inflater.unconsumed_tail:
        raise ValueError(f"a compressed variable has more than {_LARGEST} bytes")
    return data


def _name(content: bytes) -> str:
    parts = islice(_elements(content, 0, len(content)), 2, 3)
    return next((content[part.start : part.end].decode("latin-1") for part in parts), "")


def _require_sound(name: str, content: bytes) -> None:
    """Raise ValueError unless an array, and all in its cells, holds what its outline says."""
    waiting = [(0, len(content), 1)]
    while waiting:
        start, end, depth = waiting.pop()
        found = list(_elements(content, start, end))
        if [(part.kind, part.start % 8) for part in found[:2]] != [(_FLAGS, 0), (_SHAPE, 0)]:
            raise ValueError(f"damaged MAT-file: the variable {name!r} has no shape")
        flags, shape, *parts = found[:2] + found[3:]
        kind = struct.unpack_from("<I", content, flags.start)[0]
        lengths = np.frombuffer(content[shape.start : shape.end], "<i4").tolist()
        stored = _STORED_TEXT if kind & 0xFF == _CHAR else _STORED_NUMBERS
        if kind & 0xFF == _CELL:
            sound = len(parts) == prod(lengths) and all(part.kind == _MATRIX for part in parts)
            # MATLAB writes an empty cell as an array of no bytes.
            waiting += [(p.start, p.end, depth + 1) for p in parts if p.end > p.start]
        elif kind & 0xFF not in (_CHAR, *_NUMERIC) or kind & _COMPLEX:
            raise ValueError(f"the variable {name!r} holds neither real numbers, text nor cells")
        else:  # no letter and no number takes less than a byte
            sound = len(parts) == 1 and prod(lengths) <= parts[0].end - parts[0].start
            sound = sound and parts[0].kind in stored
        if not sound or min(lengths, default=-1) < 0:
            raise ValueError(f"damaged MAT-file: the variable {name!r} is not of its shape")
        if depth > _DEEPEST:
            raise ValueError(f"the variable {name!r} has cells more than {_DEEPEST} levels deep")
