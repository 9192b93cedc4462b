"""Images, labels and masks of a call as a dataset with nothing to train on."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path
from typing import Any, Protocol

from rateval.api.protocols import Split
from rateval.api.values import Sample, Skipped
from rateval.errors import RatevalError
from rateval.live.pictures import UnfitError, read_image, read_mask


class Reading(Protocol):
    """Access to images by their position."""

    def __getitem__(self, index: int, /) -> Any: ...


class InOrder:
    """Images of an iterable, each read when it is asked for, in ascending order.

    What starts anew each time that it is iterated may be read again from the beginning. Raises
    RatevalError when it ends early, or can't go back.
    """

    def __init__(self, images: Iterable[Any], count: int) -> None:
        self._images, self._count = images, count
        self._iterator: Iterator[Any] = iter(images)
        self.once = self._iterator is images
        """Whether it can be read but once."""
        self._at = 0

    def __getitem__(self, index: int) -> Any:
        """Return the image at ``index``, reading on to it."""
        if index < self._at:
            if self.once:
                raise RatevalError(
                    f"images[{index}]: is asked for again, and what was given can be read but "
                    "once; give a list, a torch Dataset, or what starts anew when it is iterated"
                )
            self._iterator, self._at = iter(self._images), 0
        while True:
            try:
                image = next(self._iterator)
            except StopIteration:
                raise RatevalError(
                    f"images ends after {self._at} of {self._count} labels; give as many images "
                    "as labels"
                ) from None
            self._at += 1
            if self._at == index + 1:
                return image


@dataclass
class GivenSplit:
    """The images of a call, read one by one; unreadable files are skipped with the reason."""

    images: Reading
    labels: Sequence[int]
    masks: Sequence[Any] | None
    ids: Sequence[str]
    identity: str

    def __len__(self) -> int:
        return len(self.labels)

    def samples(self, indices: Sequence[int]) -> list[Sample | Skipped]:
        """Read the images at ``indices``. Raises RatevalError for what is no image at all."""
        return [self._read(int(index)) for index in indices]

    def _read(self, index: int) -> Sample | Skipped:
        given = first_of(self.images[index])
        try:
            image, notes = read_image(given)
        except UnfitError as error:
            return self._leave_out("images", index, given, error)
        mask = None if self.masks is None else self.masks[index]
        try:
            evidence = read_mask(mask)
        except UnfitError as error:
            return self._leave_out("masks", index, mask, error)
        if evidence is not None and evidence.shape != (image.height, image.width):
            wrong = explain_sizes(evidence.shape, (image.height, image.width))
            raise RatevalError(f"masks[{index}] {wrong}")
        return Sample(self.ids[index], image, self.labels[index], evidence, notes=notes)

    def _leave_out(self, what: str, index: int, given: object, error: UnfitError) -> Skipped:
        if not isinstance(given, str | PathLike):
            raise RatevalError(f"{what}[{index}] {error}") from error
        kind = "image" if what == "images" else "evidence"
        return Skipped(self.ids[index], f"{kind} cannot be read: {error}", damaged=True)


@dataclass
class GivenDataset:
    """Classes, and images to test on."""

    classes: tuple[str, ...]
    test: Split
    has_masks: bool
    train: Split | None = field(default=None, init=False)


def first_of(item: Any) -> Any:
    """Return the image of an item: datasets of torch give it with a label behind it."""
    return item[0] if isinstance(item, tuple | list) and item else item


def explain_sizes(mask: Sequence[int], image: Sequence[int]) -> str:
    """Return that a mask is of another size than its image, both as (rows, columns).

    >>> explain_sizes((2, 3), (4, 6))
    'is of 2 x 3 pixels (rows x columns), and its image of 4 x 6; give the mask of this very image'
    """
    return (
        f"is of {mask[0]} x {mask[1]} pixels (rows x columns), and its image of "
        f"{image[0]} x {image[1]}; give the mask of this very image"
    )


def name_images(images: Sequence[Any] | None, count: int) -> list[str]:
    """Return an id for each image: its path below what all have in common, else its position.

    >>> name_images(["photos/a.png", "photos/b/a.png"], 2), name_images(None, 2)
    (['a.png', 'b/a.png'], ['000000', '000001'])
    """
    numbers = [f"{index:06d}" for index in range(count)]
    if images is None or not all(isinstance(image, str | PathLike) for image in images):
        return numbers
    paths = [Path(image).absolute() for image in images]
    top = Path(os.path.commonpath([path.parent for path in paths])) if paths else Path()
    # Names that are no valid Unicode reach us as surrogates.
    names = [
        path.relative_to(top).as_posix().encode("utf-8", "backslashreplace").decode()
        for path in paths
    ]
    if len(set(names)) == count:
        return names
    return [f"{number} {name}" for number, name in zip(numbers, names, strict=True)]
