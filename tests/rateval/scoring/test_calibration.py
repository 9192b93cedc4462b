"""Calibration of a run against loops over its rows."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy import stats

import rateval
from rateval.records.run import RunRecord
from rateval.records.scores.cell import CellRecord

pytestmark = pytest.mark.usefixtures("acme")


def test_calibration_equals_loops_over_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    record = rateval.run(
        {
            "study": {"name": "tiny"},
            "dataset": [{"use": "squares", "test": 60}],
            "model": [{"use": "tiny"}],
            "finetune": [{"use": "zs"}],
            "run": {"device": "cpu"},
        }
    )
    (cell,) = record.cells
    pairs = [
        (row["probabilities"][row["prediction"]], row["correct"])
        for row in record.rows(cell).to_pylist()
    ]
    bins: dict[int, list[tuple[float, bool]]] = {}
    for pair in pairs:
        bins.setdefault(min(int(pair[0] * 15), 14), []).append(pair)
    off = sum(
        abs(sum(c for c, _ in found) - sum(right for _, right in found)) for found in bins.values()
    )
    right = [c for c, correct in pairs if correct]
    wrong = [c for c, correct in pairs if not correct]
    above = sum((one > other) + (one == other) / 2 for one in right for other in wrong)
    found = cell.calibration
    assert found is not None
    assert found.error.value == pytest.approx(off / len(pairs))
    assert found.ability.value == pytest.approx(above / len(right) / len(wrong))
    for estimate in (found.error, found.ability):
        assert estimate.value is not None
        assert estimate.low is not None
        assert estimate.high is not None
        assert estimate.low <= estimate.value <= estimate.high
        assert estimate.count == 60


TUNED = {"use": "ft", "epochs": 1, "lr": 0.003, "batch_size": 8}


def _split(record: RunRecord, cell: CellRecord) -> dict[str, list[float]]:
    """Return the confidences of each quadrant, by a loop over the rows."""
    found: dict[str, list[float]] = {name: [] for name in ("RR", "RW", "WR", "WW")}
    for row in record.rows(cell).to_pylist():
        if row["mask_area"] is not None:
            name = ("W", "R")[row["correct"]] + ("W", "R")[row["valid"]]
            found[name].append(row["probabilities"][row["prediction"]])
    return found


def test_confidence_by_quadrant_equals_loops_over_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    record = rateval.run(
        {
            "study": {"name": "tiny", "seeds": [0, 1, 2]},
            "dataset": [{"use": "squares", "test": 80, "bare_every": 5}],
            "model": [{"use": "tiny"}],
            "finetune": [TUNED],
            "evidence": [{"use": "relevance-mass", "threshold": 0.25}],
            "statistics": {"level": 0.9},
            "run": {"device": "cpu"},
        }
    )
    means: dict[str, list[float | None]] = {}
    abilities: list[float | None] = []
    for cell in record.cells:
        found = cell.evidence[0].confidence
        assert found is not None
        for name, values in _split(record, cell).items():
            estimate = found.quadrants[name]
            assert estimate.count == len(values) == cell.evidence[0].quadrants[name]
            means.setdefault(name, []).append(estimate.value)
            if not values:
                assert (estimate.value, estimate.low, estimate.high) == (None, None, None)
                continue
            assert estimate.value == pytest.approx(np.mean(values))
            if len(values) > 1:
                half = stats.t.ppf(0.95, len(values) - 1) * stats.sem(values)
                ends = (estimate.value - half, estimate.value + half)
                assert (estimate.low, estimate.high) == pytest.approx(ends)
        valid, other = (_split(record, cell)[name] for name in ("RR", "RW"))
        assert found.ability.count == len(valid) + len(other)
        above = [(one > two) + (one == two) / 2 for one in valid for two in other]
        assert found.ability.value == (pytest.approx(np.mean(above)) if above else None)
        abilities.append(found.ability.value)
    over = record.over_seeds[0].evidence[0].confidence
    assert over is not None
    assert over.ability.values == tuple(abilities)
    for name, per_seed in means.items():
        assert over.quadrants[name].values == tuple(per_seed)
        assert over.quadrants[name].over == "seeds"
    assert any(value is not None for value in abilities)


def test_without_masks_no_quadrant_has_a_confidence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    record = rateval.run(
        {
            "study": {"name": "tiny"},
            "dataset": [{"use": "squares", "without_mask": 12}],
            "model": [{"use": "tiny"}],
            "finetune": [{"use": "zs"}],
            "run": {"device": "cpu"},
        }
    )
    (cell,) = record.cells
    assert cell.calibration is not None
    assert cell.evidence[0].confidence is None
