"""Folders of pictures: as FiftyOne and pycocotools load them, they hold what the run does."""

from __future__ import annotations

import base64
import io
import json
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn import functional as F

from rateval.errors import RatevalError
from rateval.records.run import RunRecord
from rateval.report.export.coco import encode_region
from rateval.report.export.fiftyone import write_dataset
from rateval.report.export.pictures import draw_heat
from rateval.report.export.selecting import select
from rateval.store.tables.pictures import decode_mask

if TYPE_CHECKING:
    from numpy.typing import NDArray

Export = Callable[..., tuple[int, str, str]]
KNOWN: dict[str, dict[str, type]] = {
    "Classification": {"tags": list, "label": str, "confidence": float},
    "Segmentation": {"tags": list, "mask": dict},
    "Heatmap": {"tags": list, "map": dict, "range": list},
}
"""Classes of FiftyOne's labels to their attributes, from its documentation."""


def load(folder: Path) -> list[dict[str, Any]]:
    """Read a dataset as FiftyOne's importer of a folder without a version does.

    A document has a ``_cls`` that names its class, an array is what ``bson.json_util`` makes of
    ``$binary``: compressed bytes of a .npy file; names of fields begin with no low line and hold no
    dollar.
    """
    metadata = json.loads((folder / "metadata.json").read_text())
    assert "version" not in metadata and metadata["media_type"] == "image"
    samples: list[dict[str, Any]] = json.loads((folder / "samples.json").read_text())["samples"]
    for sample in samples:
        assert (folder / sample["filepath"]).is_file()
        for name, value in sample.items():
            assert not name.startswith("_") and "$" not in name and "." not in name
            assert value is not None
            if isinstance(value, dict):
                kind = KNOWN[value.pop("_cls")]
                for attribute, content in value.items():
                    assert isinstance(content, kind[attribute])
                    if isinstance(content, dict):
                        value[attribute] = unpack(content)
    return samples


def unpack(content: dict[str, Any]) -> NDArray[Any]:
    assert content.keys() == {"$binary"} and content["$binary"]["subType"] == "00"
    found: NDArray[Any] = np.load(
        io.BytesIO(zlib.decompress(base64.b64decode(content["$binary"]["base64"])))
    )
    return found


def test_fiftyone_holds_labels_masks_maps_and_quadrants(
    run: RunRecord, export: Export, tmp_path: Path
) -> None:
    folder = tmp_path / "dataset"
    code, out, said = export("--format", "fiftyone", "--output", str(folder))
    assert (code, out) == (0, "")
    assert "20 of 60 test images are shown. They are no random sample" in said
    samples = load(folder)
    pictures = {row["index"]: row for row in run.images(run.pictures[0]).to_pylist()}
    assert sorted(sample["index"] for sample in samples) == sorted(pictures)
    classes = run.datasets[0].classes
    for cell in run.cells:
        field = f"clip_{cell.key.finetuner}_on_biased"
        maps = run.relevance(cell)
        rows = {name: run.rows(cell, name).to_pylist() for name in ("relevance-mass",)}
        at = {row["index"]: place for place, row in enumerate(rows["relevance-mass"])}
        edits = run.rows(cell, "counterfactual").to_pylist()
        for sample in samples:
            place = at[sample["index"]]
            row, picture = rows["relevance-mass"][place], pictures[sample["index"]]
            assert sample["image"] == row["id"] == picture["id"]
            assert sample["ground_truth"]["label"] == classes[row["label"]]
            prediction = sample[f"{field}_prediction"]
            assert prediction["label"] == classes[row["prediction"]]
            assert prediction["confidence"] == max(row["probabilities"])
            mask = decode_mask(picture["mask"], picture["height"], picture["width"])
            assert np.array_equal(sample["evidence"]["mask"] == 255, mask)
            heat = sample[f"{field}_relevance"]
            expected = F.interpolate(
                torch.from_numpy(maps[place].astype(np.float32))[None, None],
                size=mask.shape,
                mode="bilinear",
                align_corners=False,
            )[0, 0].numpy()
            expected = (expected - expected.min()) / (expected.max() - expected.min())
            assert heat["range"] == [0, 255]
            assert np.abs(heat["map"] / 255 - expected).max() <= 0.5 / 255 + 1e-4
            right, valid = row["correct"], row["valid"]
            quadrant = ("R" if right else "W") + ("R" if valid else "W")
            assert sample[f"{field}_relevance_mass_quadrant"] == quadrant
            assert sample[f"{field}_relevance_mass_score"] == row["score"]
            known = edits[place]["known"]
            letter = ("R" if edits[place]["valid"] else "W") if known else "U"
            assert sample[f"{field}_counterfactual_quadrant"] == ("R" if right else "W") + letter
            with (
                Image.open(folder / sample["filepath"]) as image,
                Image.open(io.BytesIO(picture["picture"])) as stored,
            ):
                assert np.array_equal(np.asarray(image), np.asarray(stored.convert("RGB")))


def test_coco_is_read_by_pycocotools(
    run: RunRecord, export: Export, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("pycocotools")
    from pycocotools.coco import COCO

    folder = tmp_path / "coco"
    code, _, said = export("--format", "coco", "--output", str(folder), "--cell", "*lp*")
    assert code == 0 and "biased/  biased: 20 of 60 test images" in said
    coco = COCO(str(folder / "biased" / "annotations.json"))
    pictures = {row["index"]: row for row in run.images(run.pictures[0]).to_pylist()}
    assert set(coco.imgs) == set(pictures)
    rows = {row["index"]: row for row in run.rows(run.cells[1], "relevance-mass").to_pylist()}
    for annotation in coco.anns.values():
        picture = pictures[annotation["image_id"]]
        mask = decode_mask(picture["mask"], picture["height"], picture["width"])
        assert np.array_equal(coco.annToMask(annotation).astype(bool), mask)
        assert annotation["area"] == mask.sum()
        left, top, width, height = annotation["bbox"]
        assert mask[top : top + height, left : left + width].sum() == mask.sum()
        assert mask[top].any() and mask[:, left + width - 1].any()
        assert annotation["category_id"] == rows[annotation["image_id"]]["label"]
        assert (folder / "biased/images" / coco.imgs[annotation["image_id"]]["file_name"]).is_file()
    results = coco.loadRes(str(folder / "biased" / "results" / "clip_lp_on_biased.json"))
    assert [path.name for path in (folder / "biased" / "results").iterdir()] == [
        "clip_lp_on_biased.json"
    ]
    for found in results.anns.values():
        row = rows[found["image_id"]]
        assert (found["category_id"], found["score"]) == (
            row["prediction"],
            row["probabilities"][row["prediction"]],
        )


def test_an_image_without_mask_or_picture(
    run: RunRecord, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = run.images(run.pictures[0])
    first, second, *_ = rows.to_pylist()
    changed = rows.to_pylist()
    changed[0] = first | {"mask": None}
    changed[1] = second | {"picture": None, "width": None, "height": None, "mask": None}
    table = rows.from_pylist(changed, schema=rows.schema)
    monkeypatch.setattr(RunRecord, "images", lambda self, pictures: table)
    write_dataset(select(run), "", tmp_path)
    samples = {sample["index"]: sample for sample in load(tmp_path)}
    assert "evidence" not in samples[first["index"]]
    assert second["index"] not in samples and len(samples) == 19


def test_without_pictures_it_says_how_to_get_some(run: RunRecord, tmp_path: Path) -> None:
    bare = run.model_copy(update={"pictures": ()})
    bare._path = run.path
    with pytest.raises(RatevalError, match=r"keeps no pictures .* --pictures 200, then export"):
        write_dataset(select(bare), "", tmp_path)
    assert not list(tmp_path.iterdir())


def test_hostile_labels_make_plain_names(hostile: RunRecord, tmp_path: Path) -> None:
    write_dataset(select(hostile), "", tmp_path)
    for sample in load(tmp_path):
        assert all(name.replace("_", "").isalnum() and name.isascii() for name in sample)


def test_a_constant_map_is_dark() -> None:
    assert not draw_heat(np.full((2, 2), 0.3, dtype=np.float16), 4, 4).any()


def test_regions_run_down_the_columns() -> None:
    chance = np.random.default_rng(0)
    for _ in range(20):
        mask = chance.random((5, 7)) < 0.4
        region = encode_region(mask)
        assert sum(region["counts"]) == 35
        values = np.repeat(np.arange(len(region["counts"])) % 2, region["counts"])
        assert np.array_equal(values.reshape(7, 5).T.astype(bool), mask)
