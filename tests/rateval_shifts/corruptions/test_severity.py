"""The higher the severity, the larger the change, where the published constants say so."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from rateval.api import Sample
from rateval_shifts.corruptions.shift import CORRUPTIONS, Corruption
from rateval_shifts.params import CorruptionParams

UNORDERED = {
    "glass_blur": [(1, 3), (2, 4), (2, 5)],  # 2, 1, 3, 2, 2 rounds
    "snow": [(1, 2), (1, 3), (3, 4), (4, 5)],  # 3 has larger and fewer flakes than 2
    "frost": [],  # less of the picture for more of the ice
    "elastic_transform": [(1, 2), (3, 5)],  # 1 and 2 turn far, 3 to 5 ripple
    "saturate": [(1, 2), (3, 4), (4, 5)],  # 1 and 2 grey out, 3 to 5 colour
}
"""Pairs in order, of types whose constants change another way in between."""


def change(image: Image.Image, kind: str, severity: int) -> float:
    shift = Corruption(CorruptionParams(type=kind, severity=severity))
    before = np.asarray(image).astype(float)
    found = []
    for number in range(8):
        after = shift.apply(Sample(f"{number}", image, 0, None)).image
        found.append(np.abs(np.asarray(after) - before).mean())
    return float(np.mean(found))


@pytest.mark.parametrize("kind", CORRUPTIONS)
def test_severity_orders_the_change(photo: Image.Image, kind: str) -> None:
    changes = {severity: change(photo, kind, severity) for severity in range(1, 6)}
    pairs = UNORDERED.get(kind, [(1, 2), (2, 3), (3, 4), (4, 5)])
    assert all(changes[low] < changes[high] for low, high in pairs), changes
    assert min(changes.values()) > 0.3


@pytest.mark.parametrize(
    "kind", ["gaussian_blur", "defocus_blur", "motion_blur", "zoom_blur", "elastic_transform"]
)
def test_a_larger_picture_changes_as_a_smaller_one_does(photo: Image.Image, kind: str) -> None:
    shift = Corruption(CorruptionParams(type=kind, severity=4))
    changes = []
    for side in (224, 448):
        image = photo.resize((side, side), Image.Resampling.BICUBIC)
        after = shift.apply(Sample("a", image, 0, None)).image
        difference = np.asarray(after).astype(float) - np.asarray(image)
        changes.append(np.sqrt((difference**2).mean()))
    assert changes[1] == pytest.approx(changes[0], rel=0.15)
