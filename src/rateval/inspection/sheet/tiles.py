"""The tiles of a contact sheet: a sample's pictures and what is said below them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from PIL import Image

from rateval.api.protocols import Split
from rateval.api.values import Sample, Skipped
from rateval.data.evidence import find_evidence
from rateval.data.shapes import leave_out_long
from rateval.inspection.opening import Opened
from rateval.inspection.reading import read_ahead
from rateval.inspection.sheet.drawing import draw_evidence
from rateval.inspection.sheet.picking import Candidate
from rateval.inspection.views import View
from rateval.workbench.views import Mask


@dataclass(frozen=True, slots=True)
class Tile:
    """One sample of a contact sheet."""

    id: str
    split: str
    label: str
    """Name of its class; empty where it is not known."""
    pictures: tuple[Image.Image, ...]
    """RGB, at most ``side`` pixels; none of a sample that was skipped."""
    lines: tuple[str, ...]
    """What is said of it."""
    skipped: bool = False
    titles: tuple[str, ...] = ()
    """What is said below each picture; empty where nothing is. Tiles with them are one a row."""

    @property
    def place(self) -> str:
        """Split and id, which may begin with the split's name itself."""
        return self.id if self.id.startswith(f"{self.split}/") else f"{self.split}: {self.id}"


def make_tiles(
    picked: Sequence[Candidate],
    opened: Opened,
    *,
    stored: bool,
    views: Sequence[View],
    side: int,
    readers: int,
) -> Iterator[Tile]:
    """Yield the tile of each sample, with a picture as it is ``stored`` and one of each view."""

    def make(one: Candidate) -> Tile:
        (sample,) = leave_out_long(opened.splits[one.split].samples([one.at]))
        if isinstance(sample, Skipped):
            label = "" if one.label is None else opened.classes[one.label]
            return Tile(sample.id, one.split, label, (), (sample.reason,), skipped=True)
        label = opened.classes[sample.label]
        sample = replace(sample, mask=find_evidence(sample))
        pictures, lines = [], list(_tell_question(sample))
        lines.append(f"{sample.image.width:,} × {sample.image.height:,} pixels")
        lines.append(describe_evidence(sample.mask))
        if stored:
            pictures.append(draw_evidence(sample.image, sample.mask, side))
        for view in views:
            picture, line = _look(sample, view, side)
            pictures.append(picture)
            lines += [line] if sample.mask is not None else []
        return Tile(sample.id, one.split, label, tuple(pictures), (*lines, *sample.notes))

    yield from read_ahead(make, picked, readers)


def _tell_question(sample: Sample) -> Iterator[str]:
    """Yield what is asked of a sample, and what people answered or wrote, each text once."""
    if sample.asked is None:
        return
    told = dict.fromkeys(sample.asked.answers)
    if sample.asked.question:
        yield sample.asked.question
        yield "answers: " + ", ".join(told)
    else:
        yield "captions: " + " | ".join(told)


def _look(sample: Sample, view: View, side: int) -> tuple[Image.Image, str]:
    image = view.image(sample.image)
    mask = None if sample.mask is None else view.mask(sample.mask)
    marked = sample.mask is not None and sample.mask.any()
    vanished = marked and mask is not None and not mask.any()
    seen = "nothing left of the evidence" if vanished else describe_evidence(mask)
    return draw_evidence(image, mask, side), f"{view.label}: {seen}"


def describe_evidence(mask: Mask | None) -> str:
    """Return how much of an image is evidence.

    >>> import numpy as np
    >>> describe_evidence(np.eye(2, dtype=bool)), describe_evidence(None)
    ('evidence 50 %', 'no mask')
    """
    if mask is None:
        return "no mask"
    if not mask.any():
        return "empty mask"
    return "mask of the whole image" if mask.all() else f"evidence {100 * mask.mean():.2g} %"


def name_splits(splits: Mapping[str, Split], picked: Sequence[Candidate]) -> str:
    """Return how many samples are shown of how many, by split."""
    parts = [
        f"{sum(one.split == name for one in picked):,} of {len(split):,} {name}"
        for name, split in splits.items()
    ]
    return ", ".join(parts) + " samples"
