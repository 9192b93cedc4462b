"""Photos before any of them is opened, and the split that opens them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from rateval.api import Sample, Skipped
from rateval.api.tasks.texts import Asked
from rateval.modelkit import RemoteFile, fetch_ahead
from rateval_datasets.layout import printable
from rateval_datasets.own.evidence import Evidence, file_size
from rateval_datasets.own.photo import Opening, Source, show
from rateval_datasets.split import FAULTS, skip

_READING = 1
"""Part of every identity: raise it when the same files give other samples than before."""


@dataclass(frozen=True, slots=True)
class Photo:
    """One photo with all that is known of it before it is opened."""

    id: str
    """Unique within its dataset, such as the path below the folder of images."""
    source: Source
    label: str | None
    """Its class as the files name it, or the first answer to what is asked; None only with a
    ``fault``."""
    evidence: Evidence | None = None
    split: str | None = None
    """Name of the split that its files put it in; None where they say none."""
    groups: Mapping[str, str | None] = field(default_factory=dict)
    """Name of a column to this photo's value, such as a camera or a patient."""
    caption: str | None = None
    fault: str | None = None
    """Why it is left out without being opened."""
    asked: Asked | None = None
    """What is asked of it, where a row is a question."""

    @property
    def bytes(self) -> int:
        """Size of its file or of its part of one; -1 where there is none, or nothing tells."""
        if isinstance(self.source, Path):
            return file_size(self.source)
        return int(getattr(self.source, "size", -1))


@dataclass
class PhotoSplit:
    """Photos of one split, opened one by one; those at fault are skipped with the reason."""

    name: str
    """Such as ``folder test``: what photos and their opening don't tell."""
    photos: Sequence[Photo]
    labels: Sequence[int]
    """Indices into the classes, one for each photo."""
    opening: Opening
    columns: Sequence[str] = ()
    """Names of the groups."""

    @cached_property
    def identity(self) -> str:
        """Name of the samples: how they are opened, and a digest of what is known of each.

        That is id, label, evidence, caption, groups and the sizes of files, not their bytes.
        """
        digest = hashlib.sha256()
        for photo, label in zip(self.photos, self.labels, strict=True):
            known: tuple[object, ...] = (
                photo.id,
                label,
                photo.bytes,
                None if photo.evidence is None else photo.evidence.name,
                photo.caption,
                photo.fault,
                sorted(photo.groups.items()),
            )
            if isinstance(photo.source, RemoteFile):  # whose size nobody has asked for
                known = (*known, photo.source.url)
            if photo.asked is not None:
                known = (*known, photo.asked.question, photo.asked.answers)
            # Names that are no valid Unicode reach us as surrogates.
            digest.update(repr(known).encode("utf-8", "surrogatepass"))
        return (
            f"{self.name} reading={_READING} {self.opening.name} count={len(self)} "
            f"listing={digest.hexdigest()[:32]}"
        )

    @cached_property
    def ids(self) -> Sequence[str]:
        """Ids of all samples, escaped where they are no Unicode."""
        return [printable(photo.id) for photo in self.photos]

    @cached_property
    def groups(self) -> Mapping[str, Sequence[str | None]]:
        """Name of a column to its value for each sample."""
        return {
            column: [_printable(photo.groups.get(column)) for photo in self.photos]
            for column in self.columns
        }

    def __len__(self) -> int:
        return len(self.photos)

    def look_ahead(self, indices: Sequence[int]) -> None:
        """Begin to fetch photos and masks that lie behind URLs, as they will be read soon."""
        for index in indices:
            photo = self.photos[int(index)]
            if photo.fault is None:
                sources = photo.source, getattr(photo.evidence, "source", None)
                fetch_ahead(getattr(one, "file", one) for one in sources)

    def samples(self, indices: Sequence[int]) -> list[Sample | Skipped]:
        """Open the photos at ``indices``. Raises IndexError for one outside of the split."""
        return [self._open(int(index)) for index in indices]

    def _open(self, index: int) -> Sample | Skipped:
        if not 0 <= index < len(self):
            raise IndexError(f"index {index} is outside of a split of {len(self)} photos")
        photo, what, mask = self.photos[index], "image", None
        name = printable(photo.id)
        if photo.fault is not None:
            return Skipped(name, printable(photo.fault))
        try:
            shown = show(photo.source, self.opening)
            if photo.evidence is not None:
                what = "evidence"
                mask = shown.fit(photo.evidence.draw(shown))
        except FAULTS as error:
            return skip(name, what, error)
        label, asked = int(self.labels[index]), photo.asked
        return Sample(name, shown.image, label, mask, photo.caption, shown.notes, asked)


def _printable(value: str | None) -> str | None:
    return None if value is None else printable(value)
