"""The pictures of units that two runs have in common."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from rateval.records.about.pictures import PicturesRecord
from rateval.records.run import RunRecord
from rateval.report.html.compared.tested import Named
from rateval.report.html.gallery import COLUMNS, describe_picture, read_images
from rateval.report.html.gallery_budget import Data

if TYPE_CHECKING:
    from numpy.typing import NDArray

Kept = tuple[RunRecord, PicturesRecord | None]
"""A run, and the pictures of a test that it kept."""


class Views:
    """Pictures of the units of both runs that either kept one of.

    ``shared`` are the ids of these units; those in ``first`` come first. Where the models' views
    lie ``apart``, each run's own picture is kept, and none stands in for the other's. ``indices``
    has for each cell the position of each id in its test split. ``beside`` is a folder and the
    beginning of its pictures' paths, for a page with its pictures beside it.
    """

    def __init__(
        self,
        candidate: Kept,
        baseline: Kept,
        *,
        shared: Set[str],
        first: Set[str],
        apart: bool,
        indices: Mapping[Named, Mapping[str, int]],
        beside: tuple[Path, str] | None,
    ) -> None:
        rows = [_read(kept, shared) for kept in (candidate, baseline)]
        self._beside, self._apart, self._indices = beside, apart, indices
        self._written = 0
        ids = list(dict.fromkeys(name for found in rows for name in found))
        ids.sort(key=lambda name: name not in first)  # stable
        self.images = [
            self._describe(at, name, rows[0].get(name), rows[1].get(name))
            for at, name in enumerate(ids)
        ]
        self.sampling = _tell_sampling(rows, len(ids), len(shared))

    def places(self, cell: Named) -> NDArray[np.int64]:
        """Return the position of each image in the test split of a cell, (k,)."""
        known = self._indices[cell]
        return np.array([known[image["id"]] for image in self.images], dtype=np.int64)

    def _describe(self, at: int, name: str, ours: Data | None, theirs: Data | None) -> Data:
        if self._apart:
            told = self._picture(ours, name, at)
            return told | {"other": self._picture(theirs, name, at)}
        found = [row for row in (theirs, ours) if row is not None]
        best = next((row for row in found if row["picture"] is not None), found[0])
        return self._picture(best, name, at)

    def _picture(self, row: Data | None, name: str, at: int) -> Data:
        if row is None:
            why = "this run kept none of it, and the other run's is another view"
            return dict.fromkeys(COLUMNS) | {"id": name, "index": at, "undefined": why}
        told = {column: row[column] for column in COLUMNS} | {"index": at}
        if self._beside is None:
            return told | describe_picture(row, "")
        folder, start = self._beside
        path = f"{start}-{self._written}.webp"
        if row["picture"] is not None:
            self._written += 1
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(row["picture"])
        return told | describe_picture(row, path)


def _read(kept: Kept, shared: Set[str]) -> dict[str, Data]:
    record, pictures = kept
    rows = read_images(record, pictures) if pictures else []
    return {row["id"]: row for row in rows if row["id"] in shared}


def _tell_sampling(rows: Sequence[Mapping[str, Data]], count: int, of: int) -> str:
    if not count:
        return ""
    candidate, baseline = map(len, rows)
    if count == of:
        return f"All {of:,} units of both runs are shown."
    return (
        f"{count:,} of {of:,} units of both runs are shown: the baseline kept pictures of "
        f"{baseline:,}, the candidate of {candidate:,}. They are no random sample: each run drew "
        "from the quadrants and transitions of its own methods, rare ones first."
    )
