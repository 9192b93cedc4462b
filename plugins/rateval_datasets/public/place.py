"""Where a dataset lies when the folder that was given is one too deep, or one too shallow."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from rateval.api import RatevalError
from rateval_datasets.layout import Layout, folders_in, printable

_LEVELS_UP = 4
_LEVELS_DOWN = 2
_MOST = 200
"""Folders that are looked into, at most."""


@contextmanager
def saying_where(layout: Layout, given: Path, is_whole: Callable[[Path], bool]) -> Iterator[None]:
    """Say of what is missing within the context that the dataset lies above or below ``given``.

    ``is_whole`` says of a folder whether the dataset lies there. Raises RatevalError, the one that
    was raised where the dataset lies nowhere near.
    """
    try:
        yield
    except RatevalError as error:
        if not _is(Path.is_dir, given) or _is(is_whole, given):
            raise
        where = _look_above(given, is_whole) or _look_below(given, is_whole)
        if not where:
            raise
        raise RatevalError(
            f"{layout.dataset}: {printable(f'{given} {where}')}, which holds {layout.tree} "
            "(docs/datasets.md)"
        ) from error


def _look_above(given: Path, is_whole: Callable[[Path], bool]) -> str:
    shown = list(given.parents)
    for at, above in enumerate(given.absolute().parents[:_LEVELS_UP]):
        if _is(is_whole, above):
            name = shown[at] if at < len(shown) else above
            return f"lies inside the dataset: give the folder above, {name}"
    return ""


def _look_below(given: Path, is_whole: Callable[[Path], bool]) -> str:
    level = [given]
    for _ in range(_LEVELS_DOWN):
        level = [one for folder in level for one in _list(folder)][:_MOST]
        for below in level:
            if _is(is_whole, below):
                return f"lies above the dataset: give the folder below, {below}"
    return ""


def _list(folder: Path) -> list[Path]:
    with suppress(RatevalError):
        return [folder / name for name in folders_in(folder)]
    return []


def _is(asked: Callable[[Path], bool], path: Path) -> bool:
    with suppress(OSError, ValueError, RatevalError):
        return asked(path)
    return False
