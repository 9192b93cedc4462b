"""A mark that goes with the class, in training, test or both: end to end on drawn scenes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import rateval
from rateval.records.run import RunRecord
from rateval.spec.document import read_document

EXAMPLE = Path(__file__).parents[3] / "examples" / "watermark.toml"


@pytest.fixture(scope="module")
def record(tmp_path_factory: pytest.TempPathFactory) -> RunRecord:
    """The example with fewer scenes, one seed and no zero-shot model."""
    asked: dict[str, Any] = read_document(EXAMPLE).data
    for dataset in asked["dataset"]:
        dataset |= {"train_size": 400, "test_size": 120}
    asked["study"]["seeds"] = [0]
    asked["finetune"] = [one for one in asked["finetune"] if one["use"] == "ft"]
    asked["run"] = {"device": "cpu", "output": str(tmp_path_factory.mktemp("marked"))}
    return rateval.run(asked)


def accuracies(record: RunRecord, training: str) -> dict[str | None, float]:
    """By the shift of the test."""
    found: dict[str | None, float] = {}
    for cell in record.cells:
        if cell.key.dataset == training:
            correct = record.rows(cell)["correct"].to_pylist()
            found[None if cell.key.shift is None else cell.key.shift.text] = sum(correct) / len(
                correct
            )
    return found


def test_who_was_trained_with_the_mark_goes_by_it(record: RunRecord) -> None:
    plain, own, another = accuracies(record, "marked training").values()
    assert own > plain + 0.2 > another + 0.2


def test_who_was_trained_without_it_does_not(record: RunRecord) -> None:
    found = accuracies(record, "unmarked training")
    assert list(found) == [None, "mark", "mark of another class"]
    assert max(found.values()) - min(found.values()) < 0.2
    marked = accuracies(record, "marked training")
    assert marked["mark"] > found["mark"] + 0.1
    assert found["mark of another class"] > marked["mark of another class"] + 0.1


def test_both_are_tested_on_the_same_images_and_trained_on_others(record: RunRecord) -> None:
    plain, marked = record.datasets
    assert plain.test_identity == marked.test_identity
    assert plain.train_identity != marked.train_identity
    assert len({cell.classifier for cell in record.cells}) == 2
