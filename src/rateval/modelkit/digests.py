"""Digests of the bytes of files."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

from rateval.errors import RatevalError
from rateval.store.disk import digest_file


def digest_of(path: Path) -> str:
    """Return the sha256 of a file in hex.

    Raises RatevalError when it cannot be read.
    """
    try:
        return digest_file(path)
    except OSError as error:
        raise RatevalError(f"{path}: cannot be read: {error.strerror}") from error


def digest_files(paths: Mapping[str, Path | None]) -> str:
    """Return one sha256 in hex of several files' bytes, as a ``Component.digest`` does.

    ``paths`` maps what a file is for, such as ``"weights"``, to its path, so that a renamed
    checkpoint stays the same one; None is left out. Raises RatevalError when one cannot be read.

    >>> digest_files({}) == digest_files({"weights": None})
    True
    """
    return digest_sums({role: digest_of(path) for role, path in paths.items() if path is not None})


def digest_sums(sums: Mapping[str, str]) -> str:
    """Return what ``digest_files`` makes of files whose sha256 in hex are known.

    >>> digest_sums({}) == digest_files({})
    True
    """
    return hashlib.sha256(json.dumps(sums, sort_keys=True).encode()).hexdigest()
