"""What valid evidence goes with, and how far verdicts agree, against loops over rows."""

from __future__ import annotations

from math import sqrt
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

import rateval
from rateval.records.run import RunRecord
from rateval.records.scores.cell import CellRecord

pytestmark = pytest.mark.usefixtures("acme")

LAST = {"use": "generic-attention", "name": "last", "layers": "last"}
ALL = {"use": "generic-attention", "name": "all", "layers": "all"}


def wilson(k: float, n: float, level: float = 0.95) -> tuple[float, float]:
    z = float(stats.norm.ppf(0.5 + level / 2))
    centre, half = k + z * z / 2, z * sqrt(k * (n - k) / n + z * z / 4)
    return (centre - half) / (n + z * z), (centre + half) / (n + z * z)


@pytest.fixture
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def run(**changes: Any) -> RunRecord:
    spec: dict[str, Any] = {
        "study": {"name": "tiny"},
        "dataset": [{"use": "squares", "test": 90, "bare_every": 4}],
        "model": [{"use": "tiny"}],
        "finetune": [{"use": "zs"}],
        "attribution": [LAST, ALL],
        "evidence": [{"use": "relevance-mass", "threshold": 0.25}],
        "run": {"device": "cpu"},
    }
    return rateval.run(spec | changes)


def rows(record: RunRecord, cell: CellRecord) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = record.rows(cell).to_pylist()
    return found


@pytest.mark.usefixtures("_folder")
def test_association_is_newcombes_of_two_groups_of_images() -> None:
    record = run(statistics={"level": 0.9})
    for cell in record.cells:
        known = [row for row in rows(record, cell) if row["mask_area"] is not None]
        found = cell.evidence[0].association
        assert found is not None
        groups = [[row for row in known if row["correct"] == right] for right in (True, False)]
        (k, n), (j, m) = ((sum(row["valid"] for row in group), len(group)) for group in groups)
        (low, high), (other_low, other_high) = wilson(k, n, 0.9), wilson(j, m, 0.9)
        p, q = k / n, j / m
        assert found.difference.value == pytest.approx(p - q)
        assert found.difference.low == pytest.approx(
            p - q - sqrt((p - low) ** 2 + (other_high - q) ** 2)
        )
        assert found.difference.high == pytest.approx(
            p - q + sqrt((high - p) ** 2 + (q - other_low) ** 2)
        )
        assert found.valid.value == pytest.approx((k + j) / (n + m))
        assert (found.valid.low, found.valid.high) == pytest.approx(wilson(k + j, n + m, 0.9))
        assert found.pt_beyond is not None
        assert found.ir_beyond is not None
        assert found.pt_beyond == pytest.approx(k / n - (k + j) / (n + m))
        assert found.ir_beyond == pytest.approx(k / (k + j) - n / (n + m))
        assert (p - q > 0) == (found.pt_beyond > 0) == (found.ir_beyond > 0)


@pytest.mark.usefixtures("_folder")
def test_verdicts_of_two_explainers_agree_beyond_chance_by_kappa() -> None:
    record = run()
    (agreement,) = record.agreements
    (verdicts,) = agreement.verdicts
    one, other = (
        {row["id"]: row["valid"] for row in rows(record, cell) if row["undefined"] is None}
        for cell in record.cells
    )
    both = [(one[name], other[name]) for name in one if name in other]
    n = len(both)
    alike = sum(a == b for a, b in both) / n
    yes, other_yes = sum(a for a, _ in both) / n, sum(b for _, b in both) / n
    chance = yes * other_yes + (1 - yes) * (1 - other_yes)
    assert verdicts.value == pytest.approx(alike)
    assert verdicts.kappa is not None
    assert verdicts.kappa.value == pytest.approx((alike - chance) / (1 - chance))
    assert verdicts.kappa.count == n == verdicts.denominator


@pytest.mark.usefixtures("_folder")
def test_association_over_seeds_is_between_those_of_the_seeds() -> None:
    tuned = {"use": "ft", "epochs": 1, "lr": 0.003, "batch_size": 8}
    record = run(study={"name": "tiny", "seeds": [0, 1, 2]}, finetune=[tuned], attribution=[ALL])
    (over,) = record.over_seeds
    found = over.evidence[0].association
    single = [cell.evidence[0].association for cell in record.cells]
    values = [one.difference.value for one in single if one is not None]
    assert found is not None
    assert found.difference.over == "seeds and images"
    assert found.difference.values == tuple(values)
    assert found.difference.value == pytest.approx(np.mean([v for v in values if v is not None]))
