"""The same photos in six forms give the same rows, labels, splits and masks."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from forms.outlines import distances
from forms.photos import write_photos
from forms.reading import FORMS, ROUNDED, make_dataset, read
from forms.truth import LABELS, Truth, make_truth
from forms.turning import SHOWN
from rateval.api import Sample, Skipped


@pytest.fixture(scope="module")
def truths() -> Sequence[Truth]:
    return make_truth(200)


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory, truths: Sequence[Truth]) -> Path:
    return write_photos(tmp_path_factory.mktemp("photos") / "all", truths)


def test_the_photos_are_as_various_as_they_should_be(truths: Sequence[Truth]) -> None:
    assert len(truths) == 200
    assert {truth.label for truth in truths} == set(LABELS)
    assert {truth.orientation for truth in truths} == set(range(1, 9))
    assert {truth.kind for truth in truths} == {"RGB", "L", "RGBA", "P"}
    sides = [truth.size for truth in truths]
    assert {(200, 300), (3000, 4000), (4000, 3000)} <= set(sides)
    assert sum(not truth.stars for truth in truths) == 66
    (wide,) = [truth for truth in truths if truth.size == (3000, 4000)]
    assert (wide.split, bool(wide.stars), wide.orientation > 1) == ("test", True, True)
    assert {len(truth.stars) for truth in truths} == {0, 1, 2, 3}
    assert sum(truth.broken for truth in truths) == 1
    assert {truth.split for truth in truths} == {"train", "val", "test"}


@pytest.mark.parametrize("form", FORMS)
def test_rows_labels_splits_and_masks_are_the_truth(
    tmp_path: Path, photos: Path, truths: Sequence[Truth], form: str
) -> None:
    dataset: Any = make_dataset(FORMS[form](tmp_path / form, photos, truths))
    assert dataset.classes == tuple(label.replace("_", " ") for label in LABELS)
    assert dataset.unused == {"val": sum(truth.split == "val" for truth in truths)}
    assert dataset.notes == ()
    for split in ("train", "test"):
        known = [truth for truth in truths if truth.split == split]
        rows = getattr(dataset, split)
        assert [Path(name).name for name in rows.ids] == [truth.name for truth in known]
        assert [LABELS[at] for at in rows.labels] == [truth.label for truth in known]
        for at, truth in enumerate(known):
            require_row(rows.samples([at])[0], truth, rounded=form in ROUNDED)


def require_row(row: Sample | Skipped, truth: Truth, *, rounded: bool) -> None:
    if truth.broken:
        assert isinstance(row, Skipped)
        assert row.damaged
        assert row.reason.startswith("unreadable image: OSError: image file is truncated")
        return
    assert isinstance(row, Sample), row
    assert LABELS[row.label] == truth.label
    assert row.image.size == truth.size[::-1]
    if truth.mask is None:
        assert row.mask is None
        return
    assert row.mask is not None
    assert row.mask.any()
    other = np.argwhere(row.mask != truth.mask)
    if not rounded:
        assert len(other) == 0, (truth.name, len(other))
        return
    # A corner is rounded by half of the last digit of its share; so far may the outline move.
    assert (distances(truth.stars, other) <= 0.5e-6 * np.hypot(*truth.size)).all()
    assert len(other) <= 4


def test_pixels_are_those_that_are_shown(
    tmp_path: Path, photos: Path, truths: Sequence[Truth]
) -> None:
    """Forms differ in evidence alone; photos go one way, so one form stands for all."""
    dataset = make_dataset(FORMS["folder"](tmp_path, photos, truths))
    known = [truth for truth in truths if truth.split == "test"]
    for truth, row in zip(known, read(dataset.test), strict=True):
        if isinstance(row, Sample):
            expected = shown_pixels(photos / truth.name, truth)
            if truth.kind == "RGBA":
                np.testing.assert_allclose(np.asarray(row.image), expected, atol=1)
            else:
                assert np.array_equal(np.asarray(row.image), expected), truth


def shown_pixels(path: Path, truth: Truth) -> NDArray[Any]:
    """Decode a photo, turn it, and lay it on white."""
    with Image.open(path) as image:
        stored = np.asarray(image.convert("RGBA" if truth.kind == "RGBA" else "RGB"))
    turned = SHOWN[truth.orientation](stored)
    if truth.kind != "RGBA":
        return turned
    opaque = turned[..., 3:] / 255
    return np.asarray(turned[..., :3] * opaque + 255 * (1 - opaque))
