"""A study noted by every tracker; those of libraries that aren't here are left out.

`make test-trackers` has all of the libraries, in an environment of its own.
"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rateval.records.run import RunRecord, load

# What would send runs to somebody if it were taken for the user's word.
ELSEWHERE = {
    "MLFLOW_TRACKING_URI": "http://203.0.113.1:5000",
    "TRACKIO_SPACE_ID": "somebody/space",
    "WANDB_MODE": "online",
}
LIBRARIES = ("mlflow", "tensorboard", "trackio", "wandb")
HERE = [name for name in LIBRARIES if importlib.util.find_spec(name)]
collect_ignore = [f"test_{name}.py" for name in LIBRARIES if name not in HERE]

STUDY = """
[study]
name = "tracked"
seeds = [0, 1]
[[dataset]]
use = "shapes"
name = "bi/ased"
train_size = 40
test_size = 20
[[model]]
use = "clip"
[[finetune]]
use = "zs"
[[finetune]]
use = "ft"
epochs = 2
[held_out]
images = 10
[run]
device = "cpu"
output = "runs"
"""


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Run the study in a folder of its own, as a user does, and return the folder."""
    folder = tmp_path_factory.mktemp("tracked")
    trackers = "".join(f'[[tracker]]\nuse = "{name}"\n' for name in HERE)
    (folder / "spec.toml").write_text(STUDY + trackers, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "rateval", "run", "spec.toml"],
        cwd=folder, env=os.environ | ELSEWHERE | {"TRACKIO_DIR": str(folder / "trackio")},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "not tracked" not in done.stderr
    assert "no HTML report" not in done.stderr
    return folder


@pytest.fixture(scope="session")
def record(folder: Path) -> RunRecord:
    """Return the record of that run."""
    (found,) = folder.glob("runs/tracked-*/run.json")
    return load(found)


@pytest.fixture(scope="session")
def run(record: RunRecord) -> dict[str, Any]:
    """Return run.json as plain JSON."""
    content: dict[str, Any] = json.loads((record.path / "run.json").read_text(encoding="utf-8"))
    return content


@pytest.fixture(scope="session")
def scores(run: dict[str, Any]) -> dict[str, float]:
    """Return what must be noted of a run with several seeds, by names that allow every sign."""
    found: dict[str, float] = {}
    for name, value in _numbers(run):
        if value is not None:
            assert name not in found
            found[name] = value
    return found


def _numbers(run: dict[str, Any]) -> Iterator[tuple[str, float | None]]:
    seeded = [cell for cell in run["cells"] if cell["key"]["seed"] is not None]
    for result in (*run["over_seeds"], *seeded):
        key = result["key"]
        name = f"{key['dataset'].replace('/', '-')}/{key['model']}·{key['finetuner']}"
        name += f"/{key['attribution']}"
        if key["seed"] is not None:
            name += f"/seed {key['seed']}"
        for evidence in result["evidence"]:
            below = f"{name}/{evidence['validator']}"
            for score in evidence["scores"]:
                yield from _estimate(f"{below}/{score['metric']}", score["value"])
                yield from _estimate(f"{below}/{score['metric']}/change", score["change"])
            yield from _estimate(f"{below}/mean score", evidence["mean_score"])
            for quadrant, count in evidence["quadrants"].items():
                yield f"{below}/{quadrant}", count
        trusted = result["calibration"]
        yield from _estimate(f"{name}/calibration error", trusted["error"])
        yield from _estimate(f"{name}/confidence AUROC", trusted["ability"])


def _estimate(name: str, estimate: dict[str, Any] | None) -> Iterator[tuple[str, float | None]]:
    if estimate is not None:
        yield name, estimate["value"]
        for end in ("low", "high", "count"):
            yield f"{name}/{end}", estimate[end]


@pytest.fixture(scope="session")
def curves(run: dict[str, Any]) -> dict[str, dict[int, float]]:
    """Return the curves that must be noted: name to epoch to value."""
    curves: dict[str, dict[int, float]] = {}
    for training in run["trainings"]:
        key = training["key"]
        dataset = key["dataset"].replace("/", "-")
        at = f"training/{dataset}/{key['model']}·{key['finetuner']}/seed {key['seed']}"
        for epoch in training["epochs"]:
            values = {name: epoch[name] for name in ("loss", "accuracy", "lr")}
            values |= {f"held out/{name}": value for name, value in epoch["held_out"].items()}
            for name, value in values.items():
                if value is not None:
                    curves.setdefault(f"{at}/{name}", {})[epoch["number"]] = value
    return curves


@pytest.fixture(scope="session")
def spec(run: dict[str, Any]) -> dict[str, Any]:
    """Return some of what must be noted of the spec, by hand."""
    (dataset,) = run["spec_resolved"]["dataset"]
    assert dataset["params"]["train_size"] == 40
    return {
        "study/name": "tracked",
        "study/seeds": "[0, 1]",
        "dataset/bi-ased/params/train_size": 40,
        "dataset/bi-ased/params/style": "hard",
        "finetune/ft/params/epochs": 2,
        "run/device": "cpu",
        "run/reuse": True,
        "run/limit": "null",
    }
