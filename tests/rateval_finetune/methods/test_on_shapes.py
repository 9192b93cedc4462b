"""The methods on drawn scenes with three seeds: what each must do whatever its figures are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import safetensors
import safetensors.torch

import rateval
from rateval.records.run import RunRecord
from rateval.records.scores.cell import CellRecord

SPEC: dict[str, Any] = {
    "study": {"name": "methods", "seeds": [0, 1, 2]},
    "dataset": [{"use": "shapes", "train_size": 300, "test_size": 120, "test_bias": 0.9}],
    "model": [{"use": "clip"}],
    "finetune": [
        {"use": "zs"},
        {"use": "lp", "epochs": 6, "lr": 1e-2},
        {"use": "flcp", "epochs": 2, "lr": 3e-4},
        {"use": "ft", "epochs": 3, "lr": 3e-4, "head_lr": 3e-3},
    ],
}


@pytest.fixture(scope="module")
def record(tmp_path_factory: pytest.TempPathFactory) -> RunRecord:
    return rateval.run(SPEC, output=tmp_path_factory.mktemp("runs"), device="cpu")


def cells(record: RunRecord, finetuner: str) -> list[CellRecord]:
    found = [cell for cell in record.cells if cell.key.finetuner == finetuner]
    assert [cell.key.seed for cell in found] == [0, 1, 2]
    return found


def accuracy(cell: CellRecord) -> float:
    value = next(s.value.value for s in cell.evidence[0].scores if s.heading == "accuracy")
    assert value is not None
    return value


def names(record: RunRecord, cell: CellRecord) -> set[str]:
    file = record.classifier_folder(cell) / "classifier.safetensors"
    return {name.partition(".")[0] for name in safetensors.torch.load_file(file)}


@pytest.mark.slow
def test_training_loss_falls_with_every_method_and_seed(record: RunRecord) -> None:
    assert len(record.trainings) == 9
    for training in record.trainings:
        losses = [epoch.loss for epoch in training.epochs]
        assert losses[-1] < 0.95 * losses[0], training


@pytest.mark.slow
def test_ft_beats_zero_shot_clearly(record: RunRecord) -> None:
    for tuned, untrained in zip(cells(record, "ft"), cells(record, "zs"), strict=True):
        assert accuracy(tuned) > accuracy(untrained) + 0.1


@pytest.mark.slow
def test_each_method_changes_what_it_should(record: RunRecord) -> None:
    assert names(record, cells(record, "lp")[0]) == {"head"}
    assert names(record, cells(record, "flcp")[0]) == {"model"}
    assert names(record, cells(record, "ft")[0]) == {"head", "image_tower"}


@pytest.mark.slow
def test_a_stored_classifier_says_what_made_it(record: RunRecord) -> None:
    (cell,) = [cell for cell in cells(record, "ft") if cell.key.seed == 1]
    folder = record.classifier_folder(cell)
    with safetensors.safe_open(folder / "classifier.safetensors", framework="pt") as file:
        made_of = json.loads(file.metadata()["made_of"])
    assert made_of == json.loads((folder / "manifest.json").read_text())["inputs"]
    assert made_of["finetuner"]["seed"] == 1
    assert made_of["finetuner"]["params"]["head_lr"] == 3e-3
    assert made_of["model"]["digest"]


@pytest.mark.slow
def test_equal_seeds_give_equal_rows(record: RunRecord, tmp_path: Path) -> None:
    alone = SPEC | {"study": {"name": "methods", "seed": 1}}
    again = rateval.run(alone, output=tmp_path, device="cpu")
    before = [cell for cell in record.cells if cell.key.seed == 1]
    for one, other in zip(before, again.cells, strict=True):
        assert one.identity == other.identity
        assert record.rows(one).equals(again.rows(other))
        assert (record.relevance(one) == again.relevance(other)).all()
