"""FiftyOne's own importer on exported folders: ``make test-fiftyone`` has it in an environment."""

from __future__ import annotations

import json
import os
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from rateval.records.run import RunRecord
from rateval.report.export.fiftyone import write_dataset
from rateval.report.export.selecting import select
from rateval.store.tables.pictures import decode_mask

READER = Path(__file__).with_name("read_fiftyone.py")
PYTHON = os.environ.get("RATEVAL_FIFTYONE")
"""A Python that has FiftyOne and its database."""

pytestmark = pytest.mark.skipif(not PYTHON, reason="make test-fiftyone runs these")


@pytest.fixture(scope="module")
def read(run: RunRecord, hostile: RunRecord, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Export a run, one with hostile names, and one with an image without a mask; read them."""
    folder = tmp_path_factory.mktemp("fiftyone")
    write_dataset(select(run), "", folder / "run")
    write_dataset(select(hostile), "", folder / "hostile")
    rows = run.images(run.pictures[0])
    bare = rows.from_pylist(
        [row | ({"mask": None} if at == 0 else {}) for at, row in enumerate(rows.to_pylist())],
        schema=rows.schema,
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(RunRecord, "images", lambda self, pictures: bare)
        write_dataset(select(run), "", folder / "bare")
    assert PYTHON is not None
    done = subprocess.run(
        [PYTHON, str(READER), ".", "run", "hostile", "bare"],
        cwd=folder,
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "FIFTYONE_DATABASE_DIR": str(folder / "database"),
            "FIFTYONE_DO_NOT_TRACK": "true",
        },
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return folder


def found(read: Path, at: int) -> tuple[dict[str, Any], dict[int, dict[str, Any]]]:
    """Return what FiftyOne has of a folder, and its samples by their place, arrays in them."""
    whole = json.loads((read / "found.json").read_text())[at]
    with np.load(read / f"{at}.npz") as arrays:
        for sample in whole["samples"]:
            for value in sample.values():
                if isinstance(value, dict):
                    named = {key: value[key] for key in ("mask", "map") if value.get(key)}
                    value |= {key: arrays[name] for key, name in named.items()}
    return whole, {sample["index"]: sample for sample in whole["samples"]}


def test_it_finds_what_the_run_says(run: RunRecord, read: Path) -> None:
    whole, samples = found(read, 0)
    pictures = {row["index"]: row for row in run.images(run.pictures[0]).to_pylist()}
    classes = run.datasets[0].classes
    assert samples.keys() == pictures.keys()
    assert whole["info"]["fields"]["clip_lp_on_biased"] == "clip · lp on biased"
    for cell in run.cells:
        field, maps = f"clip_{cell.key.finetuner}_on_biased", run.relevance(cell)
        rows = run.rows(cell, "relevance-mass").to_pylist()
        seen: Counter[str] = Counter()
        for row, stored in zip(rows, maps, strict=True):
            if row["index"] not in samples:
                continue
            sample, picture = samples[row["index"]], pictures[row["index"]]
            size = (picture["height"], picture["width"])
            assert (sample["metadata"]["height"], sample["metadata"]["width"]) == size
            assert sample["ground_truth"]["label"] == classes[row["label"]]
            assert sample[f"{field}_prediction"]["label"] == classes[row["prediction"]]
            assert sample[f"{field}_prediction"]["confidence"] == max(row["probabilities"])
            assert sample[f"{field}_correct"] == row["correct"]
            assert sample[f"{field}_relevance_mass_score"] == row["score"]
            quadrant = "WR"[row["correct"]] + "WR"[row["valid"]]
            assert sample[f"{field}_relevance_mass_quadrant"] == quadrant
            seen[quadrant] += 1
            mask = decode_mask(picture["mask"], *size)
            assert np.array_equal(sample["evidence"]["mask"] > 0, mask)
            heat = sample[f"{field}_relevance"]
            large = F.interpolate(
                torch.from_numpy(stored.astype(np.float32))[None, None], size, mode="bilinear"
            )[0, 0].numpy()
            expected = (large - large.min()) / (large.max() - large.min())
            assert heat["range"] == [0, 255]
            assert np.abs(heat["map"] / 255 - expected).max() <= 0.5 / 255 + 1e-4
        assert whole["values"][f"{field}_relevance_mass_quadrant"] == seen


def test_hostile_names_load(hostile: RunRecord, read: Path) -> None:
    whole, samples = found(read, 1)
    assert len(samples) == 20
    labels = {hostile.label(cell.key) for cell in hostile.cells}
    assert set(whole["info"]["fields"].values()) == labels
    assert {name for sample in samples.values() for name in sample["tags"]} == {
        picture.dataset for picture in hostile.pictures
    }


def test_an_image_without_a_mask_has_no_evidence(run: RunRecord, read: Path) -> None:
    _, samples = found(read, 2)
    first = run.images(run.pictures[0]).to_pylist()[0]["index"]
    without = [at for at, sample in samples.items() if sample.get("evidence") is None]
    assert without == [first]
