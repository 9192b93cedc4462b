"""A contact sheet from a dataset to files."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from rateval.api.training import Monitor
from rateval.errors import RatevalError
from rateval.inspection.opening import Opened
from rateval.inspection.sheet.html import write_html
from rateval.inspection.sheet.picking import Candidate, find_candidates, find_label, pick
from rateval.inspection.sheet.png import write_png
from rateval.inspection.sheet.tiles import make_tiles, name_splits
from rateval.inspection.views import View
from rateval.json_file import write_whole
from rateval.wording import suggest

SIDE = 240
"""Pixels of a picture's longer side on a sheet."""
Pictures = Literal["stored", "model", "both"]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a contact sheet shows."""

    count: int = 48
    class_name: str | None = None
    split: str | None = None
    """None is every split."""
    only: str | None = None
    """One of ``ONLY``; None is any sample."""
    pictures: Pictures = "stored"


@dataclass(frozen=True, slots=True)
class Files:
    """Where a contact sheet is written to; None is not at all."""

    html: Path | None
    png: Path | None


def write_sheet(
    opened: Opened,
    wanted: Wanted,
    files: Files,
    views: Sequence[View],
    monitor: Monitor,
    readers: int,
) -> str | None:
    """Write a contact sheet and return what is on it; None, and no file, where nothing fits.

    Raises RatevalError for a class or split that isn't there, and for files that can't be written.
    """
    for path in filter(None, (files.html, files.png)):
        require_place(path)
    splits = dict(opened.splits)
    if wanted.split is not None:
        if wanted.split not in splits:
            hint = suggest(wanted.split, splits)
            raise RatevalError(f"--split {wanted.split}: {opened.label} has no such split; {hint}")
        splits = {wanted.split: splits[wanted.split]}
    label = None if wanted.class_name is None else find_label(opened, wanted.class_name)
    candidates = find_candidates(
        opened, splits, views, monitor, readers, label=label, only=wanted.only
    )
    if not candidates:
        return None
    picked = pick(candidates, wanted.count)
    said = name_splits(splits, picked)
    _write(opened, wanted, files, views, picked, readers, [said, *_describe(wanted, candidates)])
    return said


def _describe(wanted: Wanted, candidates: Sequence[Candidate]) -> list[str]:
    what = []
    if wanted.class_name is not None:
        what.append(f"class {wanted.class_name}")
    if wanted.only is not None:
        what.append(f"only {wanted.only}")
    return [f"{', '.join(what)}: {len(candidates):,} in all"] if what else []


def _write(
    opened: Opened,
    wanted: Wanted,
    files: Files,
    views: Sequence[View],
    picked: Sequence[Candidate],
    readers: int,
    about: Sequence[str],
) -> None:
    tiles = list(
        make_tiles(
            picked,
            opened,
            stored=wanted.pictures != "model",
            views=() if wanted.pictures == "stored" else views,
            side=SIDE,
            readers=readers,
        )
    )
    if files.html is not None:
        save(files.html, write_html(opened.label, about, tiles))
    if files.png is not None:
        save(files.png, write_png(f"{opened.label}: {about[0]}", tiles, SIDE))


def require_place(path: Path) -> None:
    """Raise RatevalError where no file can be: found out before minutes of reading."""
    if path.is_dir():
        raise RatevalError(f"{path}: is a folder; give a file in it, such as {path / 'sheet.html'}")
    if not path.parent.is_dir():
        raise RatevalError(f"{path}: there is no folder {path.parent}; make it first")


def save(path: Path, content: str | bytes) -> None:
    """Write a file whole. Raises RatevalError where it can't be written."""
    try:
        write_whole(path, content)
    except OSError as error:
        raise RatevalError(
            f"{path}: cannot be written: {error.strerror}; give another file"
        ) from error


def default_path(label: str) -> Path:
    """Return the file of a contact sheet that nobody named.

    >>> default_path("my kettles/v2").name
    'my-kettles-v2.html'
    """
    name = re.sub(r"[^\w.-]+", "-", label).strip("-.")
    return Path(f"{name or 'dataset'}.html")
