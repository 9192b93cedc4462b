"""What fails takes down what needs it and nothing else, and is tried again later."""

from __future__ import annotations

import io
import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import rateval
from rateval.cli.main import main
from rateval.console import Console
from rateval.errors import RatevalError
from rateval.progress import PlainReporter
from rateval.records.key import Key
from rateval.records.run import RunRecord

MakePlugin = Callable[..., Path]

FAULTY = """
from rateval.api import Component, hookimpl

def component(name, factory):
    return Component(
        name=name, summary=name, factory=f"faulty_parts:{factory}", params="faulty_parts:Nothing"
    )

@hookimpl
def rateval_register_models():
    return [component("broken", "make_model")]

@hookimpl
def rateval_register_attributions():
    return [component("third-batch", "make_attribution")]

@hookimpl
def rateval_register_metrics():
    return [component("raising", "make_metric")]
"""

PARTS = """
from pathlib import Path

from rateval.api import Explanation, Params, Score

MENDED = Path("mended")

class Nothing(Params):
    pass

def make_model(params, context):
    from rateval.testing import tiny_model
    if not MENDED.exists():
        raise ValueError("[red]weights[/] are cut short")
    return tiny_model()

class ThirdBatch:
    def __init__(self):
        self.batches = 0

    def explain(self, classifier, images, labels, ids=None):
        import torch
        self.batches += 1
        if self.batches == 3 and not MENDED.exists():
            raise ZeroDivisionError("the third batch")
        relevance = torch.ones(len(images), *classifier.model.grid)
        relevance[:, 0, 0] = 2
        return Explanation(relevance)

def make_attribution(params, context):
    return ThirdBatch()

class Raising:
    label = "raising"

    def compute(self, outcomes):
        if not MENDED.exists():
            raise KeyError("no such count")
        return Score.share(int(outcomes.correct.sum()), len(outcomes.correct))

def make_metric(params, context):
    return Raising()
"""


@pytest.fixture(autouse=True)
def _faulty(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, acme: Path, make_plugin: MakePlugin
) -> None:
    monkeypatch.chdir(tmp_path)
    make_plugin(FAULTY, distribution="faulty", name="faulty", faulty_parts=PARTS)


def spec(**changes: Any) -> dict[str, Any]:
    return {
        "study": {"name": "faulty"},
        "dataset": [{"use": "squares"}],
        "model": [{"use": "broken"}, {"use": "tiny"}],
        "finetune": [{"use": "zs"}, {"use": "ft", "epochs": 1, "batch_size": 8}],
        "attribution": [{"use": "third-batch"}, {"use": "center-prior"}],
        "metric": [{"use": "raising"}, {"use": "accuracy"}],
        "run": {"device": "cpu", "batch_size": 5},
    } | changes


def done(record: RunRecord) -> list[tuple[str, str, str]]:
    return [(cell.key.model, cell.key.finetuner, cell.key.attribution) for cell in record.cells]


def key(model: str, finetuner: str, attribution: str) -> Key:
    seed = 0 if finetuner == "ft" else None
    return Key(
        model=model, finetuner=finetuner, attribution=attribution, dataset="squares", seed=seed
    )


def test_everything_else_finishes_and_three_failures_are_named() -> None:
    record = rateval.run(spec())
    assert record.status == "failed"
    assert done(record) == [
        ("tiny", "zs", "center-prior"),
        # Its explainer is made once for a study, and only its third batch raises.
        ("tiny", "ft", "third-batch"),
        ("tiny", "ft", "center-prior"),
    ]
    assert [(f.stage, f.label, f.error) for f in record.failures] == [
        ("load", 'model "broken"', "ValueError: [red]weights[/] are cut short"),
        ("infer", record.failures[1].label, "ZeroDivisionError: the third batch"),
        ("score", record.failures[2].label, "KeyError: 'no such count'"),
    ]
    broken, third, raising = record.failures
    methods = [(f, a) for f in ("zs", "ft") for a in ("third-batch", "center-prior")]
    assert broken.cells == tuple(key("broken", *method) for method in methods)
    assert third.cells == (key("tiny", "zs", "third-batch"),)
    assert raising.cells == tuple(key(*cell) for cell in done(record))
    for cell in record.cells:
        assert [score.metric for score in cell.evidence[0].scores] == ["accuracy"]
    assert [(a.first.finetuner, a.first.attribution) for a in record.agreements] == [
        ("ft", "third-batch")
    ]
    assert rateval.load(record.path) == record


def test_a_view_counts_what_the_run_notes_of_its_steps() -> None:
    reporter = PlainReporter(Console(file=io.StringIO(), width=1000))
    for _ in range(2):  # what failed is tried again, all else reused
        record = rateval.run(spec(finetune=[{"use": "zs"}]), reporter=reporter)
        assert record.path is not None
        lines = (record.path / "steps.jsonl").read_text().splitlines()
        noted = Counter(json.loads(line)["status"] for line in lines)
        tally = reporter._tally
        assert (tally.failed, tally.dropped) == (noted["failed"], noted["dropped"])
        assert (tally.done, tally.reused) == (noted["done"] + noted["reused"], noted["reused"])
        assert tally.steps == len(lines)
        assert not tally.wholes
        assert not tally.workers
        assert {costs.left for costs in tally.costs.values()} == {0.0}


def test_running_again_computes_only_what_failed() -> None:
    first = rateval.run(spec())
    Path("mended").touch()
    second = rateval.run(spec())
    assert (second.status, second.failures, len(second.cells)) == ("finished", (), 8)
    before = {stage.identity for stage in first.stages}
    computed = [stage for stage in second.stages if not stage.reused and stage.stage != "load"]
    assert before.isdisjoint({stage.identity for stage in computed})
    assert {stage.identity for stage in second.stages if stage.reused} == before - {
        # Pictures are drawn by the cells that there are.
        stage.identity
        for stage in first.stages
        if stage.stage in ("load", "pictures")
    }
    again = rateval.run(spec(), output="elsewhere")
    assert [cell.evidence for cell in again.cells] == [cell.evidence for cell in second.cells]


def test_the_run_leaves_a_line_for_each_step_and_tracebacks_of_failures() -> None:
    record = rateval.run(spec())
    text = (record.path / "steps.jsonl").read_text(encoding="utf-8")
    lines = [json.loads(line) for line in text.splitlines()]
    failed = [line for line in lines if line["status"] == "failed"]
    assert [line["stage"] for line in failed].count("finetune") == 2  # both of the broken model
    assert all(line["error"] for line in failed)
    told = {stage.identity for stage in record.stages if stage.stage != "load"}
    assert {line["identity"] for line in lines if line["status"] == "done"} == told
    log = (record.path / "run.log").read_text(encoding="utf-8")
    assert 'raise ZeroDivisionError("the third batch")' in log
    assert log.count("Traceback (most recent call last)") >= 3


def test_the_exit_code_is_1_and_the_cause_is_printed_as_it_is(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = tmp_path / "spec.toml"
    path.write_text(to_toml(spec()), encoding="utf-8")
    assert main(["run", str(path)]) == 1
    printed = capsys.readouterr()
    assert "ValueError: [red]weights[/] are cut short" in printed.err
    assert printed.err.count("are cut short") == 1  # one cause is told once
    assert "Traceback" not in printed.err + printed.out


def test_fail_fast_stops_at_the_first_failure() -> None:
    record = rateval.run(spec(), fail_fast=True)
    assert record.status == "failed"
    assert [failure.stage for failure in record.failures] == ["load"]
    assert record.stages == ()


def test_only_some_cells_are_computed_and_of_the_others_what_is_stored_is_shown() -> None:
    Path("mended").touch()
    one = "attribution", [{"use": "center-prior"}]
    first = rateval.run(spec(**dict([one])), only=["tiny · zs on squares"])
    assert done(first) == [("tiny", "zs", "center-prior")]
    assert first.status == "finished"
    assert len(first.planned) == 4
    second = rateval.run(spec(**dict([one])), only=["tiny*"])
    assert [cell[:2] for cell in done(second)] == [("tiny", "zs"), ("tiny", "ft")]
    third = rateval.run(spec(**dict([one])), only=["broken · zs*"], reuse=False)
    assert [cell[:2] for cell in done(third)] == [("broken", "zs"), ("tiny", "zs"), ("tiny", "ft")]
    computed = {stage.label.split(" by")[0] for stage in third.stages if not stage.reused}
    assert computed == {"broken", "broken · zs", "broken · zs on squares", "squares"}


def test_a_cell_that_is_not_there_is_said_before_the_start() -> None:
    with pytest.raises(RatevalError, match=r'--only tiny · sz on squares: no cell.*did you mean "'):
        rateval.run(spec(), only=["tiny · sz on squares"])
    assert not list(Path("runs").glob("faulty-*"))


def test_an_error_while_recording_does_not_hide_the_first_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def interrupted(*_: object) -> Any:
        monkeypatch.setattr("rateval.scoring.summary.record_cells", broken)
        raise KeyboardInterrupt

    def broken(*_: object) -> Any:
        raise ValueError("cannot record")

    monkeypatch.setattr("rateval.engine.doing.evaluating.infer", interrupted)
    with pytest.raises(KeyboardInterrupt):
        rateval.run(spec(model=[{"use": "tiny"}]))


def to_toml(tables: dict[str, Any]) -> str:
    lines = []
    for name, table in tables.items():
        several = isinstance(table, list)
        for entry in table if several else [table]:
            lines.append(f"[[{name}]]" if several else f"[{name}]")
            lines += [f"{key} = {json.dumps(value)}" for key, value in entry.items()]
    return "\n".join(lines) + "\n"


LOSING = """
from rateval.api import Component, hookimpl

@hookimpl
def rateval_register_executors():
    return [
        Component(
            name="losing", summary="s", factory="losing_parts:make", params="losing_parts:Nothing"
        )
    ]
"""
LOSING_PARTS = """
from rateval.api import Params

class Nothing(Params):
    pass

class Losing:
    capacity = 2

    def start(self, work):
        pass

    def submit(self, step, monitor):
        pass

    def collect(self):
        return []

    def stop(self):
        pass

def make(params, context):
    return Losing()
"""


def test_an_executor_that_loses_steps_is_named(make_plugin: MakePlugin) -> None:
    make_plugin(LOSING, distribution="losing", name="losing", losing_parts=LOSING_PARTS)
    with pytest.raises(
        RatevalError, match=r'executor "losing" says that no step is left.* 2 ended'
    ):
        rateval.run(spec(model=[{"use": "tiny"}], executor={"use": "losing"}))


ODD = """
from rateval.api import Component, hookimpl

def component(name, factory, params="Nothing"):
    return Component(
        name=name, summary="s", factory=f"odd_parts:{factory}", params=f"odd_parts:{params}"
    )

@hookimpl
def rateval_register_metrics():
    return [component("odd", "make_metric", "OddParams")]

@hookimpl
def rateval_register_attributions():
    return [component("surrogate", "make_attribution")]

@hookimpl
def rateval_stage_finished(stage):
    raise SystemExit(7)

@hookimpl
def rateval_render_report(record, console):
    raise SystemExit(5)
"""
ODD_PARTS = """
from rateval.api import Params, Score

class Nothing(Params):
    pass

class OddParams(Params):
    does: str = "share"
    \"\"\"What is odd.\"\"\"

class Odd:
    label = "odd"

    def __init__(self, does):
        self.does = does

    def compute(self, outcomes):
        if self.does == "write":
            outcomes.correct[:] = True
        return {"share": Score.share(9, 5), "half": Score.share(1.5, 5)}.get(
            self.does, Score.share(0, 1)
        )

def make_metric(params, context):
    return Odd(params.does)

class Surrogate:
    def explain(self, classifier, images, labels, ids=None):
        raise ValueError("bad \\udcff name")

def make_attribution(params, context):
    return Surrogate()
"""


@pytest.fixture
def odd(make_plugin: MakePlugin) -> None:
    make_plugin(ODD, distribution="odd", name="odd", odd_parts=ODD_PARTS)


@pytest.mark.usefixtures("odd")
@pytest.mark.parametrize("does", ["share", "half", "write"])
def test_a_metric_that_plays_tricks_fails_alone(does: str) -> None:
    plain = {"model": [{"use": "tiny"}], "attribution": [{"use": "center-prior"}]}
    metrics = [{"use": "odd", "does": does}, {"use": "accuracy"}, {"use": "pt"}]
    record = rateval.run(spec(**plain, metric=metrics))
    assert {failure.stage for failure in record.failures} == {"score"}
    sound = rateval.run(spec(**plain, metric=metrics[1:]), output="sound")
    for ours, theirs in zip(record.cells, sound.cells, strict=True):
        found = [score for score in ours.evidence[0].scores if score.metric != "odd"]
        assert tuple(found) == theirs.evidence[0].scores


@pytest.mark.usefixtures("odd")
def test_an_error_that_is_no_text_is_written_out() -> None:
    record = rateval.run(spec(model=[{"use": "tiny"}], attribution=[{"use": "surrogate"}]))
    assert {failure.error for failure in record.failures} == {"ValueError: bad \\udcff name"}
    assert rateval.load(record.path).status == "failed"


@pytest.mark.usefixtures("odd")
def test_a_plugin_that_exits_ends_neither_run_nor_report(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = tmp_path / "spec.toml"
    plain = spec(model=[{"use": "tiny"}], metric=[{"use": "accuracy"}])
    path.write_text(to_toml(plain | {"attribution": [{"use": "center-prior"}]}), encoding="utf-8")
    assert main(["run", str(path)]) == 0
    printed = capsys.readouterr()
    assert "rateval_stage_finished of" in printed.err
    assert "rateval_render_report of" in printed.err
    assert "accuracy %" in printed.out


@pytest.mark.parametrize("text", ["", "{}", '{"facts": 1}', "[1]"])
def test_a_result_whose_manifest_is_damaged_is_made_anew(text: str) -> None:
    plain = spec(
        model=[{"use": "tiny"}],
        metric=[{"use": "accuracy"}],
        attribution=[{"use": "center-prior"}],
    )
    first = rateval.run(plain)
    (manifest, *_) = sorted(Path("runs/store/judge").glob("*/manifest.json"))
    manifest.write_text(text, encoding="utf-8")
    second = rateval.run(plain)
    assert (second.status, second.cells) == ("finished", first.cells)
    computed = [stage.stage for stage in second.stages if not stage.reused]
    assert computed == ["judge"]


def test_brackets_of_a_label_are_its_own_characters() -> None:
    names = [{"use": "squares", "name": name} for name in ("d[x]", "dx")]
    tables = spec(
        dataset=names,
        model=[{"use": "tiny"}],
        finetune=[{"use": "zs"}],
        attribution=[{"use": "center-prior"}],
        metric=[{"use": "accuracy"}],
    )
    record = rateval.run(tables, only="*d[x]")
    assert record.only == ("*d[x]",)
    computed = {stage.label for stage in record.stages if stage.stage == "infer"}
    assert computed == {"tiny · zs on d[x]"}
    assert record.cells[0].key.dataset == "d[x]"
