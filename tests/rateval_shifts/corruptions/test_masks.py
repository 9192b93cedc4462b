"""Masks follow pixels: a picture of the mask, shifted, shows the shifted mask."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from rateval.api import Sample
from rateval_shifts.corruptions.shift import CORRUPTIONS, Corruption
from rateval_shifts.params import CorruptionParams

MOVING = ("glass_blur", "motion_blur", "zoom_blur", "elastic_transform")


def shifted(sample: Sample, kind: str, severity: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the shifted mask, and the level of the shifted picture of the mask."""
    assert sample.mask is not None
    picture = Image.fromarray(sample.mask.astype(np.uint8) * 255).convert("RGB")
    shift = Corruption(CorruptionParams(type=kind, severity=severity))
    after = shift.apply(dataclasses.replace(sample, image=picture))
    assert after.mask is not None
    return after.mask, np.asarray(after.image)[:, :, 0]


@pytest.mark.parametrize("severity", [1, 2, 3, 4, 5])
def test_elastic_masks_are_where_their_picture_is(sample: Sample, severity: int) -> None:
    mask, seen = shifted(sample, "elastic_transform", severity)
    assert np.array_equal(mask, seen >= 128)
    assert not np.array_equal(mask, np.asarray(sample.mask))


@pytest.mark.parametrize("severity", [1, 2, 3, 4, 5])
def test_glass_masks_are_where_their_picture_is_but_for_its_blur(
    sample: Sample, severity: int
) -> None:
    mask, seen = shifted(sample, "glass_blur", severity)
    assert not np.array_equal(mask, np.asarray(sample.mask))
    # Levels were blurred before they moved, too: far from the edge some lack a few.
    assert (seen[ndimage.binary_erosion(mask, iterations=12, border_value=1)] > 200).all()
    assert (seen[~ndimage.binary_dilation(mask, iterations=12)] < 55).all()
    blurred = ndimage.gaussian_filter(mask * 255.0, [0.7, 0.9, 1, 1.1, 1.5][severity - 1])
    assert np.abs(blurred - seen).mean() < 2


@pytest.mark.parametrize("severity", [1, 2, 3, 4, 5])
def test_motion_masks_are_the_union_of_what_can_be_seen(sample: Sample, severity: int) -> None:
    mask, seen = shifted(sample, "motion_blur", severity)
    assert (seen[mask] >= 1).all()
    assert mask[seen >= 8].all()  # steps of less than a level together make some
    assert sample.mask is not None
    assert mask[sample.mask].all()
    assert mask.sum() > 1.05 * sample.mask.sum()


@pytest.mark.parametrize("severity", [1, 2, 3, 4, 5])
def test_zoom_masks_are_the_union_of_all_zooms(sample: Sample, severity: int) -> None:
    assert sample.mask is not None
    mask, seen = shifted(sample, "zoom_blur", severity)
    end, step = [(1.11, 0.01), (1.16, 0.01), (1.21, 0.02), (1.26, 0.02), (1.31, 0.03)][severity - 1]
    union = sample.mask.copy()
    for zoom in np.arange(1, end, step):
        kept = math.ceil(224 / zoom)
        top = (224 - kept) // 2
        middle = sample.mask[top : top + kept, top : top + kept].astype(np.float64)
        large = ndimage.zoom(middle, zoom, order=1)
        trim = (large.shape[0] - 224) // 2
        union |= large[trim : trim + 224, trim : trim + 224] >= 0.5
    assert (mask != union).mean() < 1e-4  # a half, rounded the other way
    assert (seen[mask] > 0).all()
    assert mask[seen > 200].all()


@pytest.mark.parametrize("kind", sorted(set(CORRUPTIONS) - set(MOVING)))
def test_all_others_leave_masks_where_they_are(sample: Sample, kind: str) -> None:
    for severity in (1, 5):
        mask, _ = shifted(sample, kind, severity)
        assert np.array_equal(mask, np.asarray(sample.mask))
