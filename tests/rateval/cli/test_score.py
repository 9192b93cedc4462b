"""``rateval score`` on small real runs: as a run that had the tables from the start, and errors."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import rateval as package
from rateval.errors import RatevalError
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
{attributions}[run]
device = "cpu"
output = "{output}"
batch_size = 16
"""
BOTH = """
[[attribution]]
use = "generic-attention"
name = "all"
layers = "all"
[[attribution]]
use = "generic-attention"
name = "last"
layers = "last"
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
SHIFTS = """
[[shift]]
use = "corruption"
type = "brightness"
severity = [2, 4]
[[shift]]
use = "corruption"
name = "pale"
type = "contrast"
severity = 3
"""
STATISTICS = '[statistics]\nlevel = 0.9\ncluster = "camera"\ncorrection = "none"\nmargin = 0.05\n'
MADE_ANEW = {
    "parent", "started", "written", "seconds", "spec_name", "spec_given", "spec_resolved",
    "environment", "stages", "pictures",
}  # fmt: skip
"""What a run says of itself rather than of what it found."""


def run(
    more: str = "", *, seed: str = "", output: str = "runs", attributions: str = BOTH
) -> RunRecord:
    filled = SPEC.format(seed=seed, output=output, attributions=attributions)
    Path("spec.toml").write_text(filled + more)
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
        monkeypatch.setattr("rateval.engine.doing.jobs.restore", refuse)
        monkeypatch.setattr("rateval.engine.doing.evaluating.infer", refuse)
        monkeypatch.setattr("rateval.data.batches.load_batches", refuse)
        monkeypatch.setattr("rateval.workbench.cell.load_batches", refuse)

    return forbid


def findings(record: RunRecord) -> Mapping[str, Any]:
    return {
        key: value for key, value in record.model_dump(mode="json").items() if key not in MADE_ANEW
    }


@pytest.mark.parametrize(("seed", "shifts"), [("", SHIFTS), ("seeds = [3, 1]", "")])
def test_as_a_run_that_had_the_tables_from_the_start(
    rateval: Rateval, no_model: Callable[[], None], seed: str, shifts: str
) -> None:
    whole = run(CAUSES + EDITS + STATISTICS + shifts, seed=seed, output="whole")
    parent = run(EDITS + shifts, seed=seed)
    assert len({cell.key for cell in parent.cells}) == len(parent.planned)
    before = (parent.path / "run.json").read_bytes()
    Path("tables.toml").write_text(CAUSES + STATISTICS)
    no_model()
    with pytest.raises(AssertionError, match="made where"):
        package.create("model", "tiny")
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


def test_what_is_asked_for_is_wrong(rateval: Rateval) -> None:
    parent = run()
    folder = str(parent.path)
    Path("tables.toml").write_text(
        '[[model]]\nuse = "tiny"\n[statistics]\nlevle = 0.9\n'
        "[counterfactual]\nkeep = 1\ndonors = 2\n"
    )
    Path("evidence.toml").write_text('[[evidence]]\nuse = "iou"\nat = 3\n')
    wrong = {
        (): "nothing to score by",
        ("--add",): "nothing to score by",
        ("--add", "--level", "0.9"): "nothing to add; give evidence or a metric",
        ("--evidence", "relevance-mas"): 'did you mean "relevance-mass"?',
        ("--evidence", "iou:treshold=0.3"): 'evidence[0].treshold: unknown key; did you mean "thr',
        ("--evidence", "iou:threshold=2"): "evidence[0].threshold = 2: must be less than or equal",
        ("--evidence", "iou:threshold"): "--evidence iou:threshold: write it as NAME:key=value",
        ("--evidence", "iou=3"): "--evidence iou=3: write it as NAME:key=value",
        ("--evidence", "iou:=3"): "a key is missing before =",
        ("--evidence", "iou:at=0.5,at=0.2"): '"at" is there twice',
        ("--evidence", ""): 'evidence[0].use = ""',
        ("--evidence", "iou", "--evidence", "iou:at=0.2"): "give each its own `name`",
        ("--evidence", "./none.py:make"): "none.py",
        ("--evidence", "counterfactual"): "add [counterfactual] to its spec",
        ("--metric", "right-for-the-object"): "rateval run spec.toml",
        ("--keep", "0.8"): "asked its model about no edited image",
        ("--threshold", "1.5"): "threshold = 1.5: relevance-mass: must be less than or equal to 1",
        ("--threshold", "high"): "threshold = high: relevance-mass: must be a valid number",
        ("--threshold", "0.3", "--evidence", "iou"): "with evidence write it there",
        ("--level", "2", "--correction", "bonf"): "statistics.correction",
        ("--cluster", "camra"): 'did you mean "camera"?',
        ("--tables", "tables.toml"): 'statistics.levle: unknown key; did you mean "level"?',
        ("--tables", "none.toml"): "none.toml: no such file",
        ("--tables", "evidence.toml"): "evidence.toml: evidence[0].at = 3: must be less than 1",
        ("--tables", "evidence.toml", "--evidence", "iou"): "is in evidence.toml too",
        ("--threshold", "0.3", "--device", "cuda:9"): "finds no such device here",
    }
    for options, said in wrong.items():
        done = rateval("score", folder, *options)
        assert (done.code, said in " ".join(done.err.split())) == (2, True), (options, done.err)
    done = rateval("score", folder, "--tables", "tables.toml")
    assert "model: was computed with" in done.err
    assert "counterfactual.donors: was computed with" in done.err
    assert rateval("score", "nowhere", "--threshold", "0.3").code == 2
    assert rateval("score").code == 2
    assert len(list(Path("runs").glob("*/run.json"))) == 1
    with pytest.raises(RatevalError, match=r"rateval\.score: metrics: is empty"):
        package.score(parent, metrics=[])
    with pytest.raises(RatevalError, match=r"rateval\.score: validators: holds"):
        package.score(parent, validators=[3])  # type: ignore[list-item]


def test_results_that_are_gone_or_damaged(rateval: Rateval) -> None:
    parent = run(EDITS)
    folder, store = str(parent.path), parent.path.parent / "store"
    shutil.rmtree(store / "finetune")  # weights are large, and nobody asks for them
    shutil.rmtree(store / "judge")
    assert rateval("score", folder, "--threshold", "0.4", "-q").code == 0
    answers = next((store / "counterfactual").iterdir())
    answers.rename("answers")
    assert rateval("score", folder, "--threshold", "0.3", "-q").code == 0  # by maps alone
    done = rateval("score", folder, "--evidence", "counterfactual", "--add")
    assert done.code == 2
    assert f"{answers} is gone" in done.err
    assert "rateval run spec.toml" in done.err
    first, second = parent.cells[0].identity, parent.cells[1].identity
    shutil.rmtree(store / "infer" / first)
    rows = store / "infer" / second / "rows.parquet"
    content = rows.read_bytes()
    rows.write_bytes(content[:-1] + b"x")
    done = rateval("score", folder, "--threshold", "0.2")
    assert done.code == 2
    said = " ".join(done.err.split())
    assert f"tiny · zs on squares · all: {store / 'infer' / first} is gone" in said
    assert f"{rows}: was changed since it was stored" in said
    assert said.endswith("with: rateval run spec.toml")
    assert len(list(Path("runs").glob("*/run.json"))) == 3
    done = rateval("run", "spec.toml", "-q")  # what it says to do
    assert done.code == 0
    assert rateval("score", folder, "--threshold", "0.2", "-q").code == 0


def test_a_run_that_has_nothing_to_score(rateval: Rateval) -> None:
    parent = run()
    file = parent.path / "run.json"
    told = json.loads(file.read_text())
    file.write_text(json.dumps(told | {"status": "running"}))
    done = rateval("score", str(parent.path), "--threshold", "0.3")
    assert (done.code, "the run goes on, or ended without a word" in done.err) == (2, True)
    file.write_text(json.dumps(told | {"cells": [], "status": "failed"}))
    done = rateval("score", str(parent.path), "--threshold", "0.3")
    assert (done.code, "nothing to score" in done.err) == (2, True)
    older = {key: value for key, value in told.items() if key != "parent"} | {"format": 4}
    file.write_text(json.dumps(older))
    assert package.load(file).parent is None
    assert rateval("score", str(parent.path), "--threshold", "0.3", "-q").code == 0


def test_what_is_made_of_it(rateval: Rateval) -> None:
    parent = run(CAUSES + EDITS)
    base = str(parent.path)
    judged = ["--evidence", "iou:at=0.3,threshold=0.1,name=overlap", "--metric", "accuracy"]
    assert rateval("score", base, *judged, "--metric", "valid-rate", "-q").code == 0
    scored = load_newest()
    assert [(c.identity, c.classifier) for c in scored.cells] == [
        (c.identity, c.classifier) for c in parent.cells
    ]
    assert (scored.labels("evidence"), scored.labels("metric")) == (
        ["overlap"],
        ["accuracy", "valid-rate"],
    )
    folder = str(scored.path)
    assert scored.command == f"rateval score {base} {' '.join(judged)} --metric valid-rate"
    assert rateval("report", folder).code == 0
    assert rateval("report", folder, "--html", "page.html").code == 0
    assert f"scored anew from {base}" in Path("page.html").read_text()
    assert rateval("gate", folder, "--require", "valid-rate>=0.1%", "--decide", "value").code == 0
    assert rateval("export", folder, "--format", "csv", "--output", "out").code == 0
    # The same predictions: accuracy is as it was, in pairs as well.
    done = rateval("compare", base, folder, "--json")
    assert done.code == 2  # by which validator they differ, it says
    assert "overlap" in done.err
    added = ["--add", "--evidence", "iou:name=overlap", "--metric", "pt", "--level", "0.8"]
    assert rateval("score", base, *added, "-q").code == 0
    both = load_newest()
    assert both.labels("evidence") == ["relevance-mass", "counterfactual", "overlap"]
    assert both.labels("metric") == [*parent.labels("metric"), "pt"]
    assert both.level == 0.8
    done = rateval("compare", base, str(both.path), "--json")
    assert done.code == 0, done.err
    compared = json.loads(done.out)
    assert all(pair["moved"] == 0 for pair in compared["pairs"])
    again = package.score(both, threshold=0.9, keep=1.0)  # of a run that was scored itself
    assert again.parent is not None
    assert (again.parent.path, again.command) == (
        str(both.path),
        "rateval.score with the same arguments",
    )
    assert again.labels("evidence") == both.labels("evidence")
    for cell, before in zip(again.cells, parent.cells, strict=True):
        kept = again.answers(cell).column("kept_on_object").to_pylist()
        lost = again.answers(cell).column("kept_without_object").to_pylist()
        valid = again.rows(cell, "counterfactual").column("valid").to_pylist()
        expected = [
            k is not None and k >= 1 - 1e-6 and not w for k, w in zip(kept, lost, strict=True)
        ]
        assert valid == expected
        assert before.counterfactual == cell.counterfactual


def test_another_folder_gets_maps_and_rows(rateval: Rateval) -> None:
    parent = run(EDITS)
    done = rateval("score", str(parent.path), "--threshold", "0.4", "--output", "other", "-q")
    assert done.code == 0, done.err
    shutil.rmtree("runs")
    scored = load_newest("other")
    assert scored.path.parent == Path("other")
    for cell in scored.cells:
        assert len(scored.rows(cell)) == cell.count
        assert len(scored.relevance(cell)) == cell.count
        assert len(scored.answers(cell)) == cell.count
    assert not (Path("other") / "store" / "finetune").exists()
    assert rateval("score", str(scored.path), "--threshold", "0.1", "-q").code == 0


def test_neither_plugins_nor_data_are_needed(
    rateval_process: Rateval, monkeypatch: pytest.MonkeyPatch
) -> None:
    parent = run()
    shutil.move("runs", "moved")
    folder = f"moved/{parent.path.name}"
    monkeypatch.setenv("PYTHONPATH", _without_acme())
    done = rateval_process("run", "spec.toml")
    assert (done.code, "unknown dataset" in done.err) == (2, True)
    done = rateval_process("score", folder, "--threshold", "0.4", "-q")
    assert done.code == 0, done.err
    assert load_newest("moved").status == "finished"


def _without_acme() -> str:
    parts = os.environ["PYTHONPATH"].split(os.pathsep)
    return os.pathsep.join(part for part in parts if not (Path(part) / "acme").is_dir())


JUDGES = """
import torch
from rateval.api import Params, Verdict

class Lot(Params):
    seed: int | None = None

class Drawn:
    def __init__(self, seed):
        self.share = 0.2 + seed / 10

    def judge(self, relevance, masks):
        score = relevance.flatten(1).mean(1)
        found = torch.ones(len(score), dtype=torch.bool)
        return Verdict(score, score > self.share, found, ("",) * len(score))

def drawn(params: Lot, context):
    return Drawn(context.seed)
"""
DRAWN = '[[evidence]]\nuse = "./judges.py:drawn"\n'


def test_judges_that_depend_on_the_seed_come_and_go(rateval: Rateval) -> None:
    Path("judges.py").write_text(JUDGES)
    seeds = "seeds = [3, 1]"
    plain = run(seed=seeds)
    by_lot = run(DRAWN, seed=seeds, output="drawn")
    assert len(by_lot.cells) > len(plain.cells)  # zero-shot depends on the seed, too, then
    scored = package.score(plain, validators="./judges.py:drawn")
    assert findings(scored) == findings(by_lot)
    back = package.score(by_lot, validators="relevance-mass")
    assert findings(back) == findings(plain)
    assert [cell.key.seed for cell in back.cells] == [cell.key.seed for cell in plain.cells]
    assert findings(package.score(scored, level=0.95)) == findings(by_lot)  # the file is as it was
    Path("judges.py").write_text(JUDGES + "\n# another\n")
    done = rateval("score", str(scored.path), "--level", "0.9")
    assert (done.code, "changed since this run" in done.err) == (2, True)
    assert "name others with --evidence" in done.err
    again = ["--evidence", "./judges.py:drawn", "--level", "0.9", "-q"]
    assert rateval("score", str(scored.path), *again).code == 0


def test_published_settings_hold_for_new_validators(rateval: Rateval) -> None:
    published = {"seed": 'protocol = "aaai25"', "attributions": ""}
    whole = run('[[evidence]]\nuse = "relevance-mass"\nthreshold = 0.3\n', **published)
    parent = run('[[evidence]]\nuse = "iou"\n', output="other", **published)
    scored = package.score(parent, validators={"use": "relevance-mass", "threshold": 0.3})
    assert scored.spec_resolved["evidence"] == whole.spec_resolved["evidence"]
    assert scored.spec_resolved["evidence"][0]["params"]["degenerate"] == "published"
    assert scored.cells == whole.cells
    assert set(whole.differences) - {
        d for d in whole.differences if "not of the paper" in d
    } <= set(scored.differences)
    wrong = "relevance-mass:degenerate=undefined"
    done = rateval("score", str(parent.path), "--evidence", wrong)
    assert (done.code, "study.protocol" in done.err) == (2, True)


def test_what_failed_before_is_told_and_what_fails_now_takes_only_its_own(
    rateval: Rateval,
) -> None:
    broken = '[[finetune]]\nuse = "checkpoint"\nname = "gone"\npath = "spec.toml"\n'
    parent = run(broken)
    assert parent.status == "failed"
    assert {cell.key.finetuner for cell in parent.cells} == {"zs", "ft"}
    done = rateval("score", str(parent.path), "--threshold", "0.4")
    assert done.code == 1
    scored = load_newest()
    assert (scored.status, scored.failures) == ("failed", parent.failures)
    assert scored.planned == parent.planned
    assert parent.failures[0].error.split(";")[0][:40] in " ".join(done.out.split())
    bad = ["--add", "--evidence", "any-verdict:returns=short"]
    done = rateval("score", str(parent.path), *bad)
    assert done.code == 1
    scored = load_newest()
    assert {one.validator for cell in scored.cells for one in cell.evidence} == {"relevance-mass"}
    assert any("any-verdict" in failure.label for failure in scored.failures)
    again = f"rateval score {parent.path} --evidence any-verdict:returns=short --add"
    assert scored.command == again
    assert f"try again: {again}" in " ".join(done.out.split())
    healed = package.score(scored, validators="iou")  # what failed at judging is over
    assert healed.failures == parent.failures


def test_runs_of_other_kinds(rateval: Rateval) -> None:
    images = np.random.default_rng(0).integers(0, 255, (6, 16, 16, 3), dtype=np.uint8)
    masks = np.zeros((6, 16, 16), dtype=bool)
    masks[:, 4:12, 4:12] = True
    model = package.create("model", "tiny")
    live = package.evaluate(
        model, list(images), [0, 1] * 3, list(masks), classes=["red", "blue"], device="cpu"
    )
    scored = package.score(live, threshold=0.1)
    assert scored.spec_resolved["evidence"][0]["params"]["threshold"] == 0.1
    assert [cell.identity for cell in scored.cells] == [cell.identity for cell in live.cells]
    done = rateval("report", str(scored.path), "--pictures", "2")
    assert (done.code, "were handed over and lie nowhere" in done.err) == (2, True)
    file = live.path / "run.json"
    told = json.loads(file.read_text())
    told["spec_resolved"]["attribution"] = [{"name": "generic-attention"}]  # as of an import
    file.write_text(json.dumps(told))
    done = rateval("score", str(live.path), "--threshold", "0.3")
    assert (done.code, "neither maps nor masks" in done.err) == (2, True)


def test_an_interruption_says_how_to_go_on(
    rateval: Rateval, monkeypatch: pytest.MonkeyPatch
) -> None:
    parent = run()

    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("rateval.engine.doing.steps.thresholds", interrupt)
        done = rateval("score", str(parent.path), "--threshold", "0.4")
    assert done.code == 130
    assert f"go on with: rateval score {parent.path} --threshold 0.4" in done.err
    assert load_newest().status == "interrupted"
    assert rateval("score", str(parent.path), "--threshold", "0.4", "-q").code == 0
    assert load_newest().status == "finished"
