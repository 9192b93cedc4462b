"""Maps cover what they say: the model's view, or the whole photo."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

import rateval
from rateval.api import Context, Model, RatevalError
from rateval.records.run import RunRecord
from rateval.testing import tiny_classifier
from rateval_attention.maps.precomputed import make_precomputed
from rateval_attention.maps.shapes import is_alike
from rateval_attention.params import PrecomputedParams
from rateval_clip.model import make_clip
from rateval_clip.params import ClipParams

IMAGES, LABELS = torch.zeros(1, 3, 24, 32), torch.zeros(1, dtype=torch.int64)


def _explain(folder: Path, values: NDArray[Any], **params: Any) -> torch.Tensor:
    np.save(folder / "a.npy", values)
    sizes = params.pop("sizes", None)
    maps = make_precomputed(PrecomputedParams(path=str(folder), **params), Context())
    return maps.explain(tiny_classifier(), IMAGES, LABELS, ["a"], sizes).relevance


@pytest.mark.parametrize(
    ("shape", "other", "alike"),
    [
        ((375, 500), (375, 500), True),
        ((224, 298), (375, 500), True),  # 298.67, cut off
        ((224, 299), (375, 500), True),
        ((224, 300), (375, 500), False),
        ((14, 14), (375, 500), False),
        ((1, 1), (375, 374), True),
        ((375, 500), (500, 375), False),
        ((4000, 3000), (400, 300), True),
        ((4001, 3000), (400, 300), True),
        ((4030, 3000), (400, 300), False),
    ],
)
def test_shapes_are_alike_but_for_rounding(
    shape: tuple[int, int], other: tuple[int, int], alike: bool
) -> None:
    assert is_alike(shape, other) == alike


@pytest.mark.parametrize("shape", [(24, 24), (9, 4), (3, 16), (32, 24), (48, 70)])
def test_a_map_of_another_shape_than_the_view_is_refused(
    shape: tuple[int, int], tmp_path: Path
) -> None:
    message = (
        rf'^precomputed: the map of "a" is {shape[0]} × {shape[1]} \(rows × columns\), but the '
        r"model's view of a photo is 24 × 32, .* Give maps of the view, such as 24 × 32 or its "
        r'3 × 4 patches, or set geometry = "image" where they cover the whole photo$'
    )
    with pytest.raises(RatevalError, match=message):
        _explain(tmp_path, np.ones(shape))


@pytest.mark.parametrize(
    ("shape", "advice"),
    [
        ((30, 30), r'give a map that covers the whole photo, 40 × 90 or coarser, or set .*"view"'),
        ((90, 40), r"turned by a quarter, it would fit: what EXIF says of a photo's orientation"),
        ((90, 40), r'.*, unless the dataset leaves it as stored \(exif = "ignore"\), and the map'),
    ],
)
def test_a_map_of_another_shape_than_the_photo_is_refused(
    shape: tuple[int, int], advice: str, tmp_path: Path
) -> None:
    message = rf'^precomputed: the map of "a" is .*, but its photo is 40 × 90, .*; {advice}'
    with pytest.raises(RatevalError, match=message):
        _explain(tmp_path, np.ones(shape), geometry="image", sizes=[(40, 90)])


def test_what_maps_of_photos_need(tmp_path: Path) -> None:
    with pytest.raises(RatevalError, match=r'"image" needs the sizes of the photos; give sizes$'):
        _explain(tmp_path, np.ones((4, 9)), geometry="image")
    with pytest.raises(RatevalError, match=r"the model has no rateval\.modelkit\.Geometry as its"):
        _explain(tmp_path, np.ones((4, 9)), geometry="image", sizes=[(40, 90)])
    with pytest.raises(RatevalError, match=r"\(0, 9\) float64; .* \(rows, columns\) of at least o"):
        _explain(tmp_path, np.ones((0, 9)), geometry="image", sizes=[(40, 90)])


PHOTOS: dict[str, tuple[int, int, int]] = {
    # width and height as stored, EXIF orientation
    "test/cup/odd.jpg": (301, 200, 1),
    "test/cup/tall.jpg": (151, 333, 1),
    "test/cup/turned.jpg": (240, 161, 6),
    "test/kite/square.jpg": (97, 97, 1),
    "test/kite/upside.jpg": (203, 121, 3),
    "test/kite/mirrored.jpg": (121, 207, 5),
}


@pytest.fixture
def evidence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, NDArray[np.bool_]]:
    """Photos and their masks as people see them, the object away from the centre."""
    monkeypatch.chdir(tmp_path)
    draw = np.random.default_rng(0)
    masks = {}
    for name, (width, height, orientation) in PHOTOS.items():
        pixels = draw.integers(0, 256, (height, width, 3)).astype(np.uint8)
        exif = Image.Exif()
        exif[0x0112] = orientation
        path = Path("photos", name)
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(path, exif=exif)
        rows, columns = (width, height) if orientation >= 5 else (height, width)
        mask = np.zeros((rows, columns), dtype=np.bool_)
        mask[rows // 3 :, columns // 4 : columns // 4 * 3] = True
        path = Path("masks", name).with_suffix(".png")
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(mask.astype(np.uint8) * np.uint8(255)).save(path)
        masks[name] = mask
    return masks


def _run(maps: dict[str, NDArray[Any]], folder: str, geometry: str) -> RunRecord:
    for name, values in maps.items():
        path = Path(folder, f"{name}.npy")
        path.parent.mkdir(parents=True, exist_ok=True)
        np.save(path, values)
    return rateval.run(
        {
            "study": {"name": "maps"},
            "dataset": [{"use": "folder", "root": "photos", "masks": "masks"}],
            "model": [{"use": "clip"}],
            "finetune": [{"use": "zs"}],
            "attribution": [{"use": "precomputed", "path": folder, "geometry": geometry}],
            "evidence": [{"use": "relevance-mass"}],
            "run": {"device": "cpu"},
        },
    )


def _scores(record: RunRecord) -> dict[str, float]:
    assert not record.failures
    rows = record.rows(record.cells[0])
    assert all(rows["valid"].to_pylist())
    return dict(zip(rows["id"].to_pylist(), rows["score"].to_pylist(), strict=True))


def test_a_map_of_the_photo_is_judged_where_the_mask_is(
    evidence: dict[str, NDArray[np.bool_]],
) -> None:
    model: Model = make_clip(ClipParams(), Context())
    views = {name: model.preprocess_mask(mask).numpy() for name, mask in evidence.items()}
    expected = _scores(_run(views, "views", "view"))
    given = {name: mask.astype(np.float32) for name, mask in evidence.items()}
    found = _scores(_run(given, "whole", "image"))
    assert set(found) == set(PHOTOS)
    for name, score in found.items():
        assert score == pytest.approx(expected[name], abs=0.02), name
    # Elsewhere it would be worth less: the map is where the mask is.
    flipped = {name: values[::-1] for name, values in given.items()}
    record = _run(flipped, "flipped", "image")
    scores = record.rows(record.cells[0])["score"].to_pylist()
    assert max(scores) < min(found.values()) - 0.1


def test_maps_in_the_stored_orientation_are_refused(
    evidence: dict[str, NDArray[np.bool_]],
) -> None:
    maps = {name: mask.astype(np.float32) for name, mask in evidence.items()}
    maps["test/cup/turned.jpg"] = np.rot90(maps["test/cup/turned.jpg"])
    (failure,) = _run(maps, "maps", "image").failures
    assert '"test/cup/turned.jpg" is 161 × 240 (rows' in failure.error
    assert "its photo is 240 × 161, of another aspect ratio; turned by a quarter" in failure.error
