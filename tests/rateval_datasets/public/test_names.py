"""Names of files that are no UTF-8: they are kept, escaped, as ids of whatever comes of them."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import pytest

import rateval
from rateval.api import Context
from rateval_datasets.public.caltech101 import make_caltech101
from rateval_datasets.public.params import Caltech101Params

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="names are always Unicode here")
ODD = os.fsdecode(b"image_caf\xe9.jpg")
SHOWN = r"airplanes/image_caf\udce9.jpg"


@pytest.fixture
def odd(tools: Any, caltech: Path) -> Path:
    """Make a Caltech-101 of a few classes in which an aeroplane has a name in Latin-1."""
    airplanes = caltech / "101_ObjectCategories" / "airplanes"
    for number in range(1, 4):
        (airplanes / f"image_{number:04d}.jpg").unlink()
    (airplanes / "image_0004.jpg").rename(airplanes / ODD)
    annotations = caltech / "Annotations" / "Airplanes_Side_2"
    outline = annotations / os.fsdecode(b"annotation_caf\xe9.mat")
    (annotations / "annotation_0004.mat").rename(outline)
    tools.draw(airplanes / "image_9999.jpg")
    return caltech


def test_such_a_sample_is_read_with_its_evidence(tools: Any, odd: Path) -> None:
    dataset = make_caltech101(Caltech101Params(root=odd, train_per_class=1), Context())
    assert dataset.train is not None
    both = [*tools.ids(dataset.test), *tools.ids(dataset.train)]
    assert SHOWN in both
    split = dataset.test if SHOWN in tools.ids(dataset.test) else dataset.train
    assert tools.sample(split, SHOWN).mask is not None
    # What is listed names the samples as they name themselves, or no draw could find them.
    assert [sample.id for sample in split.samples(range(len(split)))] == list(split.ids)
    (odd / "101_ObjectCategories" / "airplanes" / ODD).write_bytes(b"no image")
    assert tools.skipped(split)[SHOWN].startswith("unreadable image: ")


def test_a_study_keeps_it_to_the_end(odd: Path, tmp_path: Path) -> None:
    (odd / "101_ObjectCategories" / "airplanes" / "image_9998.jpg").write_bytes(b"no image")
    damaged = odd / "101_ObjectCategories" / "Faces" / os.fsdecode(b"image_\xff.jpg")
    damaged.write_bytes(b"")
    record = rateval.run(
        {
            "study": {"name": "odd"},
            "dataset": [
                {"use": "caltech101", "root": str(odd), "train_per_class": 1, "split_seed": seed}
                | {"name": f"by {seed}"}
                for seed in range(3)
            ],
            "model": [{"use": "clip"}],
            "finetune": [{"use": "zs"}],
        },
        device="cpu",
        output=str(tmp_path / "out"),
    )
    assert not record.failures
    skipped = {sample.id for cell in record.cells for sample in cell.skipped}
    assert r"Faces/image_\udcff.jpg" in skipped
    rows = [record.rows(cell).column("id").to_pylist() for cell in record.cells]
    assert any(SHOWN in ids for ids in rows)
    again = rateval.load(record.path)
    assert again.cells == record.cells
