"""``--limit`` takes samples of every class, wherever they stand in a split."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from rateval.records.run import load

GOLDEN = Path(__file__).parents[2] / "golden"
Rateval = Callable[..., Any]
MakePlugin = Callable[..., Path]

PLUGIN = """
from rateval.api import Component, hookimpl

@hookimpl
def rateval_register_datasets():
    return [Component(name="sorted", summary="s", factory="sorted_parts:make",
                      params="sorted_parts:SortedParams")]
"""
PARTS = '''
import numpy as np
from PIL import Image
from rateval.api import Params, Sample

class SortedParams(Params):
    listed: bool = True
    """Whether the split lists ids and labels."""
    rare: int = 30
    """Samples of each class but the first, which has all others."""

class Split:
    def __init__(self, name, listed, rare):
        self.name, self.identity = name, f"sorted {name}"
        others = [label for label in range(1, 10) for _ in range(rare)]
        self.all_labels = [0] * (len(self) - len(others)) + others
        if listed:
            self.ids = [f"{name}-{at}" for at in range(len(self))]
            self.labels = self.all_labels

    def __len__(self):
        return 300

    def samples(self, indices):
        grey, mask = Image.new("RGB", (32, 24)), np.ones((24, 32), bool)
        mask[:9] = False
        return [Sample(f"{self.name}-{at}", grey, self.all_labels[at], mask, "a thing")
                for at in indices]

class Sorted:
    has_masks = True
    classes = tuple(f"class {label}" for label in range(10))
    def __init__(self, listed, rare):
        self.train, self.test = (Split(name, listed, rare) for name in ("train", "test"))

def make(params, context):
    return Sorted(params.listed, params.rare)
'''
SPEC = """
[study]
name = "sorted"
[[dataset]]
{dataset}
[[model]]
use = "tiny"
[[finetune]]
use = "zs"
[[finetune]]
use = "lp"
epochs = 1
[[attribution]]
use = "center-prior"
[faithfulness]
images = 10
steps = 2
randomisation = false
"""


@pytest.fixture(autouse=True)
def _sorted(acme: Path, make_plugin: MakePlugin) -> None:
    make_plugin(PLUGIN, distribution="sorted", sorted_parts=PARTS)


def run(rateval: Rateval, dataset: str, *options: str) -> tuple[Any, str]:
    Path("spec.toml").write_text(SPEC.format(dataset=dataset))
    done = rateval("run", "spec.toml", "--set", "device=cpu", *options)
    assert done.code == 0, done.err
    (newest,) = [path.parent for path in Path("runs").glob("*/run.json")]
    return load(newest), " ".join(done.out.split())


def test_twenty_of_a_class_sorted_split_are_of_all_ten_classes(rateval: Rateval) -> None:
    record, said = run(rateval, 'use = "sorted"', "--limit", "20")
    for cell in record.cells:
        assert Counter(record.rows(cell)["label"].to_pylist()) == dict.fromkeys(range(10), 2)
        followed = record.curves(cell)["id"].to_pylist()
        assert len({int(name.split("-")[1]) // 30 for name in followed}) == 10
    assert "limited to 20 samples of every split" in said
    assert (
        "sorted: 20 of 300 test images, from 10 of 10 classes; 20 of 300 training images, from 10 "
        "of 10 classes"
    ) in said
    again = rateval("report", str(record.path))
    assert "20 of 300 test images, from 10 of 10 classes" in " ".join(again.out.split())


def test_fewer_than_classes_are_of_as_many(rateval: Rateval) -> None:
    record, said = run(rateval, 'use = "sorted"', "--limit", "4")
    assert len(set(record.rows(record.cells[0])["label"].to_pylist())) == 4
    assert "4 of 300 test images, from 4 of 10 classes" in said


def test_a_dataset_that_lists_nothing_says_so(rateval: Rateval) -> None:
    record, said = run(rateval, 'use = "sorted"\nlisted = false', "--limit", "20")
    labels = record.rows(record.cells[0])["label"].to_pylist()
    assert len(labels) == 20
    assert len(set(labels)) > 5  # by chance, and not the first of the split
    assert "20 of 300 test images, drawn whatever their class, which the dataset doesn't" in said


def test_equally_many_of_each_class_is_another_result_and_says_so(rateval: Rateval) -> None:
    uneven = 'use = "sorted"\nrare = 3'
    share, _ = run(rateval, uneven, "--limit", "29")
    shutil.rmtree(share.path)
    record, said = run(rateval, uneven, "--limit", "29", "--set", "limit_by=class")
    labels = [Counter(found.rows(found.cells[0])["label"].to_pylist()) for found in (share, record)]
    assert max(labels[0].values()) == labels[0][0] > 10
    assert set(labels[1].values()) <= {2, 3, 4}
    assert (share.limit_by, record.limit_by) == ("share", "class")
    inferred = [
        {stage.identity for stage in found.stages if stage.stage == "infer"}
        for found in (share, record)
    ]
    assert inferred[0]
    assert inferred[0].isdisjoint(inferred[1])
    told = "limited to 29 samples of every split, equally many of each class as far as it has them"
    assert f"{told}: scores are over these balanced samples, and don't estimate those over" in said
    again = rateval("report", str(record.path))
    assert told in " ".join(again.out.split())


def test_equally_many_of_a_dataset_that_lists_nothing_are_refused(rateval: Rateval) -> None:
    Path("spec.toml").write_text(SPEC.format(dataset='use = "sorted"\nlisted = false'))
    done = rateval("run", "spec.toml", "--limit", "20", "--set", "limit_by=class")
    assert done.code == 2
    assert 'run.limit_by = "class": the split "sorted test" doesn\'t list its labels' in done.err
    assert not list(Path("runs").glob("*/run.json"))


def test_a_way_without_a_limit_is_refused_whatever_the_way(rateval: Rateval) -> None:
    Path("spec.toml").write_text(SPEC.format(dataset='use = "sorted"'))
    for way in ("class", "share"):
        done = rateval("validate", "spec.toml", "--set", f"limit_by={way}")
        assert done.code == 2
        assert f'limit_by = "{way}": says how a limit is drawn, and there is none' in done.err


def test_a_bundled_folder_of_classes(rateval: Rateval, tmp_path: Path) -> None:
    root = tmp_path / "caltech"
    for number in range(5):
        folder = root / "101_ObjectCategories" / f"class {number}"
        folder.mkdir(parents=True)
        for image in range(1, 9):
            pixels = np.full((32, 32, 3), 20 * number + image, np.uint8)
            Image.fromarray(pixels).save(folder / f"image_{image:04d}.jpg")
    (root / "Annotations" / "class 0").mkdir(parents=True)
    outline = GOLDEN / "mat5" / "outline.mat"
    shutil.copy(outline, root / "Annotations" / "class 0" / "annotation_0001.mat")
    dataset = f'use = "caltech101"\nroot = {str(root)!r}\ntrain_per_class = 3'.replace("'", '"')
    record, said = run(rateval, dataset, "--limit", "5")
    assert sorted(record.rows(record.cells[0])["label"].to_pylist()) == [0, 1, 2, 3, 4]
    assert "5 of 25 test images, from 5 of 5 classes" in said
    assert "5 of 15 training images, from 5 of 5 classes" in said
