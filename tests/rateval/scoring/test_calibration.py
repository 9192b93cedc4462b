"""Calibration of a run against loops over its rows."""

from __future__ import annotations

from pathlib import Path

import pytest

import rateval

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
