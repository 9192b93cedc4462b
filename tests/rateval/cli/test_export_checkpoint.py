"""From a study to files that open_clip alone computes the same probabilities from."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import open_clip
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file
from torch.nn import functional as F

from rateval.facade import create, run
from rateval.records.run import RunRecord
from rateval.records.scores.cell import CellRecord

Rateval = Callable[..., Any]
SPEC: dict[str, Any] = {
    "study": {"name": "small", "seeds": [0, 1]},
    "dataset": [
        {"use": "shapes", "name": "biased", "train_size": 16, "test_size": 8},
        {"use": "shapes", "name": "unbiased", "train_size": 16, "test_size": 8, "test_bias": 0.0},
    ],
    "model": [{"use": "clip", "image_mean": [0.4, 0.4, 0.4]}],
    "finetune": [
        {"use": "zs"},
        {"use": "ft", "epochs": 1, "lr": 1e-3},
        {"use": "wise-ft", "epochs": 1, "lr": 1e-3},
    ],
    "run": {"device": "cpu"},
}


@pytest.fixture(scope="module")
def record(tmp_path_factory: pytest.TempPathFactory) -> RunRecord:
    return run(SPEC, output=tmp_path_factory.mktemp("runs"))


def cell_of(record: RunRecord, finetuner: str) -> CellRecord:
    wanted = (finetuner, "biased", 1)
    return next(c for c in record.cells if (c.key.finetuner, c.key.dataset, c.key.seed) == wanted)


def probabilities(record: RunRecord, cell: CellRecord) -> torch.Tensor:
    return torch.tensor(record.rows(cell).to_pydict()["probabilities"])


def samples(seed: int) -> list[Any]:
    from rateval.api import Context

    context = Context(seed=seed)
    dataset = create("dataset", "shapes", context=context, train_size=16, test_size=8)
    return list(dataset.test.samples(range(8)))


def by_open_clip_alone(folder: Path, pictures: list[Any]) -> torch.Tensor:
    """Follow what rateval.json says, with nothing of rateval."""
    described = json.loads((folder / "rateval.json").read_text(encoding="utf-8"))
    model, preprocess = open_clip.create_model_from_pretrained(f"local-dir:{folder}")
    model.eval()
    images = torch.stack([preprocess(picture) for picture in pictures])
    with torch.no_grad():
        embedded = model.encode_image(images)
        if described["decision"]["head"] is not None:
            head = load_file(folder / "head.safetensors")
            if "embedding_head.weight" in head:
                embedded = F.normalize(embedded, dim=-1)
            weight, bias = (
                next(value for key, value in head.items() if key.endswith(part))
                for part in ("weight", "bias")
            )
            logits = embedded @ weight.T + bias
        else:
            tokenizer = open_clip.get_tokenizer(f"local-dir:{folder}")
            prompts = [of_class[0] for of_class in described["decision"]["prompts"]]
            classes = F.normalize(model.encode_text(tokenizer(prompts)), dim=-1)
            cosine = F.normalize(embedded, dim=-1) @ classes.T
            logits = model.logit_scale.exp() * cosine
            assert described["decision"]["scale"] == pytest.approx(model.logit_scale.exp().item())
    probabilities: torch.Tensor = logits.softmax(1)
    return probabilities


@pytest.mark.parametrize("finetuner", ["zs", "ft", "wise-ft"])
def test_open_clip_alone_gives_the_rows_of_the_run(
    rateval: Rateval, record: RunRecord, finetuner: str
) -> None:
    options = ["--model", "clip", "--finetune", finetuner, "--dataset", "biased", "--seed", "1"]
    done = rateval("export-checkpoint", str(record.path), "--to", "out", *options)
    assert done.code == 0, done.err
    found = by_open_clip_alone(Path("out"), [sample.image for sample in samples(1)])
    expected = probabilities(record, cell_of(record, finetuner))
    torch.testing.assert_close(found, expected, atol=2e-6, rtol=1e-5)


def test_what_is_written(rateval: Rateval, record: RunRecord) -> None:
    options = ("--model", "clip", "--finetune", "ft", "--seed", "1")
    done = rateval("export-checkpoint", str(record.path / "run.json"), "--to", "a/b", *options)
    assert done.code == 0, done.err
    folder = Path("a/b")
    described = json.loads((folder / "rateval.json").read_text(encoding="utf-8"))
    assert {path.name for path in folder.iterdir()} == set(described["files"])
    assert [line.split()[1] for line in done.out.splitlines()] == [
        f"a/b/{name}" for name in described["files"]
    ]
    assert not [path for path in Path("a").iterdir() if path != folder]
    modes = {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}
    assert modes == {0o666 & ~umask()}
    cell = cell_of(record, "ft")
    manifest = record.path.parent / "store" / "finetune" / cell.classifier / "manifest.json"
    inputs = json.loads(manifest.read_text(encoding="utf-8"))["inputs"]
    assert described["inputs"] == inputs
    assert described["identity"] == cell.classifier
    assert described["classes"] == list(record.datasets[0].classes) == inputs["classes"]
    assert described["finetuner"]["params"]["lr"] == 1e-3
    assert described["model"]["card"]["head_feature"] == "projected embedding"
    assert described["run"]["seed"] == 1
    assert described["decision"]["head"] == {
        "file": "head.safetensors",
        "inputs": "model.features(image)",
        "feature": "projected embedding",
    }
    with safe_open(folder / "head.safetensors", "pt") as file:
        shapes = {key: tuple(file.get_slice(key).get_shape()) for key in file.keys()}  # noqa: SIM118
        assert shapes == {"weight": (10, 64), "bias": (10,)}
        assert json.loads(file.metadata()["classes"]) == described["classes"]


def umask() -> int:
    found = os.umask(0)
    os.umask(found)
    return found


def test_the_exported_folder_is_a_row_of_another_study(
    rateval: Rateval, record: RunRecord, tmp_path: Path
) -> None:
    options = ("--model", "clip", "--finetune", "ft", "--seed", "1")
    assert rateval("export-checkpoint", str(record.path), "--to", "out", *options).code == 0
    study = {
        "study": {"name": "again", "seed": 1},
        "dataset": SPEC["dataset"][:1],
        "model": [
            *SPEC["model"],
            {"use": "clip", "name": "new", "architecture": str(tmp_path / "out")},
        ],
        "finetune": [{"use": "checkpoint", "path": str(tmp_path / "out")}],
    }
    again = run(study, device="cpu", output=tmp_path / "again")
    expected = probabilities(record, cell_of(record, "ft"))
    for cell in again.cells:
        torch.testing.assert_close(probabilities(again, cell), expected, atol=2e-6, rtol=1e-5)


def test_no_dataset_is_needed(
    rateval: Rateval, record: RunRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RATEVAL_DISABLE_PLUGINS", "shapes")
    options = ("--model", "clip", "--finetune", "ft", "--seed", "0")
    done = rateval("export-checkpoint", str(record.path), "--to", "out", *options)
    assert done.code == 0, done.err


def test_several_classifiers_fit(rateval: Rateval, record: RunRecord) -> None:
    done = rateval("export-checkpoint", str(record.path), "--to", "out", "--model", "clip")
    assert done.code == 2
    assert "classifiers of this run fit; choose one by --finetune and --seed:" in done.err
    assert "  --model clip --finetune ft --dataset biased --seed 0\n" in done.err
    narrowed = rateval("export-checkpoint", str(record.path), "--to", "out", "--finetune", "ft")
    assert "2 classifiers of this run fit; choose one by --seed:" in narrowed.err
    assert "--finetune zs" not in narrowed.err
    assert not Path("out").exists()


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--finetune", "lora"], "--finetune lora: this run has no such finetune; it has zs, ft,"),
        (["--model", "x"], "--model x: this run has no such model; it has clip"),
        (["--dataset", "x"], "this run has no such dataset; it has biased, unbiased"),
        (["--seed", "7"], "--seed 7: this run has no such seed; it has 0, 1"),
        (["--seed", "x"], "invalid int value: 'x'"),
    ],
)
def test_a_label_that_is_not_there(
    rateval: Rateval, record: RunRecord, options: list[str], reason: str
) -> None:
    done = rateval("export-checkpoint", str(record.path), "--to", "out", *options)
    assert done.code == 2
    assert reason in done.err


def test_a_folder_with_files_in_it(rateval: Rateval, record: RunRecord) -> None:
    call = ("export-checkpoint", str(record.path), "--to", "out", "--model", "clip", "--seed", "1")
    Path("out").mkdir()
    assert rateval(*call, "--finetune", "ft").code == 0
    Path("out/notes.txt").write_text("mine")
    refused = rateval(*call, "--finetune", "zs")
    assert refused.code == 2
    assert "out: is not empty; give another folder, or write into it with --force" in refused.err
    assert rateval(*call, "--finetune", "zs", "--force").code == 0
    assert not Path("out/head.safetensors").exists()
    assert Path("out/notes.txt").read_text() == "mine"
    Path("file").write_text("")
    done = rateval("export-checkpoint", str(record.path), "--to", "file", "--force")
    assert done.code == 2
    assert "file: is a file" in done.err


def test_no_run(rateval: Rateval) -> None:
    done = rateval("export-checkpoint", "nowhere", "--to", "out")
    assert done.code == 2
    assert "nowhere: holds no run" in done.err
