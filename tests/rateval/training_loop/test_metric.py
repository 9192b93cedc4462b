"""The metric of a training loop: a run's numbers, whatever the batches and processes are."""

from __future__ import annotations

import copy
import json
import math
import os
import pickle
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy.stats import binomtest

import rateval

torchmetrics = pytest.importorskip("torchmetrics")

STATES = ("RR", "RW", "WR", "WW", "RU", "WU")


def plain(found: dict[str, torch.Tensor]) -> dict[str, Any]:
    return {name: value.item() for name, value in found.items()}


def expect(record: Any, validator: str) -> dict[str, Any]:
    """Return what a run says, under the names of the metric."""
    (cell,) = record.cells
    (evidence,) = (one for one in cell.evidence if one.validator == validator)
    found: dict[str, Any] = dict(evidence.quadrants)
    for score in evidence.scores:
        value = score.value
        ends = {f"{score.metric}_low": value.low, f"{score.metric}_high": value.high}
        found |= {score.metric: value.value} | ends
    rows = record.rows(cell, validator).to_pylist()
    unknown = [row["correct"] for row in rows if row["mask_area"] is None]
    assert 0 < len(unknown) < len(rows)
    return found | {"RU": sum(unknown), "WU": len(unknown) - sum(unknown)}


def cut(count: int, size: int = 7) -> Iterator[slice]:
    return (slice(start, start + size) for start in range(0, count, size))


@pytest.mark.parametrize("validator", ["relevance-mass", "pointing-game"])
def test_rows_of_a_run_give_its_numbers(scenes: Any, validator: str) -> None:
    rows = scenes.record.rows(scenes.record.cells[0], validator).to_pydict()
    metric = rateval.PredictionRationality(level=0.95)
    known = torch.tensor([area is not None for area in rows["mask_area"]])
    for part in cut(len(known)):
        correct, valid = (torch.tensor(rows[name][part]) for name in ("correct", "valid"))
        metric.update(correct, valid, known[part])
    assert plain(metric.compute()) == expect(scenes.record, validator)


@pytest.mark.parametrize(
    ("validator", "label"),
    [
        ("relevance-mass", "relevance-mass"),
        ({"use": "pointing-game", "tolerance": 2}, "pointing-game"),
    ],
)
@pytest.mark.parametrize("listed", [True, False])
def test_maps_and_masks_give_a_runs_numbers(
    scenes: Any, validator: Any, label: str, listed: bool
) -> None:
    metric = rateval.PredictionRationality(validator, level=0.95)
    nothing = torch.zeros(64, 64, dtype=torch.bool)
    for part in cut(len(scenes.labels)):
        masks: Any = scenes.masks[part]
        more = {}
        if not listed:
            more = {"known": torch.tensor([mask is not None for mask in masks])}
            masks = torch.stack([nothing if mask is None else mask for mask in masks])
        metric.update(scenes.logits[part], scenes.labels[part], scenes.maps[part], masks, **more)
    assert plain(metric.compute()) == expect(scenes.record, label)


def test_maps_of_any_scale_and_precision_count_alike(scenes: Any) -> None:
    found = []
    for maps in (scenes.maps, 1e-9 * scenes.maps.double(), scenes.maps.half()):
        metric = rateval.PredictionRationality()
        metric.update(scenes.logits, scenes.labels, maps.requires_grad_(), scenes.masks)
        found.append(plain(metric.compute()))
    assert found[0] == found[1] == found[2]


def test_a_threshold_is_the_validators(scenes: Any) -> None:
    valid = []
    rows = scenes.record.rows(scenes.record.cells[0], "relevance-mass").to_pylist()
    for threshold in (0.0, 0.2, 0.5, 1.0):
        metric = rateval.PredictionRationality(threshold=threshold)
        metric.update(scenes.logits, scenes.labels, scenes.maps, scenes.masks)
        found = plain(metric.compute())
        valid.append(found["RR"] + found["WR"])
        assert valid[-1] == sum(
            row["mask_area"] is not None and row["undefined"] is None and row["score"] >= threshold
            for row in rows
        )
    assert valid[0] > valid[-1]


def test_counts_and_intervals_are_those_of_a_loop() -> None:
    chance = np.random.default_rng(3)
    outcomes = chance.random((200, 3)) < (0.7, 0.4, 0.8)
    metric = rateval.PredictionRationality(level=0.9)
    for part in cut(200, 13):
        metric.update(*map(torch.from_numpy, outcomes[part].T.copy()))
    counts = dict.fromkeys(STATES, 0)
    for correct, valid, known in outcomes:
        counts["RW"[not correct] + ("RW"[not valid] if known else "U")] += 1
    found = plain(metric.compute())
    assert {state: found[state] for state in STATES} == counts
    shares = {
        "accuracy": (counts["RR"] + counts["RW"] + counts["RU"], 200),
        "pt": (counts["RR"], counts["RR"] + counts["RW"]),
        "ir": (counts["RR"], counts["RR"] + counts["WR"]),
    }
    for name, (above, below) in shares.items():
        ends = binomtest(above, below).proportion_ci(0.9, method="wilson")
        assert found[name] == above / below
        assert found[f"{name}_low"] == pytest.approx(ends.low, abs=1e-12)
        assert found[f"{name}_high"] == pytest.approx(ends.high, abs=1e-12)
    assert "pt_low" not in rateval_compute(torch.tensor([True]))


def rateval_compute(correct: torch.Tensor) -> dict[str, Any]:
    metric = rateval.PredictionRationality()
    metric.update(correct, correct)
    return plain(metric.compute())


def test_a_share_of_nothing_is_nan_beside_its_counts() -> None:
    metric = rateval.PredictionRationality(level=0.95)
    wrong = torch.tensor([False, False])
    metric.update(wrong, ~wrong, known=torch.tensor([True, False]))
    found = plain(metric.compute())
    assert (found["accuracy"], found["ir"], found["WR"], found["WU"]) == (0, 0, 1, 1)
    assert all(math.isnan(found[name]) for name in ("pt", "pt_low", "pt_high"))
    metric.reset()
    metric.update(wrong[:0], wrong[:0])
    metric.update(torch.zeros(0, 3), torch.zeros(0, dtype=torch.long), torch.zeros(0, 2, 2), [])
    found = plain(metric.compute())
    assert all(math.isnan(found[name]) for name in ("accuracy", "pt", "ir"))
    assert not any(found[state] for state in STATES)


def test_an_image_of_unknown_evidence_counts_in_accuracy_alone() -> None:
    metric = rateval.PredictionRationality()
    maps, masks = torch.rand(3, 4, 4), [None, None, None]
    metric.update(torch.eye(3), torch.tensor([0, 1, 0]), maps, masks)
    found = plain(metric.compute())
    assert (found["accuracy"], found["RU"], found["WU"]) == (2 / 3, 2, 1)
    assert math.isnan(found["pt"])


def test_a_map_that_says_nothing_is_not_valid() -> None:
    metric = rateval.PredictionRationality(threshold=0.0)
    mask = torch.ones(2, 8, 8, dtype=torch.bool)
    mask[1] = False  # nothing of it is in the model's view
    metric.update(torch.eye(2), torch.tensor([0, 1]), torch.ones(2, 4, 4), mask)
    found = plain(metric.compute())
    assert (found["RW"], found["RU"]) == (2, 0)


def test_a_loop_sees_each_batch_and_all_of_them(scenes: Any) -> None:
    metric, right = rateval.PredictionRationality(), torch.tensor([True, False, True])
    first = plain(metric(right, right))
    second = plain(metric(~right, right))
    assert (first["accuracy"], second["accuracy"]) == (2 / 3, 1 / 3)
    found = plain(metric.compute())
    assert (found["RR"], found["WR"], found["WW"], found["RW"]) == (2, 2, 1, 1)
    metric.reset()
    assert not any(plain_states(metric).values())


def plain_states(metric: Any) -> dict[str, int]:
    # compute() of what was never updated warns, as of every metric.
    metric.update(torch.zeros(0, dtype=torch.bool), torch.zeros(0, dtype=torch.bool))
    found = plain(metric.compute())
    return {state: found[state] for state in STATES}


def test_a_collection_holds_it_beside_torchmetrics_own(scenes: Any) -> None:
    classes = scenes.logits.shape[1]
    names = {
        "top": torchmetrics.classification.MulticlassAccuracy(classes, average="micro"),
        "why": rateval.PredictionRationality(),
    }
    collection = torchmetrics.MetricCollection(names, prefix="val_")
    for part in cut(len(scenes.labels)):
        collection.update(
            preds=scenes.logits[part],
            target=scenes.labels[part],
            relevance=scenes.maps[part],
            masks=scenes.masks[part],
        )
    found = plain(collection.compute())
    expected = expect(scenes.record, "relevance-mass")
    assert found["val_top"] == pytest.approx(expected["accuracy"], abs=1e-6)
    assert (found["val_pt"], found["val_RW"]) == (expected["pt"], expected["RW"])


def test_a_collection_keeps_thresholds_apart_that_agree_on_the_first_batch(scenes: Any) -> None:
    masks = torch.zeros(2, 4, 4, dtype=torch.bool)
    masks[:, :, :2] = True
    sure = torch.zeros(2, 4, 4)
    sure[:, :, 0] = 1.0
    unsure = sure.clone()
    unsure[:, 0, 3] = 0.9
    logits, labels = torch.eye(2), torch.tensor([0, 1])
    collection = torchmetrics.MetricCollection(
        {f"at {at:.0%}": rateval.PredictionRationality(threshold=at) for at in (0.5, 0.95)}
    )
    for maps in (sure, unsure):
        collection.update(logits, labels, maps, masks)
    assert len(collection.compute_groups) == 2
    found = {name: plain(metric.compute()) for name, metric in collection.items()}
    assert (found["at 50%"]["RR"], found["at 95%"]["RR"]) == (4, 2)


def test_states_are_saved_copied_and_moved(tmp_path: Path) -> None:
    right = torch.tensor([True, False])
    metric = rateval.PredictionRationality(level=0.8)
    metric.persistent(True)
    metric.update(right, ~right)
    expected = plain(metric.compute())
    torch.save(metric.state_dict(), tmp_path / "states.pt")
    again = rateval.PredictionRationality(level=0.8)
    again.load_state_dict(torch.load(tmp_path / "states.pt", weights_only=True))
    again.update(right[:0], right[:0])
    copies = [again, copy.deepcopy(metric), pickle.loads(pickle.dumps(metric)), metric.clone()]
    for one in copies:
        assert plain(one.compute()) == expected
        one.update(right, ~right)
        assert one.compute()["RW"] == 2
    assert plain(metric.compute()) == expected
    with pytest.raises(RuntimeError, match="Unexpected key"):  # counts of another threshold
        other = rateval.PredictionRationality(threshold=0.3)
        other.persistent(True)
        other.load_state_dict(metric.state_dict())
    moved: Any = metric.half().to("meta")
    assert {value.device.type for value in moved.metric_state.values()} == {"meta"}
    assert {value.dtype for value in moved.metric_state.values()} == {torch.long}


LOOP = """
import datetime, json, sys, torch, rateval
rank, meeting = int(sys.argv[1]), sys.argv[2]
torch.distributed.init_process_group(
    "gloo", init_method=f"file://{meeting}", rank=rank, world_size=2,
    timeout=datetime.timedelta(seconds=300),
)
metric = rateval.PredictionRationality(level=0.95)
outcomes = torch.tensor(json.load(open(sys.argv[3])))
for batch in outcomes[:70].split(9) if rank else outcomes[70:].split(4):
    metric.update(*batch.T)
found = {name: value.item() for name, value in metric.compute().items()}
own = metric.metric_state  # after compute() each process has its own counts again
found["own"] = sum(int(value.sum()) for value in own.values())
print(json.dumps(found))
torch.distributed.destroy_process_group()
"""


def test_two_processes_count_together(tmp_path: Path) -> None:
    outcomes = np.random.default_rng(5).random((100, 3)) < 0.6
    (tmp_path / "loop.py").write_text(LOOP)
    (tmp_path / "outcomes.json").write_text(json.dumps(outcomes.tolist()))
    environment = {**os.environ, "GLOO_SOCKET_IFNAME": "lo", "OMP_NUM_THREADS": "1"}
    started = [
        subprocess.Popen(
            [sys.executable, "loop.py", str(rank), str(tmp_path / "meeting"), "outcomes.json"],
            cwd=tmp_path, env=environment, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )
        for rank in range(2)
    ]  # fmt: skip
    try:
        ended = [process.communicate(timeout=300) for process in started]
    finally:
        for process in started:
            process.kill()
            process.wait()
    assert [process.returncode for process in started] == [0, 0], ended
    found = [json.loads(out.splitlines()[-1]) for out, _ in ended]
    alone = rateval.PredictionRationality(level=0.95)
    alone.update(*map(torch.from_numpy, outcomes.T.copy()))
    assert [one.pop("own") for one in found] == [30, 70]
    assert found[0] == found[1] == plain(alone.compute())


def test_nothing_is_imported_before_somebody_asks(tmp_path: Path) -> None:
    """Where torchmetrics is missing, all else works, and the name says what to install."""
    code = """
import sys
sys.modules["torchmetrics"] = None
import rateval
assert not {"torch", "lightning_utilities"} & sys.modules.keys()
assert rateval.create and not hasattr(rateval, "PredictionRationalty")
try:
    rateval.PredictionRationality
except rateval.RatevalError as error:
    print(error)
"""
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.stdout == (
        "rateval.PredictionRationality: needs torchmetrics, which is not installed; "
        "pip install 'rateval[torchmetrics]'\n"
    ), done.stderr
