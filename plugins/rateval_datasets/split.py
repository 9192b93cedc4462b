"""Splits of files: listed at once, read when asked for."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from rateval.api import Sample, Skipped
from rateval_datasets.view import View

Mask = NDArray[np.bool_]
ReadMask = Callable[[str, int, tuple[int, int]], Mask]
"""From the image's path, its label and its size on disk (rows, columns) to its mask: of that size,
or of the split's view."""

_READING = 1
"""Part of every identity: raise it when the same files give other samples than before."""


@dataclass(frozen=True, slots=True)
class Listing:
    """What a split consists of: N images, before any of them is opened."""

    paths: Sequence[str]
    """N paths below the images' folder, with forward slashes; they are the samples' ids."""
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
        return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:32]

    def take(self, positions: Sequence[int]) -> Listing:
        """Return the rows at ``positions``, in that order."""
        return Listing(
            [self.paths[at] for at in positions],
            [self.labels[at] for at in positions],
            [self.evidence[at] for at in positions],
        )


def open_rgb(path: Path) -> Image.Image:
    """Read an image as RGB; grey ones, CMYK and palettes are converted.

    An orientation in its EXIF is not applied: annotations refer to the stored pixels. Raises
    OSError, SyntaxError or ValueError when it is unreadable.
    """
    with Image.open(path) as image:
        return image.convert("RGB")


@dataclass
class FileSplit:
    """The samples of a listing, read one by one; unreadable ones are skipped with the reason."""

    name: str
    """Such as ``cub200 test matched``: all that the listing doesn't tell about the samples."""
    root: Path
    """Where the listing's paths begin."""
    listing: Listing
    read_mask: ReadMask
    """Called where there is evidence; raises OSError, SyntaxError or ValueError."""
    read_image: Callable[[Path], Image.Image] = field(default=open_rgb)
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

    @property
    def ids(self) -> Sequence[str]:
        """Ids of all samples: paths below the images' folder."""
        return self.listing.paths

    @property
    def labels(self) -> Sequence[int]:
        """Labels of all samples."""
        return self.listing.labels

    def __len__(self) -> int:
        return len(self.listing)

    def samples(self, indices: Sequence[int]) -> list[Sample | Skipped]:
        """Read the samples at ``indices``. Raises IndexError for one outside of the split."""
        return [self._read(int(index)) for index in indices]

    def _read(self, index: int) -> Sample | Skipped:
        if not 0 <= index < len(self):
            raise IndexError(f"index {index} is outside of a split of {len(self)} images")
        path, label = self.listing.paths[index], int(self.listing.labels[index])
        try:
            image = self.read_image(self.root / path)
            mask = None
            if self.listing.evidence[index]:
                mask = self.read_mask(path, label, (image.height, image.width))
            if self.view is not None:
                image = self.view.image(image)
        # Pillow says SyntaxError for a broken PNG, the XML parser for a broken annotation.
        except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
            return Skipped(path, f"{type(error).__name__}: {error}")
        return Sample(path, image, label, mask)


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
