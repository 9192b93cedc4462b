"""A study of the same photos in several forms: the command line gives the same rows and scores."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import rateval
from faults.values import as_toml
from forms.photos import write_photos
from forms.reading import FORMS
from forms.truth import LABELS, make_truth
from rateval.cli.main import main

USED = ("folder", "cvat", "coco", "table")
COLUMNS = (
    *("label", "prediction", "correct", "probabilities"),
    *("valid", "undefined", "score", "mask_area"),
)


def test_one_run_on_four_forms(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    truths = make_truth(40, small=True)
    photos = write_photos(tmp_path / "photos", truths)
    entries = [FORMS[form](tmp_path / form, photos, truths) | {"name": form} for form in USED]
    spec: dict[str, Any] = {
        "study": {"name": "forms"},
        "dataset": entries,
        "model": [{"use": "clip"}],
        "finetune": [{"use": "zs"}, {"use": "lp", "epochs": 5, "lr": 0.01}],
        "attribution": [{"use": "generic-attention", "layers": "all"}],
        "evidence": [{"use": "relevance-mass", "threshold": 0.3}],
        "run": {"device": "cpu", "batch_size": 16},
    }
    Path("spec.toml").write_text(as_toml(spec), encoding="utf-8")
    assert main(["run", "spec.toml"]) == 0
    assert "Traceback" not in capsys.readouterr().err
    (folder,) = Path("runs").glob("forms-*")
    record = rateval.load(folder)
    known = [truth for truth in truths if truth.split == "test" and not truth.broken]
    for finetuner in ("zs", "lp"):
        cells = {cell.key.dataset: cell for cell in record.cells if cell.key.finetuner == finetuner}
        assert set(cells) == set(USED)
        tables = {form: record.rows(cell).to_pylist() for form, cell in cells.items()}
        for form, rows in tables.items():
            assert [Path(row["id"]).name for row in rows] == [truth.name for truth in known]
            assert [LABELS[row["label"]] for row in rows] == [truth.label for truth in known]
            bare = [row["mask_area"] is None for row in rows]
            assert bare == [truth.mask is None for truth in known]
            assert [row["undefined"] == "no mask" for row in rows] == bare
            for row, other in zip(rows, tables["folder"], strict=True):
                assert {name: row[name] for name in COLUMNS} == {
                    name: other[name] for name in COLUMNS
                }, form
        scores = {form: _scores(cell) for form, cell in cells.items()}
        assert {"accuracy", "pt", "ir"} <= set(scores["folder"])
        assert all(one == scores["folder"] for one in scores.values())
        assert scores["folder"]["accuracy"][1] == len(known)
        assert {row["valid"] for row in tables["folder"]} == {True, False}
        assert len({row["prediction"] for row in tables["folder"]}) > 1
        assert {len(cell.skipped) for cell in cells.values()} == {1}


def _scores(cell: Any) -> dict[str, tuple[Any, ...]]:
    (evidence,) = cell.evidence
    return {
        score.metric: (score.value.numerator, score.value.denominator) for score in evidence.scores
    }
