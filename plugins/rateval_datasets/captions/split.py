"""Splits of photos with captions: listed at once, photos opened when they are asked for."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from rateval.api import Sample, Skipped
from rateval.api.tasks.texts import Asked, Depicted
from rateval.modelkit import fetch_ahead
from rateval_datasets.asking import explain_text
from rateval_datasets.images import open_rgb
from rateval_datasets.layout import printable
from rateval_datasets.questions.regions import Region
from rateval_datasets.split import FAULTS, skip
from rateval_datasets.view import Mask

_READING = 1
"""Part of every identity: raise it when the same files give other samples than before."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A class that a photo shows."""

    label: int
    """Index into the classes."""
    region: Region | None
    """Where; None where nothing says so."""


@dataclass(frozen=True, slots=True)
class Captioned:
    """One photo with all that is known of it before it is opened."""

    id: str
    path: str
    """Below the folder of images."""
    captions: tuple[str, ...]
    seen: tuple[Seen, ...]
    """A class at most once, in the order of the classes."""
    fault: str | None = None
    """Why it is left out without being opened."""
    damaged: bool = False
    """Whether that is because a file is broken or missing."""


def make_captioned(
    name: str, path: str, captions: Sequence[str], seen: Sequence[Seen], fault: str | None = None
) -> Captioned:
    """Return a photo, with why it cannot be used where that is so.

    Blanks within captions become one; captions of blanks alone are left out.

    >>> make_captioned("1", "1.jpg", [" a  cat ", ""], []).captions
    ('a cat',)
    >>> make_captioned("1", "1.jpg", [" "], []).fault
    'no caption'
    """
    tidied = (" ".join(caption.split()) for caption in captions)
    kept = tuple(caption for caption in tidied if caption)
    wrong = next((why for one in kept if (why := explain_text(one))), None)
    if fault is None:
        fault = "no caption" if not kept else wrong and f"unreadable caption: it {wrong}"
    ordered = tuple(sorted(seen, key=lambda one: one.label))
    return Captioned(name, path, kept, ordered, fault)


@dataclass
class CaptionSplit:
    """Photos of one split, each a sample; those at fault are skipped with the reason."""

    name: str
    """Such as ``coco-captions split=val2017``: what photos and classes don't tell."""
    root: Path
    """Where the photos' paths begin."""
    photos: Sequence[Captioned]
    classes: tuple[str, ...]

    @property
    def labels(self) -> Sequence[int]:
        """For each photo the first class that it shows; 0 where it shows none."""
        return [photo.seen[0].label if photo.seen else 0 for photo in self.photos]

    @cached_property
    def identity(self) -> str:
        """Name of the samples: a digest of all captions, of what photos show, and of the classes.

        A photo that changes under its old name goes unnoticed.
        """
        digest = hashlib.sha256(repr(self.classes).encode("utf-8", "surrogatepass"))
        for one in self.photos:
            seen = [(it.label, it.region and it.region.name) for it in one.seen]
            known = (one.id, one.path, one.captions, seen, one.fault)
            digest.update(repr(known).encode("utf-8", "surrogatepass"))
        return f"{self.name} reading={_READING} count={len(self)} listing={digest.hexdigest()[:32]}"

    @cached_property
    def ids(self) -> Sequence[str]:
        """Ids of all photos, escaped where they are no Unicode."""
        return [printable(one.id) for one in self.photos]

    def __len__(self) -> int:
        return len(self.photos)

    def look_ahead(self, indices: Sequence[int]) -> None:
        """Begin to fetch photos that lie behind URLs, as they will be read soon."""
        asked = [self.photos[int(index)] for index in indices]
        fetch_ahead(self.root / one.path for one in asked if one.fault is None)

    def samples(self, indices: Sequence[int]) -> list[Sample | Skipped]:
        """Open the photos at ``indices``. Raises IndexError for one outside of the split."""
        return [self._open(int(index)) for index in indices]

    def _open(self, index: int) -> Sample | Skipped:
        if not 0 <= index < len(self):
            raise IndexError(f"index {index} is outside of a split of {len(self)} photos")
        one, what = self.photos[index], "image"
        name = printable(one.id)
        if one.fault is not None:
            return Skipped(name, printable(one.fault), one.damaged)
        try:
            image = open_rgb(self.root / one.path)
            what = "evidence"
            shown = tuple(
                Depicted(it.label, None if it.region is None else it.region.draw(image))
                for it in one.seen
            )
        except FAULTS as error:
            return skip(name, what, error)
        label = one.seen[0].label if one.seen else 0
        asked = Asked("", one.captions)
        return Sample(name, image, label, _unite(shown), asked=asked, depicted=shown)


def _unite(shown: Sequence[Depicted]) -> Mask | None:
    """Return where any of what is shown is; None where nothing says where."""
    masks = [one.mask for one in shown if one.mask is not None]
    return np.logical_or.reduce(masks) if masks else None


@dataclass
class CaptionDataset:
    """Classes and splits; photos to train on are listed when they are asked for."""

    classes: tuple[str, ...]
    wordings: tuple[tuple[str, ...], ...]
    """For each class all that it is called in a text, its name first."""
    test: CaptionSplit
    list_train: Callable[[], CaptionSplit | None]
    notes: tuple[str, ...] = ()
    """What a person should look at, such as photos that show no class."""

    @cached_property
    def has_masks(self) -> bool:
        """Whether it is known of anything in a test photo where it is."""
        return any(it.region is not None for one in self.test.photos for it in one.seen)

    @cached_property
    def train(self) -> CaptionSplit | None:
        """The training split, listed on first use; None where there is none."""
        return self.list_train()


def note_photos(photos: Sequence[Captioned]) -> tuple[str, ...]:
    """Return how many of the test photos show no class, where some do.

    >>> note_photos([make_captioned("1", "1.jpg", ["a cat"], [])])
    ('1 of 1 test photos show no class, as far as they are annotated',)
    """
    without = sum(not one.seen for one in photos if one.fault is None)
    if not without:
        return ()
    text = f"{without:,} of {len(photos):,} test photos show no class"
    return (f"{text}, as far as they are annotated",)
