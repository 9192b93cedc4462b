"""Params of the shifts that test the reason."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from rateval.api import Params


class BackgroundSwapParams(Params):
    """Nothing: digests of the ids choose whose background an object is put on."""


class BackgroundParams(Params):
    """What becomes of backgrounds."""

    type: Literal["blur", "grey", "noise", "remove"] = "blur"
    """``blur``: out of focus, by a tenth of the shorter side; ``grey``: one grey; ``noise``: bytes
    at random; ``remove``: white, as of an object cut out."""


class ObjectParams(Params):
    """What becomes of objects."""

    type: Literal["remove", "grey"] = "remove"
    """``remove``: filled in from around; ``grey``: one grey, which shows the outline."""


class WatermarkParams(Params):
    """How the mark looks and how strongly it goes with the class."""

    follows: float = Field(default=1.0, ge=0.0, le=1.0)
    """Share of images that have the mark of their class, each at random by its id; the others have
    any other mark. 1 / ``marks`` makes the mark tell nothing."""
    marks: int = Field(default=10, ge=2, le=10_000)
    """How many marks there are; that of class k is k modulo ``marks``."""
    place: Literal["top-left", "top-right", "bottom-left", "bottom-right", "centre", "anywhere"] = (
        "bottom-right"
    )
    """Where the mark is; ``anywhere`` is a place by the image's id."""
    size: float = Field(default=0.15, gt=0.0, le=1.0)
    """Side of the mark in shorter sides of the image; it is never below 7 pixels."""
    opacity: float = Field(default=0.8, gt=0.0, le=1.0)
    """Share of the mark in the pixels below it."""


class GreyParams(Params):
    """Nothing: all colour goes."""


class PatchShuffleParams(Params):
    """How fine the patches are."""

    severity: int = Field(default=3, ge=1, le=5)
    """A grid of 2, 3, 4, 6 or 8 patches a side."""


class CropParams(Params):
    """How much is left."""

    severity: int = Field(default=3, ge=1, le=5)
    """90, 80, 70, 60 or 50 % of each side are left, at a place by the image's id."""


class RotateParams(Params):
    """How far images are turned."""

    severity: int = Field(default=3, ge=1, le=5)
    """By 5, 10, 20, 30 or 45 degrees, to the left or to the right by the image's id."""


class JpegParams(Params):
    """How low the quality is."""

    severity: int = Field(default=3, ge=1, le=5)
    """Quality 50, 30, 20, 10 or 5 of libjpeg's 1 to 95."""


class ResolutionParams(Params):
    """How small images are made."""

    severity: int = Field(default=3, ge=1, le=5)
    """The shorter side, but at most 224 pixels, divided by 2, 3, 4, 6 or 8."""
