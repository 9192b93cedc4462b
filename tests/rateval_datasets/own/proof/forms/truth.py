"""What is on each photo: known before any file is written."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np

from forms.outlines import Mask, Star, fill, make_star

LABELS = ("Gläser", "kettle_v2", "mug", "tea pot")
"""Sorted, and none begins with another one, so names that begin with them are sorted likewise."""
_SIZES = ((200, 300), (300, 200), (240, 320), (427, 640), (225, 400), (480, 320))
"""Rows and columns of usual photos, as shown."""
_RARE = {4: (3000, 4000), 71: (4000, 3000), 19: (1200, 1600), 103: (1600, 1200)}
"""Number of a photo to its size. The second one has no mask, as datumaro takes seconds to read
VOC's of such a size."""
Kind = Literal["RGB", "L", "RGBA", "P"]
_KINDS: tuple[Kind, ...] = (
    "RGB",
    "RGB",
    "RGBA",
    "L",
    "RGB",
    "P",
    "RGB",
)
_ENDINGS = {
    "RGB": (".jpg", ".JPG", ".jpeg"),
    "L": (".jpg", ".png"),
    "RGBA": (".png",),
    "P": (".PNG",),
}
_BROKEN = 25


@dataclass(frozen=True)
class Truth:
    """One photo."""

    number: int
    name: str
    """Unique, with its ending."""
    label: str
    split: Literal["train", "val", "test"]
    size: tuple[int, int]
    """Rows and columns as shown."""
    orientation: int
    kind: Kind
    """Pillow's mode of the file."""
    stars: tuple[Star, ...]
    """Its objects, in the geometry that is shown; none where it has no mask."""
    broken: bool

    @cached_property
    def mask(self) -> Mask | None:
        """Where the objects are; None where nobody has marked any."""
        return fill(self.stars, self.size) if self.stars else None

    @property
    def stem(self) -> str:
        """The name without its ending."""
        return self.name.rpartition(".")[0]

    @property
    def stored(self) -> tuple[int, int]:
        """Rows and columns of the file."""
        return self.size[::-1] if self.orientation > 4 else self.size


def make_truth(count: int, seed: int = 0, *, small: bool = False) -> list[Truth]:
    """Return ``count`` photos in the order of label and name; ``small`` leaves out large ones."""
    made = [_make(number, seed, small) for number in range(count)]
    return sorted(made, key=lambda one: (one.label, one.name))


def _make(number: int, seed: int, small: bool) -> Truth:
    dice = np.random.default_rng([seed, number])
    broken = number == _BROKEN
    kind = "RGB" if broken else _KINDS[number % len(_KINDS)]
    label = LABELS[int(dice.integers(len(LABELS))) if number > 7 else number % len(LABELS)]
    size = _SIZES[int(dice.integers(len(_SIZES)))]
    if number in _RARE and not small:
        size, kind = _RARE[number], "RGB"
    masked = number % 3 != 2
    endings = _ENDINGS[kind]
    middle = ("", " ß", "-日本", " (1).v2")[int(dice.integers(4))]
    return Truth(
        number=number,
        name=f"{label} {number:03}{middle}{endings[int(dice.integers(len(endings)))]}",
        label=label,
        split=("test", "train", "test", "test", "val")[
            0 if broken or number in _RARE else int(dice.integers(5))
        ],
        size=size,
        orientation=int(dice.integers(1, 9)) if number % 2 or number in _RARE else 1,
        kind=kind,
        stars=tuple(make_star(dice, size) for _ in range(masked * int(dice.integers(1, 4)))),
        broken=broken,
    )
