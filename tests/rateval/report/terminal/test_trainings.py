"""Training curves: drawn, in the report, and collected from runs."""

from __future__ import annotations

import io
import json
import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given, strategies as st
from rich.console import Console

import rateval
from rateval.errors import SpecError
from rateval.records.about.trainings import CurveRecord, EpochRecord
from rateval.records.key import ClassifierKey
from rateval.records.run import RunRecord
from rateval.report.terminal.trainings import BLOCKS, curve_sections, draw
from rateval.spec.extras import HeldOut

Value = float | None
Scores = dict[str, Value]


def curve(*losses: float, **changes: Any) -> CurveRecord:
    """Make a curve; ``accuracy`` and ``held_out`` hold a value for each epoch."""
    accuracies: Sequence[Value] = changes.pop("accuracy", [None] * len(losses))
    scores: Sequence[Scores] = changes.pop("held_out", [{}] * len(losses))
    epochs = [
        EpochRecord(number=number, loss=loss, accuracy=accuracy, lr=1e-3, held_out=found)
        for number, (loss, accuracy, found) in enumerate(
            zip(losses, accuracies, scores, strict=True), 1
        )
    ]
    names: dict[str, Any] = {"model": "clip", "finetuner": "ft", "dataset": "biased"}
    names |= {name: changes.pop(name) for name in (*names, "seed") if name in changes}
    values: dict[str, Any] = {
        "classifier": "c" * 32,
        "key": ClassifierKey(**names),
        "epochs": tuple(epochs),
        "told": {},
    }
    return CurveRecord(**(values | changes))


class Trainings:
    """As much of a run's record as curves need."""

    def __init__(self, *trainings: CurveRecord) -> None:
        self.trainings = trainings


def show(*trainings: CurveRecord, width: int = 80) -> list[str]:
    console = Console(file=io.StringIO(), width=width)
    for part in curve_sections(cast(RunRecord, Trainings(*trainings))):
        console.print(part)
    assert isinstance(console.file, io.StringIO)
    return [line.rstrip() for line in console.file.getvalue().splitlines()]


FT = curve(
    *(1.234, 0.5, 0.25, 0.125),
    accuracy=[0.25, 0.5, 0.75, 1.0],
    held_out=[
        {"accuracy": 0.5, "pt": None, "any-metric": None},
        {"accuracy": 0.8, "pt": 0.9, "any-metric": None},
        {"accuracy": 0.8, "pt": 0.6, "any-metric": None},
        {"accuracy": 0.7, "pt": 0.3, "any-metric": None},
    ],
)
FLCP = curve(3.0, 2.0, finetuner="flcp")


def test_the_table_at_80_columns() -> None:
    assert show(FT, FLCP) == [
        "",
        "training  by epoch · scores in % on the samples held out",
        "model  method  score         first  curve   last     best",
        "─────────────────────────────────────────────────────────",
        "clip   ft      loss           1.23  █▃▂▁   0.125  epoch 4",
        "               acc. (train)   25.0  ▁▃▆█   100.0  epoch 4",
        "               accuracy       50.0  ▁██▆    70.0  epoch 2",
        "               PT                –   █▅▁    30.0  epoch 2",
        "               any-metric        –             –        –",
        "clip   flcp    loss              3  █▁         2  epoch 2",
    ]


@pytest.mark.parametrize("width", [80, 100, 140])
def test_every_line_fits_whatever_the_labels(width: int) -> None:
    epochs = 60
    long = curve(
        *(1 / number for number in range(1, epochs + 1)),
        accuracy=[0.5] * epochs,
        held_out=[{"accuracy": 0.5, "a-metric-of-some-length": 0.1}] * epochs,
        model="a model with a long label",
        finetuner="a method with another one",
    )
    lines = show(long, curve(1.0, dataset="another dataset"), width=width)
    assert max(map(len, lines)) <= width
    assert any("epoch 60" in line for line in lines)


def test_what_a_method_chose_stands_below() -> None:
    chosen = curve(1.0, finetuner="wise-ft", told={"alphas": [{"alpha": 0.5}], "alpha": 0.5})
    lines = show(curve(2.0), chosen, curve(3.0, told={"alphas": []}))
    assert [line for line in lines if "·" in line] == ["  clip · wise-ft: alpha = 0.5"]


def test_one_epoch_is_its_first_last_and_best() -> None:
    (row,) = [line for line in show(curve(0.5)) if "loss" in line]
    assert row.split() == ["clip", "ft", "loss", "0.5", "▁", "0.5", "epoch", "1"]


def test_a_run_without_trainings_has_no_section() -> None:
    assert show() == []


def test_of_several_seeds_the_first_is_shown() -> None:
    lines = show(curve(2.0, 1.0, seed=3), curve(4.0, 3.0, seed=5))
    assert lines[1] == "training  by epoch · seed 3"
    assert [line.split()[3] for line in lines if "loss" in line] == ["2"]
    assert lines[-1] == "  the other seeds' curves stand under trainings in run.json"
    # A single seed needs no name.
    assert show(curve(2.0, 1.0, seed=3))[1] == "training  by epoch"


def test_a_training_of_no_seed_stands_beside_the_first_seed() -> None:
    """One that has a seed of its own is the same for every seed of the study."""
    fixed = curve(9.0, 8.0, finetuner="lp")
    lines = show(fixed, curve(2.0, 1.0, seed=0), curve(4.0, 3.0, seed=1))
    assert lines[1] == "training  by epoch · seed 0"
    assert [line.split()[1] for line in lines if "loss" in line] == ["lp", "ft"]
    assert lines[-1].endswith("run.json")
    alone = show(fixed, curve(2.0, 1.0, seed=0))
    assert alone[1] == "training  by epoch"
    assert not alone[-1].endswith("run.json")


def test_two_datasets_of_one_method_are_told_apart() -> None:
    rows = [line.split() for line in show(curve(1.0), curve(2.0, dataset="other"))]
    assert rows[2][:3] == ["data", "model", "method"]
    assert [row[:3] for row in rows[4:]] == [["biased", "clip", "ft"], ["other", "clip", "ft"]]


values_of_some = st.lists(
    st.one_of(st.none(), st.floats(-1e6, 1e6, allow_nan=False)), min_size=1, max_size=20
)


@given(values=values_of_some)
def test_a_drawing_keeps_order_and_gaps(values: list[Value]) -> None:
    drawn = draw(values)
    assert len(drawn) == len(values)
    heights = [
        (value, BLOCKS.index(block)) for value, block in zip(values, drawn, strict=True) if value
    ]
    for value, block in zip(values, drawn, strict=True):
        assert (block == " ") == (value is None)
    for value, height in heights:
        assert all(other <= height for less, other in heights if less <= value)
    defined = [value for value in values if value is not None]
    if len(set(defined)) > 1:
        assert drawn[values.index(max(defined))] == "█"
        assert drawn[values.index(min(defined))] == "▁"


def test_a_long_curve_keeps_its_ends() -> None:
    values = [math.sin(number / 40) for number in range(126)]
    values[0], values[-1] = -5.0, 5.0
    drawn = draw(values)
    assert len(drawn) == 20
    assert drawn[0] == "▁"
    assert drawn[-1] == "█"
    assert len(draw(values, points=7)) == 7


def test_every_key_of_validation_is_documented() -> None:
    text = (Path(__file__).parents[4] / "docs" / "spec.md").read_text(encoding="utf-8")
    assert "`[held_out]`" in text
    for key, field in HeldOut.model_fields.items():
        assert f"| `{key}` | {json.dumps(field.default)} |" in text


SQUARES = {"use": "squares", "train": 20}
QUICK = {"epochs": 3, "lr": 1e-2, "batch_size": 8}


def spec(*finetune: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {
        "study": {"name": "tiny", "seeds": [0, 1]},
        "dataset": [SQUARES],
        "model": [{"use": "tiny"}],
        "finetune": list(finetune),
        "shift": [{"use": "darken"}],
        "run": {"device": "cpu"},
    } | changes


@pytest.mark.usefixtures("acme")
def test_metrics_are_told_apart_by_their_labels(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two entries of one component have a curve each, and accuracy is there under its own name."""
    monkeypatch.chdir(tmp_path)
    metrics = [
        {"use": "pt"},
        {"use": "pt", "name": "PT again"},
        {"use": "accuracy", "name": "right"},
    ]
    ft = {"use": "ft", "stop_by": "PT again"} | QUICK
    record = rateval.run(spec(ft, metric=metrics, held_out={"images": 6}))
    for training in record.trainings:
        for epoch in training.epochs:
            scores = epoch.held_out
            assert list(scores) == ["accuracy", "pt", "PT again", "right"]
            assert scores["pt"] == scores["PT again"]
            assert scores["right"] == scores["accuracy"]
    relabelled = [{"use": "pt", "name": "first"}, *metrics[1:]]
    again = rateval.run(spec(ft, metric=relabelled, held_out={"images": 6}))
    assert list(again.trainings[0].epochs[0].held_out)[1] == "first"
    with pytest.raises(SpecError, match=r'"pt": unknown; .* by accuracy, first, PT again'):
        rateval.run(spec(ft | {"stop_by": "pt"}, metric=relabelled, held_out={"images": 6}))


@pytest.mark.usefixtures("acme")
def test_a_metric_that_is_called_accuracy_takes_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    metrics = [{"use": "pt", "name": "accuracy"}, {"use": "accuracy", "name": "right"}]
    study = spec({"use": "ft"} | QUICK, metric=metrics, held_out={"images": 6})
    epochs = rateval.run(study).trainings[0].epochs
    assert {tuple(epoch.held_out) for epoch in epochs} == {("accuracy", "right")}
    plain = rateval.run(spec({"use": "ft"} | QUICK, held_out={"images": 6})).trainings[0].epochs
    for epoch, other in zip(epochs, plain, strict=True):
        assert epoch.held_out["accuracy"] == other.held_out["pt"]
        assert epoch.held_out["right"] == other.held_out["accuracy"]


@pytest.mark.usefixtures("acme")
def test_without_masks_accuracy_alone_is_watched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    bare = {"use": "squares", "train": 20, "masks": False, "without_mask": 24}
    metrics = [{"use": "pt"}, {"use": "ir"}, {"use": "accuracy", "name": "right"}]
    changes: dict[str, Any] = {"dataset": [bare], "metric": metrics, "held_out": {"images": 6}}
    record = rateval.run(spec({"use": "ft"} | QUICK, **changes))
    for epoch in record.trainings[0].epochs:
        assert list(epoch.held_out) == ["accuracy", "right"]
        assert epoch.held_out["accuracy"] is not None
    refused = rateval.run(spec({"use": "ft", "stop_by": "pt"} | QUICK, **changes))
    assert refused.failures
    message = r'stop_by = "pt": unknown; .* by accuracy, right'
    assert all(re.search(message, failure.error) for failure in refused.failures)


@pytest.mark.usefixtures("acme")
def test_a_run_keeps_one_curve_for_each_classifier(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    study = spec(
        {"use": "zs"},
        {"use": "ft"} | QUICK,
        {"use": "flcp", "seed": 7} | QUICK,
        held_out={"images": 6},
    )
    record = rateval.run(study)
    found = [(c.key.finetuner, c.key.dataset, c.key.seed) for c in record.trainings]
    # The shifted test has the same classifiers, and flcp has a seed of its own.
    expected = [("ft", "squares", 0), ("ft", "squares", 1), ("flcp", "squares", None)]
    assert found == expected
    assert len(record.cells) > len(found)
    for training in record.trainings:
        assert training.classifier in {cell.classifier for cell in record.cells}
        assert [epoch.number for epoch in training.epochs] == [1, 2, 3]
        for epoch in training.epochs:
            assert (epoch.accuracy is None) == (training.key.finetuner == "flcp")
            assert list(epoch.held_out) == ["accuracy", "pt", "ir"]
    assert rateval.load(record.path).trainings == record.trainings
    # What was stored is drawn again when nothing is trained.
    again = rateval.run(study)
    assert again.trainings == record.trainings
    assert rateval.run(spec({"use": "zs"})).trainings == ()
