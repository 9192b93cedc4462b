"""Where the paths of a table or of a COCO file begin."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from rateval_datasets.layout import folders_in

_LOOKED_AT = 50


def find_root(paths: Sequence[str], folders: Iterable[Path]) -> Path | None:
    """Return the folder below which most of some paths are files, the first of several.

    None where there is no such folder.
    """
    some = paths[:: max(1, -(-len(paths) // _LOOKED_AT))]
    best, most = None, 0
    for folder in dict.fromkeys(folders):
        count = sum(_is_file(folder, path) for path in some)
        if count > most:
            best, most = folder, count
        if count == len(some):
            break
    return best


def _is_file(folder: Path, path: str) -> bool:
    try:
        return (folder / path).is_file()
    except (OSError, ValueError):  # too long, or with a NUL
        return False


def folders_below(base: Path, names: Sequence[str] = ()) -> list[Path]:
    """Return a folder and those in it and in its ``images``, those of these names first."""
    images = base / "images"
    inner = [folder / name for name in names for folder in (images, base)]
    inner += [images, *(base / name for name in folders_in(base))]
    inner += [images / name for name in folders_in(images)]
    return [base, *(folder for folder in inner if folder.is_dir())]
