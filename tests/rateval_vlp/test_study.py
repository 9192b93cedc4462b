"""CLIP, ALBEF and BLIP stand side by side in one study, run from its spec."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from rateval.cli.main import main
from rateval.records.run import load

MODELS = ("clip", "albef", "blip")
SPEC = """
[study]
name = "three"
[[dataset]]
use = "shapes"
style = "clean"
[[model]]
use = "clip"
[[model]]
use = "albef"
[[model]]
use = "blip"
[[finetune]]
use = "zs"
[[finetune]]
use = "ft"
epochs = 1
[[attribution]]
use = "generic-attention"
layers = "all"
[[evidence]]
use = "relevance-mass"
[[metric]]
use = "accuracy"
[[metric]]
use = "pt"
[[metric]]
use = "ir"
[run]
device = "cpu"
"""


@pytest.fixture
def spec(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    path = tmp_path / "spec.toml"
    path.write_text(SPEC)
    return path


def test_from_spec_to_report(spec: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["validate", str(spec)]) == 0
    capsys.readouterr()
    assert main(["run", str(spec), "--limit", "24"]) == 0
    printed = capsys.readouterr().out
    (folder,) = (spec.parent / "runs").glob("three-*")
    record = load(folder)
    assert [(cell.key.model, cell.key.finetuner) for cell in record.cells] == [
        (model, finetuner) for model in MODELS for finetuner in ("zs", "ft")
    ]
    for model in MODELS:
        assert re.search(rf"^{model} +zs .*\n{model} +ft ", printed, re.MULTILINE)
    for cell in record.cells:
        rows = record.rows(cell).to_pydict()
        assert len(rows["id"]) == 24
        # 24 training scenes are no training: what is known comes from the shipped weights.
        if cell.key.finetuner == "zs":
            assert sum(rows["correct"]) >= 8
        maps = record.relevance(cell)
        assert maps.shape == (24, 8, 8)
        assert np.isfinite(maps).all()
        assert (maps.reshape(24, -1).max(1) > 0).all()


def test_each_model_sees_the_scenes_in_its_own_way(spec: Path) -> None:
    assert main(["run", str(spec), "--limit", "24", "--quiet"]) == 0
    (folder,) = (spec.parent / "runs").glob("three-*")
    record = load(folder)
    cells = [cell for cell in record.cells if cell.key.finetuner == "zs"]
    tables = [record.rows(cell).to_pydict() for cell in cells]
    assert tables[0]["id"] == tables[1]["id"] == tables[2]["id"]
    probabilities = [np.array(table["probabilities"]) for table in tables]
    for one, other in ((0, 1), (0, 2), (1, 2)):
        assert abs(probabilities[one] - probabilities[other]).max() > 0.01


def test_a_size_beside_the_quickstart_is_one_clear_message(
    spec: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spec.write_text(SPEC.replace('use = "blip"', 'use = "blip"\nsize = "large"'))
    assert main(["validate", str(spec)]) == 2
    printed = " ".join(capsys.readouterr().err.split())
    assert "model[2].size" in printed
    assert "leave size out" in printed
    assert "Traceback" not in printed
