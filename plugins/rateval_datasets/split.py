"""Splits of files: listed at once, read when asked for."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from PIL import Image

from rateval.api import Sample, Skipped
from rateval.modelkit import fetch_ahead
from rateval_datasets.images import UnfitError, open_rgb
from rateval_datasets.layout import printable
from rateval_datasets.view import Mask, View

ReadMask = Callable[[str, int, Image.Image], Mask]
"""From the image's path, its label and the whole image to its mask: of the image's size, or of the
split's view."""

_READING = 2
"""Part of every identity: raise it when the same files give other samples than before."""


FAULTS = (OSError, SyntaxError, ValueError)
"""What reading a file at fault raises, UnfitError among it."""


def skip(name: str, what: str, error: Exception) -> Skipped:
    """Return the sample ``name`` as left out, as reading its ``what`` raised one of ``FAULTS``."""
    if isinstance(error, UnfitError):
        return Skipped(name, printable(str(error)))
    kind = "" if type(error) is ValueError else f"{type(error).__name__}: "
    return Skipped(name, printable(f"unreadable {what}: {kind}{error}"), damaged=True)


@dataclass(frozen=True, slots=True)
class Listing:
    """What a split consists of: N images, before any of them is opened."""

    paths: Sequence[str]
    """N paths below the images' folder, with forward slashes; they are the samples' ids, where
    what is no valid Unicode is escaped."""
    labels: Sequence[int]
    """N indices into the classes."""
    evidence: Sequence[bool]
    """N times, whether there is a file of evidence."""

    def __len__(self) -> int:
        return len(self.paths)

    @property
    def digest(self) -> str:
        """A digest of the listing, 32 hexadecimal digits; files are not read.

        >>> one, two = (Listing(["a.jpg"], [label], [True]) for label in (0, 1))
        >>> one.digest == two.digest
        False
        """
        rows = zip(self.paths, self.labels, self.evidence, strict=True)
        text = "\n".join(f"{path}\t{label}\t{int(known)}" for path, label, known in rows)
        # Names that are no valid Unicode reach us as surrogates.
        return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]

    def take(self, positions: Sequence[int]) -> Listing:
        """Return the rows at ``positions``, in that order."""
        return Listing(
            [self.paths[at] for at in positions],
            [self.labels[at] for at in positions],
            [self.evidence[at] for at in positions],
        )


@dataclass
class FileSplit:
    """The samples of a listing, read one by one; those at fault are skipped with the reason."""

    name: str
    """Such as ``cub200 test matched``: all that the listing doesn't tell about the samples."""
    root: Path
    """Where the listing's paths begin."""
    listing: Listing
    read_mask: ReadMask
    """Called where there is evidence; raises OSError, SyntaxError or ValueError when a file is
    damaged, and UnfitError when it can be read but doesn't fit the image."""
    read_image: Callable[[Path], Image.Image] = field(default=open_rgb)
    """Raises likewise."""
    view: View | None = None
    """What is shown of each image; None shows all of it."""

    @cached_property
    def identity(self) -> str:
        """Name of the samples, by how they are read and the digest of their listing.

        A file that changes under its old name goes unnoticed: reading 150 GB to find out would
        take longer than the evaluation.
        """
        name = self.name if self.view is None else f"{self.name} {self.view.name}"
        return f"{name} reading={_READING} count={len(self)} listing={self.listing.digest}"

    @cached_property
    def ids(self) -> Sequence[str]:
        """Ids of all samples: paths below the images' folder, escaped where they are no Unicode."""
        return [printable(path) for path in self.listing.paths]

    @property
    def labels(self) -> Sequence[int]:
        """Labels of all samples."""
        return self.listing.labels

    def __len__(self) -> int:
        return len(self.listing)

    def look_ahead(self, indices: Sequence[int]) -> None:
        """Begin to fetch images that lie behind URLs, as they will be read soon."""
        fetch_ahead(self.root / self.listing.paths[int(index)] for index in indices)

    def samples(self, indices: Sequence[int]) -> list[Sample | Skipped]:
        """Read the samples at ``indices``. Raises IndexError for one outside of the split."""
        return [self._read(int(index)) for index in indices]

    def _read(self, index: int) -> Sample | Skipped:
        if not 0 <= index < len(self):
            raise IndexError(f"index {index} is outside of a split of {len(self)} images")
        path, label = self.listing.paths[index], int(self.listing.labels[index])
        name, what, mask = printable(path), "image", None
        try:
            image = self.read_image(self.root / path)
            if self.listing.evidence[index]:
                what = "evidence"
                mask = self.read_mask(path, label, image)
            if self.view is not None:
                image = self.view.image(image)
        except FAULTS as error:
            return skip(name, what, error)
        return Sample(name, image, label, mask)


@dataclass
class FileDataset:
    """Classes and splits; the training files are listed when they are asked for."""

    classes: tuple[str, ...]
    test: FileSplit
    list_train: Callable[[], FileSplit | None]

    @cached_property
    def has_masks(self) -> bool:
        """Whether there is a file of evidence for any test image."""
        return any(self.test.listing.evidence)

    @cached_property
    def train(self) -> FileSplit | None:
        """The training split, listed on first use; None where there is none."""
        return self.list_train()
