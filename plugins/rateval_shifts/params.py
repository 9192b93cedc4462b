"""Params of the shifts."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, ClassVar, Literal, cast

from pydantic import AfterValidator, Field, create_model

from rateval.api import Params

Type = Literal[
    "gaussian_noise",
    "shot_noise",
    "impulse_noise",
    "defocus_blur",
    "glass_blur",
    "motion_blur",
    "zoom_blur",
    "snow",
    "frost",
    "fog",
    "brightness",
    "contrast",
    "elastic_transform",
    "pixelate",
    "jpeg_compression",
    "speckle_noise",
    "gaussian_blur",
    "spatter",
    "saturate",
]
"""ImageNet-C's fifteen corruptions by the names of its folders, then its four extra ones."""

Size = Literal["any", "imagenet-c"]

GROUPS = {
    "noise": ("gaussian_noise", "shot_noise", "impulse_noise", "speckle_noise"),
    "blur": ("defocus_blur", "glass_blur", "motion_blur", "zoom_blur", "gaussian_blur"),
    "weather": ("snow", "frost", "fog", "brightness", "spatter"),
    "digital": ("contrast", "elastic_transform", "pixelate", "jpeg_compression", "saturate"),
}
"""ImageNet-C's four categories; its four extra corruptions stand one in each."""


class CorruptionBase(Params):
    """Which corruption, and how strong."""

    type_groups: ClassVar[Mapping[str, str]] = {
        type_: group for group, types in GROUPS.items() for type_ in types
    }

    type: Type
    """One of ImageNet-C's fifteen corruptions, or of its four extra ones: speckle_noise,
    gaussian_blur, spatter, saturate."""
    severity: int = Field(ge=1, le=5)
    """1, the weakest, to 5."""
    seed: int = Field(default=0, ge=0, le=2**63 - 1)
    """Chooses the noise. The study's own seeds don't: as with files, all trainings meet the same
    images."""

    files: Annotated[Path, AfterValidator(Path.expanduser)] | None = None
    """Folder of ImageNet-C's published files, <type>/<severity>/<wnid>/*.JPEG, which are read by
    the images' names in place of making the corruption. For tests of ImageNet alone; seed is then
    of no matter. None makes it on the fly."""

    @property
    def size(self) -> Size:
        """The param ``as``, which Python keeps as a word of its own."""
        return cast(Size, getattr(self, "as"))


CorruptionParams = create_model(
    "CorruptionParams",
    __base__=CorruptionBase,
    __module__=__name__,
    __doc__=CorruptionBase.__doc__,
    **{  # type: ignore[call-overload]
        "as": (
            Size,
            Field(
                default="any",
                description="any: the image as large as it is, lengths in pixels scaled by its "
                "shorter side / 224. imagenet-c: resized to 256 pixels at its shorter side, cut to "
                "its central 224 x 224 and stored as JPEG of quality 85, as the files were made; "
                "one of 224 x 224 is taken as cut already, as by protocol aaai25.",
            ),
        )
    },
)
"""Params of ``corruption``; made by call, as no line of a class can begin with ``as``."""
