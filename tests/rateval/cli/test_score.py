"""``rateval score`` on small real runs: as a run that had the tables from the start, and errors."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import rateval as package
from rateval.records.run import RunRecord
from rateval.store.rows import read_masks

pytestmark = pytest.mark.usefixtures("acme")

Rateval = Callable[..., Any]
SPEC = """
[study]
name = "anew"
{seed}
[[dataset]]
use = "squares"
test = 40
bare_every = 4
groups = {{ camera = ["roof", "gate", "yard"] }}
[[model]]
use = "tiny"
[[finetune]]
use = "zs"
[[finetune]]
use = "ft"
epochs = 1
lr = 0.003
batch_size = 8
[[attribution]]
use = "generic-attention"
name = "all"
layers = "all"
[[attribution]]
use = "generic-attention"
name = "last"
layers = "last"
[run]
device = "cpu"
output = "{output}"
batch_size = 16
"""
EDITS = '[counterfactual]\nbackground = "grey"\nobject = "grey"\n'
CAUSES = """
[[evidence]]
use = "relevance-mass"
threshold = 0.25
[[evidence]]
use = "counterfactual"
[[metric]]
use = "accuracy"
[[metric]]
use = "right-for-the-object"
[[metric]]
use = "looks-right-is-not"
[[metric]]
use = "valid-rate"
"""
STATISTICS = '[statistics]\nlevel = 0.9\ncluster = "camera"\ncorrection = "none"\nmargin = 0.05\n'
MADE_ANEW = {
    "parent", "started", "written", "seconds", "spec_name", "spec_given", "spec_resolved",
    "environment", "stages", "pictures",
}  # fmt: skip
"""What a run says of itself rather than of what it found."""


def run(more: str = "", *, seed: str = "", output: str = "runs") -> RunRecord:
    Path("spec.toml").write_text(SPEC.format(seed=seed, output=output) + more)
    return package.run("spec.toml")


def load_newest(folder: str = "runs") -> RunRecord:
    files = sorted(Path(folder).glob("*/run.json"), key=lambda file: file.stat().st_mtime_ns)
    return package.load(files[-1])


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def no_model(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Return what lets any making of a model, a dataset or an explainer raise from then on."""

    def forbid() -> None:
        def refuse(*_: object, **__: object) -> None:
            raise AssertionError("made where a run is scored anew")

        for made in ("acme.parts.make_model", "acme.parts.make_dataset"):
            monkeypatch.setattr(made, refuse)
        monkeypatch.setattr("rateval.stages.finetune.restore", refuse)
        monkeypatch.setattr("rateval.engine.steps.restore", refuse)
        monkeypatch.setattr("rateval.engine.steps.infer", refuse)
        monkeypatch.setattr("rateval.data.batches.load_batches", refuse)
        monkeypatch.setattr("rateval.workbench.cell.load_batches", refuse)

    return forbid


def findings(record: RunRecord) -> Mapping[str, Any]:
    return {
        key: value for key, value in record.model_dump(mode="json").items() if key not in MADE_ANEW
    }


@pytest.mark.parametrize("seed", ["", "seeds = [3, 1]"])
def test_as_a_run_that_had_the_tables_from_the_start(
    rateval: Rateval, no_model: Callable[[], None], seed: str
) -> None:
    whole = run(CAUSES + EDITS + STATISTICS, seed=seed, output="whole")
    parent = run(EDITS, seed=seed)
    before = (parent.path / "run.json").read_bytes()
    Path("tables.toml").write_text(CAUSES + STATISTICS)
    no_model()
    done = rateval("score", str(parent.path), "--tables", "tables.toml", "-q")
    assert done.code == 0, done.err
    assert "scored anew from " + str(parent.path) in " ".join(done.out.split())
    scored = load_newest()
    assert scored.path != parent.path
    assert findings(scored) == findings(whole)
    assert {step.identity for step in scored.stages} == {
        step.identity for step in whole.stages if step.stage not in ("load", "pictures")
    }
    assert all(step.reused for step in scored.stages if step.stage in ("finetune", "infer"))
    ours, theirs = dict(scored.spec_resolved), dict(whole.spec_resolved)
    for resolved in (ours, theirs):
        resolved["run"] = resolved["run"] | {"output": "", "limit_by": ""}
        resolved["report"] = {}
    assert ours == theirs
    assert scored.parent is not None
    assert scored.parent.digest == hashlib.sha256(before).hexdigest()
    assert (scored.parent.path, scored.parent.started) == (str(parent.path), parent.started)
    assert (parent.path / "run.json").read_bytes() == before
    assert scored.command == f"rateval score {parent.path} --tables tables.toml"


def test_threshold_by_a_loop_over_masks_and_maps(
    rateval: Rateval, no_model: Callable[[], None]
) -> None:
    parent = run()
    no_model()
    done = rateval("score", str(parent.path), "--threshold", "0.4", "-q")
    assert done.code == 0, done.err
    scored = load_newest()
    assert scored.labels("evidence") == ["relevance-mass"]
    assert scored.spec_resolved["evidence"][0]["params"]["threshold"] == 0.4
    for cell in scored.cells:
        rows = scored.rows(cell).to_pylist()
        by_half = parent.rows(next(one for one in parent.cells if one.key == cell.key))
        scores = by_half.column("score").to_pylist()
        assert [row["score"] for row in rows] == scores
        valid = [score is not None and score >= np.float32(0.4) for score in scores]
        assert [row["valid"] for row in rows] == valid
        folder = scored.path.parent / "store" / "infer" / cell.identity
        known = [there for _, _, present in read_masks(folder, 7) for there in present]
        right = [r["correct"] and k for r, k in zip(rows, known, strict=True)]
        pt = cell.evidence[0].score("pt")
        assert pt is not None
        assert pt.value.numerator == sum(v and r for v, r in zip(valid, right, strict=True))
        assert pt.value.denominator == sum(right)
