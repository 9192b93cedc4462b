"""From a study of questions to a folder that answers as the run did."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from rateval.api import Context
from rateval.facade import create, run
from rateval.records.run import RunRecord

Rateval = Callable[..., Any]
SPEC: dict[str, Any] = {
    "study": {"name": "asked"},
    "dataset": [{"use": "shapes-vqa", "train_size": 24, "test_size": 6}],
    "model": [{"use": "blip-vqa"}],
    "finetune": [
        {"use": "zs"},
        {"use": "ft", "epochs": 1, "lr": 1e-3},
        {"use": "lora", "epochs": 1, "lr": 1e-2},
    ],
    "attribution": [{"use": "center-prior"}],
    "run": {"device": "cpu"},
}


@pytest.fixture(scope="module")
def record(tmp_path_factory: pytest.TempPathFactory) -> RunRecord:
    return run(SPEC, output=tmp_path_factory.mktemp("runs"))


@pytest.mark.parametrize("method", ["zs", "ft", "lora"])
def test_the_folder_answers_as_the_run_did(
    record: RunRecord, rateval: Rateval, tmp_path: Path, method: str
) -> None:
    folder = tmp_path / "out"
    ran = rateval("export-checkpoint", str(record.path), "--to", str(folder), "--finetune", method)
    assert ran.code == 0, ran.err
    described = json.loads((folder / "rateval.json").read_text(encoding="utf-8"))
    assert described["decision"]["head"] is None
    assert described["finetuner"]["label"] == method
    assert sorted(described["files"]) == sorted(path.name for path in folder.iterdir())
    model: Any = create("model", "blip-vqa", pretrained=str(folder))
    split: Any = create(
        "dataset",
        "shapes-vqa",
        context=Context(seed=0),
        **{key: value for key, value in SPEC["dataset"][0].items() if key != "use"},
    ).test
    samples = split.samples(range(6))
    images = torch.stack([model.preprocess(sample.image) for sample in samples])
    answers = model.generate(images, [sample.asked.question for sample in samples])
    cell = next(cell for cell in record.cells if cell.key.finetuner == method)
    rows = record.rows(cell).to_pydict()
    assert rows["id"] == [sample.id for sample in samples]
    assert [answer.text for answer in answers] == rows["output"]
    found = torch.tensor([answer.likelihood for answer in answers])
    assert torch.allclose(found, torch.tensor(rows["likelihood"]), atol=1e-4)


def test_what_writes_no_files_is_told(
    acme: Path, rateval: Rateval, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    spec = SPEC | {
        "dataset": [{"use": "questions", "test": 4}],
        "model": [{"use": "writer"}],
        "finetune": [{"use": "zs"}],
    }
    made = run(spec, output="runs")
    ran = rateval("export-checkpoint", str(made.path), "--to", str(tmp_path / "out"))
    assert ran.code == 2
    assert "has no export_checkpoint(folder)" in ran.err
    assert "decision" not in ran.err
