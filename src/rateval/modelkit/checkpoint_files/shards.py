"""The files that weights lie in: one, or the shards that an index names. No torch."""

from __future__ import annotations

import reprlib
from collections.abc import Mapping
from pathlib import Path

from rateval.errors import RatevalError
from rateval.json_file import read_json
from rateval.wording import list_some

INDEX_SUFFIX = ".index.json"
"""What transformers and open_clip call the file that says which shard holds which weight."""
_LONGEST_NAME = 255
"""Bytes of a file's name, on every common file system."""


def is_index(path: Path) -> bool:
    """Return whether a file is an index of shards, by its name.

    >>> is_index(Path("model.safetensors.index.json")), is_index(Path("config.json"))
    (True, False)
    """
    return path.name.endswith(INDEX_SUFFIX)


def weight_files(path: Path) -> dict[str, Path]:
    """Return the files behind a checkpoint by what they are for, as ``digest_files`` takes them.

    They are the file itself as ``weights``, or an index as ``index`` and every shard by its name.
    Raises RatevalError when the index is none, or a shard is missing.

    >>> list(weight_files(Path("mine.pt")))
    ['weights']
    """
    if not is_index(path):
        return {"weights": path}
    return {"index": path} | {file.name: file for file in locate_shards(path)}


def locate_shards(index: Path) -> tuple[Path, ...]:
    """Return the files that an index names, sorted; they lie beside it.

    Raises RatevalError when it names none, one that is not there, or one elsewhere.
    """
    names = sorted(set(read_index(index).values()))
    missing = [name for name in names if not (index.parent / name).is_file()]
    if missing or not names:
        raise RatevalError(
            f"{index}: names weights that are not in the folder: "
            f"{list_some(missing) or 'none at all'}; copy the whole folder again"
        )
    return tuple(index.parent / name for name in names)


def read_index(index: Path) -> Mapping[str, str]:
    """Return which file holds each weight, as an index says.

    Raises RatevalError unless each is the name of a file in the same folder.
    """
    parts = read_json(index).get("weight_map")
    if not isinstance(parts, dict):
        raise RatevalError(
            f"{index}: weight_map = {reprlib.repr(parts)}: must be a table that names the file of "
            "each weight; copy the whole folder again"
        )
    for name in parts.values():
        # A file beside the index, whatever its name says; caches make them links to elsewhere.
        if (
            not isinstance(name, str)
            or not name.isprintable()
            or name != Path(name).name
            or len(name.encode("utf-8", "replace")) > _LONGEST_NAME
        ):
            raise RatevalError(
                f"{index}: weight_map names {name!r:.100}: must be the name of a file in the same "
                "folder; copy the whole folder again"
            )
    return parts
