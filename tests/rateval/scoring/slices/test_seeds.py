"""Scores by class and by area over the seeds of a run, from the run's rows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import rateval
from rateval.records.run import RunRecord

pytestmark = pytest.mark.usefixtures("acme")

ZS: dict[str, Any] = {"use": "zs"}
TUNED = {"use": "ft", "epochs": 1, "lr": 0.003, "batch_size": 8}


def run(**changes: Any) -> RunRecord:
    spec: dict[str, Any] = {
        "study": {"name": "tiny", "seeds": [0, 1, 2]},
        "dataset": [{"use": "squares", "test": 90}],
        "model": [{"use": "tiny"}],
        "finetune": [ZS, TUNED],
        "evidence": [{"use": "relevance-mass", "threshold": 0.25}],
        "run": {"device": "cpu"},
    }
    return rateval.run(spec | changes)


def test_means_over_seeds_are_those_of_the_cells(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    record = run()
    alone, over = record.over_seeds
    cells = [cell for cell in record.cells if cell.key.finetuner == "ft"]
    for metric in ("accuracy", "pt"):
        tables = [record.classes(cell, metric=metric).to_pylist() for cell in cells]
        score = over.evidence[0].score(metric)
        assert score is not None
        assert score.classes is not None
        compared = {
            rows[0]["name"]: np.mean([row["value"] for row in rows if row["value"] is not None])
            for rows in zip(*tables, strict=True)
            if np.mean([row["denominator"] for row in rows]) >= 10
            and sum(row["value"] is not None for row in rows) > 1
        }
        assert score.classes.compared == len(compared) > 0
        worst = {found.name: found for found in score.classes.worst}
        assert list(worst) == sorted(compared, key=lambda name: compared[name])[:5]
        for name, found in worst.items():
            assert found.value == pytest.approx(compared[name])
            assert 0 <= found.low <= found.value <= found.high <= 1
            assert found.over == "seeds and images"
        thirds = [
            [area.value for area in one.areas]
            for cell in cells
            for one in [cell.evidence[0].score(metric)]
            if one is not None
        ]
        assert [area.value for area in score.areas] == pytest.approx(np.mean(thirds, axis=0))
    # What depends on no seed has what its one cell has.
    (cell,) = (cell for cell in record.cells if cell.key.finetuner == "zs")
    for one, other in zip(alone.evidence[0].scores, cell.evidence[0].scores, strict=True):
        assert (one.classes, one.areas) == (other.classes, other.areas)


def test_seeds_with_images_of_their_own_have_no_thirds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    shapes = {"use": "shapes", "train_size": 0, "test_size": 120}
    record = run(dataset=[shapes], finetune=[ZS], metric=[{"use": "accuracy"}])
    (over,) = record.over_seeds
    (score,) = over.evidence[0].scores
    assert score.value.over == "seeds"
    assert score.areas == ()
    assert score.classes is not None
    assert {found.over for found in score.classes.worst} == {"seeds"}
