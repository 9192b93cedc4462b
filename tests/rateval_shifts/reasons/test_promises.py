"""What all shifts that test the reason promise."""

from __future__ import annotations

import dataclasses
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any, get_args

import numpy as np
import pytest
from PIL import Image
from pydantic import ValidationError

from rateval.api import Sample, Skipped
from rateval.registry.references import follow
from rateval.testing import check_component, tiny_dataset
from rateval_shifts.reasons.components import list_components

COMPONENTS = {component.name: component for component in list_components()}

NEED_MASKS = {"background-swap", "background", "object"}


def grid(name: str) -> list[dict[str, Any]]:
    """All types or severities of a shift."""
    fields = follow(COMPONENTS[name].params).model_fields
    if "severity" in fields:
        return [{"severity": severity} for severity in range(1, 6)]
    return (
        [{"type": one} for one in get_args(fields["type"].annotation)] if "type" in fields else [{}]
    )


EVERY = [(name, params) for name in COMPONENTS for params in grid(name)]
every = pytest.mark.parametrize(
    ("name", "params"), EVERY, ids=[f"{n}-{'-'.join(map(str, p.values()))}" for n, p in EVERY]
)


@every
def test_keeps_the_promises_of_every_shift(name: str, params: dict[str, Any]) -> None:
    check_component(COMPONENTS[name], "shift", **params)


@every
@pytest.mark.parametrize("size", [(40, 30), (41, 37), (7, 90), (3, 2), (225, 301)])
def test_all_but_the_pixels_is_kept(
    name: str, params: dict[str, Any], size: tuple[int, int], make: Any, listed: Any, drawn: Any
) -> None:
    samples = [drawn(number, size) for number in range(4)]
    shift = make(name, listed(samples), **params)
    for sample in samples:
        after = shift.apply(sample)
        if isinstance(after, Skipped):
            assert min(size) < 4  # an object and its edge cover such images
            continue
        kept = (sample.id, sample.label, sample.caption, sample.notes)
        assert (after.id, after.label, after.caption, after.notes) == kept
        if name != "crop":
            assert after.image.size == sample.image.size
        if name not in ("crop", "rotate", "patch-shuffle", "watermark"):
            assert (after.mask == sample.mask).all()


@every
def test_threads_and_order_change_nothing(
    name: str, params: dict[str, Any], make: Any, listed: Any, drawn: Any
) -> None:
    samples = [drawn(number, (50, 40)) for number in range(24)]
    alone = [make(name, listed(samples), **params).apply(sample) for sample in samples]
    shift = make(name, listed(samples), **params)
    with ThreadPoolExecutor(8) as pool:
        threaded = list(pool.map(shift.apply, samples[::-1] * 3))
    for before, after in zip(alone[::-1] * 3, threaded, strict=True):
        assert after.image.tobytes() == before.image.tobytes()
        assert np.array_equal(after.mask, before.mask)


@every
def test_ids_that_are_no_unicode_are_ids(
    name: str, params: dict[str, Any], make: Any, listed: Any, drawn: Any
) -> None:
    samples = [drawn(number) for number in range(3)]
    odd = dataclasses.replace(samples[0], id="fran\udce7ais.png")
    shift = make(name, listed([odd, *samples[1:]]), **params)
    assert shift.apply(odd).id == odd.id


@pytest.mark.parametrize("name", COMPONENTS)
def test_masks_that_are_missing(name: str, make: Any, listed: Any, drawn: Any) -> None:
    """Skipped where they are needed, with the same words for each; else the image is shifted."""
    whole = [drawn(number) for number in range(6)]
    bare = [dataclasses.replace(sample, mask=None) for sample in whole]
    shift = make(name, listed(bare))
    after = [shift.apply(sample) for sample in bare]
    if name in NEED_MASKS:
        assert after == [Skipped(sample.id, "no mask, which its shift needs") for sample in bare]
    else:
        shifted = [make(name).apply(sample) for sample in whole]
        for one, other in zip(after, shifted, strict=True):
            assert one.mask is None
            assert one.image.tobytes() == other.image.tobytes()


@pytest.mark.parametrize("name", sorted(NEED_MASKS))
@pytest.mark.parametrize(
    ("fill", "why"), [(False, "empty mask"), (True, "mask of the whole image")]
)
def test_masks_that_tell_nothing_apart(
    name: str, fill: bool, why: str, make: Any, listed: Any, drawn: Any
) -> None:
    samples = [drawn(number) for number in range(4)]
    odd = dataclasses.replace(samples[0], mask=np.full((30, 40), fill))
    after = make(name, listed([odd, *samples[1:]])).apply(odd)
    assert isinstance(after, Skipped)
    assert after.id == odd.id
    assert after.reason.startswith(why)


@pytest.mark.parametrize("name", [name for name in COMPONENTS if "severity" in grid(name)[0]])
def test_severity_orders_what_is_changed(name: str, make: Any) -> None:
    """By the mean change of pixels, or by what is left where sizes change."""
    yy, xx = np.mgrid[:120, :160]
    waves = 60 * np.sin(xx / 9) * np.cos(yy / 7) + 40 * np.sin((xx + yy) / 2.5)
    if name == "rotate":  # beyond a wave's length a turn changes no more
        waves = xx - 80.0
    pixels = np.stack([128 + waves, 90 + 0 * waves, 128 - waves], axis=2)
    image = Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))
    before = np.asarray(image).astype(float)
    changes = []
    for severity in range(1, 6):
        shift = make(name, severity=severity)
        after = [shift.apply(Sample(f"id {n}", image, 0, None)).image for n in range(20)]
        if name == "crop":
            changes.append(1 - after[0].size[0] * after[0].size[1] / (120 * 160))
        elif name == "patch-shuffle":  # its measure is how fine the pieces are
            edges = [abs(np.diff(np.asarray(one).astype(float), axis=0)).mean() for one in after]
            changes.append(float(np.mean(edges)))
        else:
            changes.append(float(np.mean([abs(np.asarray(one) - before).mean() for one in after])))
    assert all(low < high for low, high in pairwise(changes)), changes


@pytest.mark.parametrize(
    ("name", "params", "told"),
    [
        ("rotate", {"severity": 0}, "greater than or equal to 1"),
        ("rotate", {"severity": 6}, "less than or equal to 5"),
        ("background", {"type": "fog"}, "'blur', 'grey', 'noise' or 'remove'"),
        ("object", {"type": "blur"}, "'remove' or 'grey'"),
        ("watermark", {"follows": 1.5}, "less than or equal to 1"),
        ("watermark", {"marks": 1}, "greater than or equal to 2"),
        ("watermark", {"size": 0.0}, "greater than 0"),
        ("grey", {"severity": 1}, "not permitted"),
    ],
)
def test_bad_params_are_refused(name: str, params: dict[str, Any], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        follow(COMPONENTS[name].params)(**params)


def test_every_shift_changes_something(make: Any) -> None:
    data = tiny_dataset()
    samples: list[Any] = data.test.samples(range(4))
    for name, params in EVERY:
        shift = make(name, data.test, **params)
        for sample in samples:
            after = shift.apply(sample)
            assert after.image.tobytes() != sample.image.tobytes(), (name, params)
