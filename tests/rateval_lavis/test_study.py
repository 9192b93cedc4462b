"""CLIP, ALBEF and BLIP stand side by side in one study, run from its spec."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional as F

import rateval
from rateval.api import Sample
from rateval.cli.main import main
from rateval.records.run import load

SPEC = """
[study]
name = "three"
[[dataset]]
use = "shapes"
train_size = 24
test_size = 12
[[model]]
use = "clip"
pretrained = "random"
[model.architecture]
embed_dim = 32
vision_cfg = { image_size = 64, patch_size = 16, width = 64, head_width = 16, layers = 2 }
text_cfg = { context_length = 77, vocab_size = 49408, width = 32, heads = 2, layers = 1 }
[[model]]
use = "lavis-albef"
pretrained = "weights/albef.safetensors"
vocabulary = "vocab.txt"
[model.size]
SIZE
[[model]]
use = "lavis-blip"
pretrained = "random"
vocabulary = "vocab.txt"
[model.size]
SIZE
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
batch_size = 8
"""


@pytest.fixture
def spec(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    vocabulary: Path,
    golden_weights: Path,
    size: dict[str, Any],
) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    (tmp_path / "weights").mkdir()
    (tmp_path / "weights" / "albef.safetensors").write_bytes(golden_weights.read_bytes())
    sizes = "\n".join(f"{key} = {value}" for key, value in size.items())
    path = tmp_path / "spec.toml"
    path.write_text(SPEC.replace("SIZE", sizes))
    assert vocabulary.parent == tmp_path
    return path


def test_from_spec_to_report(spec: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["validate", str(spec)]) == 0
    capsys.readouterr()
    assert main(["run", str(spec)]) == 0
    printed = capsys.readouterr()
    (folder,) = (spec.parent / "runs").glob("*-*")
    record = load(folder)
    models = ("clip", "lavis-albef", "lavis-blip")
    assert [(cell.key.model, cell.key.finetuner) for cell in record.cells] == [
        (model, finetuner) for model in models for finetuner in ("zs", "ft")
    ]
    for model in models:
        assert re.search(rf"^{model} +zs .*\n{model} +ft ", printed.out, re.MULTILINE)
    rows = {(cell.key.model, cell.key.finetuner): record.rows(cell) for cell in record.cells}
    assert {table.num_rows for table in rows.values()} == {12}
    for cell in record.cells:
        maps = record.relevance(cell)
        assert maps.shape == (12, 4, 4)
        assert np.isfinite(maps).all()
        assert 0 < maps.max() <= 1


def test_the_rows_are_those_of_the_model_alone(
    spec: Path, albef: Callable[..., Any], golden_weights: Path, vocabulary: Path
) -> None:
    assert main(["run", str(spec), "--quiet"]) == 0
    (folder,) = (spec.parent / "runs").glob("*-*")
    record = load(folder)
    (cell,) = (c for c in record.cells if (c.key.model, c.key.finetuner) == ("lavis-albef", "zs"))
    rows = record.rows(cell).to_pydict()
    dataset = rateval.create("dataset", "shapes", train_size=24, test_size=12)
    model = albef(pretrained=str(golden_weights), vocabulary=str(vocabulary))
    samples = [s for s in dataset.test.samples(range(12)) if isinstance(s, Sample)]
    assert [sample.id for sample in samples] == rows["id"]
    images = torch.stack([model.preprocess(sample.image) for sample in samples])
    with torch.no_grad():
        prompts = [prompts[0] for prompts in model.prompts(dataset.classes)]
        classes = F.normalize(model.encode_text(prompts))
        logits = model.logit_scale * F.normalize(model.encode_image(images)) @ classes.T
    torch.testing.assert_close(
        torch.tensor(rows["probabilities"]), logits.softmax(1), atol=1e-5, rtol=0
    )
    assert rows["prediction"] == logits.argmax(1).tolist()


def test_they_are_listed_as_available(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "model", "--json"]) == 0
    found = {row["name"]: row for row in json.loads(capsys.readouterr().out)}
    for name in ("lavis-albef", "lavis-blip"):
        assert found[name]["available"] is True


def test_a_config_of_another_model_is_one_clear_message(
    spec: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = spec.read_text().replace(
        'use = "lavis-blip"\n', 'use = "lavis-blip"\nconfig = "x.yaml"\n'
    )
    spec.write_text(text)
    assert main(["run", str(spec)]) == 2
    printed = capsys.readouterr().err
    assert "model[2].config" in printed
    assert "no such file: x.yaml" in printed
    assert "Traceback" not in printed
