"""Photo and mask stay together from the file into a model's view, whatever their size and turn.

A photo is painted with what its mask says, white on black, so what a model sees must tell the mask.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
import torch
from hypothesis import assume, example, given, settings, strategies as st
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import binary_dilation, binary_erosion

from forms.turning import SHOWN, stored_array
from rateval.api import Context, Sample
from rateval.modelkit import Geometry
from rateval_clip.model import make_clip
from rateval_clip.params import ClipParams
from rateval_clip.preprocessing import make_geometry
from rateval_datasets.own.evidence import MaskImage
from rateval_datasets.own.formats.shapes import Annotated, Outline
from rateval_datasets.own.photo import FAST_SIDE, Opening
from rateval_datasets.own.rows import Photo, PhotoSplit
from rateval_hf.params import HfClipParams
from rateval_hf.preprocessing import make_preprocessing
from rateval_vlp.model import make_albef, make_blip
from rateval_vlp.params import AlbefParams, BlipParams

Mask = NDArray[np.bool_]
Build = Callable[[Path], Geometry]


def _hf_clip(folder: Path) -> Geometry:
    size = {"size": {"shortest_edge": 36}, "crop_size": {"height": 32, "width": 32}}
    (folder / "preprocessor_config.json").write_text(json.dumps(size))
    return make_preprocessing(folder, "clip", 32, HfClipParams(folder=str(folder))).geometry


MODELS: dict[str, Build] = {
    "clip": lambda folder: make_clip(ClipParams(), Context()).geometry,
    "clip, longest": lambda folder: make_geometry({"size": 112, "resize_mode": "longest"})[0],
    "clip, squash": lambda folder: make_geometry({"size": (32, 48), "resize_mode": "squash"})[0],
    "hf-clip": _hf_clip,
    "albef": lambda folder: make_albef(AlbefParams(), Context()).geometry,
    "blip": lambda folder: make_blip(BlipParams(), Context()).geometry,
}
SIDES = st.one_of(st.integers(1, 40), st.integers(41, 700))
SIZES = st.one_of(
    st.tuples(SIDES, SIDES),
    st.tuples(st.integers(1, 7), st.integers(1, 700)),
    st.sampled_from([(1, 1), (1, 100), (100, 1), (7, 700), (2, 2), (33, 31)]),
).filter(lambda size: max(size) <= 100 * min(size))
"""Rows and columns as shown, up to the longest photo that is not refused."""
ORIENTATIONS = st.integers(1, 8)
EXIF: st.SearchStrategy[Literal["apply", "ignore"]] = st.sampled_from(["apply", "ignore"])
SHARE = st.floats(0, 1)


def encode(pixels: NDArray[Any], orientation: int = 1, form: str = "PNG") -> bytes:
    exif = Image.Exif()
    exif[0x0112] = orientation
    held = io.BytesIO()
    Image.fromarray(pixels).save(held, form, exif=exif, quality=95, compress_level=1)
    return held.getvalue()


def sample(photo: bytes, evidence: Any, opening: Opening) -> Sample:
    split = PhotoSplit("one", [Photo("p", lambda: photo, "a", evidence)], [0], opening)
    (found,) = split.samples([0])
    assert isinstance(found, Sample), found
    return found


def paint(mask: Mask) -> NDArray[np.uint8]:
    return np.repeat(mask[..., None].astype(np.uint8) * np.uint8(255), 3, axis=2)


def box(size: tuple[int, int], shares: tuple[float, float, float, float], least: float) -> Mask:
    """Draw a box whose sides are ``least`` of the photo's, or more; also one over its margin."""
    mask = np.zeros(size, dtype=np.bool_)
    spans = []
    for side, at, long in zip(size, shares[:2], shares[2:], strict=True):
        length = max(int(side * (least + (1 - least) * long)), 1)
        first = round(at * (side - length))
        spans.append(slice(first, first + length))
    mask[tuple(spans)] = True
    return mask


@cache
def geometry_of(name: str, folder: Path) -> Geometry:
    return MODELS[name](folder)


def require_alike(geometry: Geometry, one: Sample) -> None:
    """Require that a model sees white just where it sees the mask, but for a pixel at the edges.

    That is a pixel of the model or of the photo, whichever is larger; a margin may hide an edge.
    """
    assert one.mask is not None
    assert one.mask.shape == (one.image.height, one.image.width)
    prepared, mask = geometry.image(one.image), geometry.mask(one.mask).numpy()
    white, black = (geometry.image(Image.new("RGB", (64, 64), c)).mean() for c in ("#fff", "#000"))
    seen = (prepared.mean(0) > (white + black) / 2).numpy()
    assert seen.shape == mask.shape
    sides = [(seen_side, side) for seen_side, side in zip(mask.shape, one.mask.shape, strict=True)]
    reach = max(1, *(int(np.ceil(a / b)) for a, b in sides))
    thinnest = min(int(one.mask.any(axis=axis).sum()) for axis in (0, 1))
    whole = geometry.mask(np.ones_like(one.mask)).numpy()  # without what is padded
    shown = min(int(whole.any(axis=1 - at).sum()) / one.mask.shape[at] for at in (0, 1))
    if not mask.any() and thinnest * shown < 1:
        return  # of an object thinner than a pixel of the view, the nearest one may be beside it
    around = np.ones((3, 3), dtype=np.bool_)
    wide = binary_dilation(mask, around, iterations=reach)
    narrow = binary_erosion(mask, around, iterations=reach)
    # Nobody knows of an edge that a crop cut off just beyond its margin.
    inner = (slice(reach, -reach),) * 2
    assert not (seen & ~wide)[inner].any(), "white beyond the mask"
    assert not (narrow & ~seen)[inner].any(), "black within the mask"


@pytest.mark.parametrize("model", MODELS)
def test_a_model_sees_the_mask_where_it_sees_the_object(
    tmp_path_factory: pytest.TempPathFactory, model: str
) -> None:
    geometry = geometry_of(model, tmp_path_factory.mktemp("model"))

    @settings(max_examples=60, deadline=None)
    @example((4, 299), 3, "ignore", (1.0, 0.0, 0.5, 0.0))
    @example((7, 314), 1, "apply", (0.5, 0.0, 0.25, 0.0))
    @given(SIZES, ORIENTATIONS, EXIF, st.tuples(SHARE, SHARE, SHARE, SHARE))
    def check(
        size: tuple[int, int],
        orientation: int,
        exif: Literal["apply", "ignore"],
        shares: tuple[float, float, float, float],
    ) -> None:
        drawn = box(size, shares, least=0.3)
        stored = stored_array(drawn, orientation)
        evidence = MaskImage(lambda: encode(drawn if exif == "apply" else stored))
        one = sample(encode(paint(stored), orientation), evidence, Opening(exif=exif))
        require_alike(geometry, one)

    check()


@settings(max_examples=12, deadline=None)
@given(
    st.tuples(st.integers(1100, 1300), st.integers(1100, 1300)),
    ORIENTATIONS,
    st.tuples(SHARE, SHARE, SHARE, SHARE),
)
def test_a_fast_decoder_takes_the_mask_along(
    size: tuple[int, int], orientation: int, shares: tuple[float, float, float, float]
) -> None:
    drawn = box(size, shares, least=0.2)
    photo = encode(paint(stored_array(drawn, orientation)), orientation, "JPEG")
    one = sample(photo, MaskImage(lambda: encode(drawn)), Opening(decode="fast"))
    assert FAST_SIDE <= min(one.image.size) < min(size)
    assert one.mask is not None
    assert one.mask.shape == one.image.size[::-1]
    seen = np.asarray(one.image.convert("L")) > 127
    around = np.ones((3, 3), dtype=np.bool_)
    assert not (seen & ~binary_dilation(one.mask, around)).any()
    assert not (binary_erosion(one.mask, around, border_value=1) & ~seen).any()


@settings(max_examples=60, deadline=None)
@given(SIZES, ORIENTATIONS, st.integers(0, 2**32 - 1), st.booleans())
def test_a_turn_by_exif_is_a_turn_of_the_pixels(
    size: tuple[int, int], orientation: int, seed: int, by_stored: bool
) -> None:
    dice = np.random.default_rng(seed)
    stored = dice.integers(0, 256, (*size, 3), dtype=np.uint8)
    mask = dice.random(size) < 0.5
    turned = SHOWN[orientation]
    shown = np.ascontiguousarray(turned(stored))
    upright = MaskImage(lambda: encode(np.ascontiguousarray(turned(mask))))
    straight = sample(encode(shown), upright, Opening())
    tilted = sample(encode(stored, orientation), upright, Opening())
    np.testing.assert_array_equal(np.asarray(tilted.image), shown)
    np.testing.assert_array_equal(np.asarray(tilted.image), np.asarray(straight.image))
    np.testing.assert_array_equal(tilted.mask, straight.mask)
    if by_stored and orientation > 4:
        # An annotator who saw the stored pixels drew the same object.
        assume(size[0] != size[1])
        height, width = size
        corners = np.array([[0, 0], [width / 2, 0], [width / 2, height / 3], [0, height / 3]])
        seen = sample(
            encode(stored, orientation), Annotated([Outline(corners)], size), Opening()
        ).mask
        y, x = np.mgrid[:height, :width] + 0.5
        inside = (x < width / 2) & (y < height / 3)
        on_edge = (x == width / 2) | (y == height / 3)
        assert seen is not None
        assert not ((seen != turned(inside)) & ~turned(on_edge)).any()


@settings(max_examples=20, deadline=None)
@given(SIZES, st.integers(0, 2**32 - 1))
def test_what_is_ignored_is_not_turned(size: tuple[int, int], seed: int) -> None:
    stored = np.random.default_rng(seed).integers(0, 256, (*size, 3), dtype=np.uint8)
    mask = stored[..., 0] > 99
    for orientation in range(1, 9):
        photo, evidence = encode(stored, orientation), MaskImage(lambda: encode(mask))
        one = sample(photo, evidence, Opening(exif="ignore"))
        np.testing.assert_array_equal(np.asarray(one.image), stored)
        np.testing.assert_array_equal(one.mask, mask)


def test_the_models_views_are_of_several_kinds(tmp_path: Path) -> None:
    """A transform that loses what it should be tested for would pass."""
    mask = np.zeros((32, 96), dtype=np.bool_)
    mask[:, :30] = True
    seen = {name: float(MODELS[name](tmp_path).mask(mask).float().mean()) for name in MODELS}
    assert seen["clip"] == seen["hf-clip"] == 0  # cropped away
    assert seen["clip, longest"] == pytest.approx(1 / 3 * 30 / 96, abs=0.03)  # padded
    for name in ("clip, squash", "albef", "blip"):
        assert seen[name] == pytest.approx(30 / 96, abs=0.03)
    assert torch.is_tensor(MODELS["clip"](tmp_path).mask(mask))
