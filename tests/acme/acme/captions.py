"""Squares with captions that people wrote, and all that an image shows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import Field

from rateval.api import Context, Params, Sample, Skipped, Split
from rateval.api.tasks.texts import Asked, Depicted

COLOURS = ("red", "green", "blue")
CLASSES = (*COLOURS, "background", "dog")
WORDINGS = (("red",), ("green",), ("blue",), ("background", "wall"), ("dog", "puppy"))


class CaptionsParams(Params):
    train: int = Field(default=24, ge=0)
    """Images to train on."""
    test: int = Field(default=12, ge=0)
    """Images to be tested on."""
    caption: str = "A {colour} square."
    """What people wrote of each."""
    wrong: int = Field(default=0, ge=0)
    """First samples that say something that isn't so: one class twice."""
    silent: int = Field(default=0, ge=0)
    """First samples of which nobody wrote anything."""


class Captions:
    """A square of one colour before a wall, which is annotated without its place, on each image."""

    def __init__(self, inner: Split, length: int, params: CaptionsParams) -> None:
        self.inner, self.length, self.params = inner, length, params
        self.identity = f"captions {inner.identity} {params.model_dump_json()}"
        self.groups = {"half": ["first" if at < length / 2 else "second" for at in range(length)]}

    def __len__(self) -> int:
        return self.length

    def samples(self, indices: Sequence[int]) -> list[Sample | Skipped]:
        return [self._caption(index) for index in indices]

    def _caption(self, index: int) -> Sample:
        (square,) = self.inner.samples([index])
        assert isinstance(square, Sample)
        colour = COLOURS[square.label]
        shown = Depicted(square.label, square.mask)
        twice = (shown,) if index < self.params.wrong else ()
        asked = Asked("", (self.params.caption.format(colour=colour),))
        return Sample(
            square.id,
            square.image,
            square.label,
            None,
            asked=None if index < self.params.silent else asked,
            depicted=(shown, *twice, Depicted(CLASSES.index("background"), None)),
        )


class Dataset:
    classes, wordings, has_masks = CLASSES, WORDINGS, True

    def __init__(self, params: CaptionsParams) -> None:
        from rateval.testing import tiny_dataset

        data: Any = tiny_dataset(params.train, params.test)
        self.train = Captions(data.train, params.train, params) if params.train else None
        self.test = Captions(data.test, params.test, params)


def make_dataset(params: CaptionsParams, context: Context) -> Dataset:
    return Dataset(params)
