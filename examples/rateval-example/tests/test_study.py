from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

import rateval

STUDY = Path(__file__).parents[1] / "study.toml"


def test_all_of_them_in_one_study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    record = rateval.run(STUDY, output=str(tmp_path / "runs"))
    assert record.status == "finished"
    assert len(record.cells) == 4
    validators = {one.validator for one in record.cells[0].evidence}
    assert validators == {"relevance-mass", "hangs-on-object"}
    counts = json.loads(Path("counts.json").read_text())
    assert counts["infer"] == 4
    with Path("runs.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 4 * 2 * 2
    assert {row["status"] for row in rows} == {"finished"}
