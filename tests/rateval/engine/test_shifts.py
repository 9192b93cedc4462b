"""Shifts in a study, end to end: grids, skipped images, donors, shifted training."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

import rateval
from rateval.api.component import Context
from rateval.api.values import Sample, Skipped
from rateval.cli.main import main
from rateval.data.checked_shift import CheckedShift
from rateval.engine.graph import make_graph
from rateval.plan.planning import make_plan
from rateval.records.run import RunRecord
from rateval.records.shift import ShiftKey
from rateval.registry.discovery import discover
from rateval.spec.document import Document
from rateval.store.identity import identify
from rateval.workbench.bench import Workbench
from rateval.workbench.kept import Kept

GRID = """
[study]
name = "grid"
[[dataset]]
use = "squares"
bare_every = 4
[[model]]
use = "tiny"
[[finetune]]
use = "zs"
[[finetune]]
use = "lp"
epochs = 2
[[attribution]]
use = "any-map"
[[shift]]
use = "haze"
name = "corruption"
type = ["grey", "white"]
severity = [1, 5]
evidence = true
[report]
pictures = 20
html = true
[run]
device = "cpu"
output = "runs"
"""


@pytest.fixture(autouse=True)
def _here(acme: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def spec(*shift: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {
        "study": {"name": "shifts"},
        "dataset": [{"use": "squares"}],
        "model": [{"use": "tiny"}],
        "finetune": [{"use": "zs"}],
        "attribution": [{"use": "any-map"}],
        "shift": list(shift),
        "run": {"device": "cpu", "output": "runs"},
    } | changes


def newest() -> RunRecord:
    return rateval.load(max(Path("runs").glob("*-*")))


def test_a_grid_shares_classifiers_and_counts_what_it_skips(
    capsys: pytest.CaptureFixture[str],
) -> None:
    Path("grid.toml").write_text(GRID, encoding="utf-8")
    assert main(["validate", "grid.toml"]) == 0
    assert "10 cells = " in (printed := capsys.readouterr().out)
    assert "5 shift (none included)" in printed
    assert main(["run", "grid.toml"]) == 0
    record = newest()
    assert [one.stage for one in record.stages].count("finetune") == 2
    assert len({cell.classifier for cell in record.cells}) == 2
    shifts = [
        ShiftKey(family="corruption", type=kind, severity=severity)
        for kind in ("grey", "white")
        for severity in (1, 5)
    ]
    assert [cell.key.shift for cell in record.cells] == [None, *shifts] * 2
    bare = ["0000", "0004", "0008"]
    for cell in record.cells:
        told = [(one.id, one.reason) for one in cell.skipped]
        reason = "has no mask, which haze needs"
        assert told == ([] if cell.key.shift is None else [(name, reason) for name in bare])
        assert cell.count == 12 - len(told)
        assert not set(record.rows(cell)["id"].to_pylist()) & {name for name, _ in told}
    shown = {one.shift: record.images(one).to_pylist() for one in record.pictures}
    assert list(shown) == [None, *shifts]
    for shift in shifts:
        lost = {row["id"] for row in shown[shift] if row["picture"] is None}
        assert lost == set(bare) & {row["id"] for row in shown[shift]}


def test_the_parts_of_a_shift_in_what_people_read(capsys: pytest.CaptureFixture[str]) -> None:
    Path("grid.toml").write_text(GRID, encoding="utf-8")
    assert main(["run", "grid.toml", "--only", "*lp*corruption white*", "--only", "*zs*"]) == 0
    record = newest()
    done = [(cell.key.finetuner, str(cell.key.shift)) for cell in record.cells]
    assert [name for method, name in done if method == "lp"] == [
        "corruption white 1",
        "corruption white 5",
    ]
    folder = str(record.path)
    capsys.readouterr()
    assert main(["export", folder, "--format", "parquet", "--output", "cells.parquet"]) == 0
    cells = pq.read_table("cells.parquet").to_pylist()
    found = {
        tuple(row[name] for name in ("shift", "shift_family", "shift_type", "shift_severity"))
        for row in cells
    }
    assert found == {
        (None, None, None, None),
        ("corruption grey 1", "corruption", "grey", 1.0),
        ("corruption grey 5", "corruption", "grey", 5.0),
        ("corruption white 1", "corruption", "white", 1.0),
        ("corruption white 5", "corruption", "white", 5.0),
    }
    capsys.readouterr()
    for asked, count in (("corruption", 4), ("corruption white 5", 1), ("none", 1)):
        options = ["--shift", asked, "--method", "zs", "--require", "accuracy>=0.01", "--json"]
        main(["gate", folder, *options])
        checks = json.loads(capsys.readouterr().out)["checks"]
        named = {one["key"]["shift"] and one["key"]["shift"]["family"] for one in checks}
        assert (len(checks), named) == (count, {None if asked == "none" else "corruption"})
    assert main(["gate", folder, "--shift", "corruption blue", "--require", "accuracy>=0.1"]) == 2
    assert 'shift = "corruption blue": the run has no such shift; ' in capsys.readouterr().err
    assert main(["report", folder, "--html", "page.html"]) == 0
    page = Path("page.html").read_text(encoding="utf-8")
    assert '<th scope="row">white</th>' in page
    assert "corruption white 5" in page


def test_show_says_that_lists_are_grids(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", "shift", "haze"]) == 0
    assert "a list of type or severity is one shift per combination" in capsys.readouterr().out
    assert main(["show", "shift", "darken"]) == 0
    assert "combination" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("returns", "told"),
    [
        ("nothing", "must return a Sample, or Skipped; got None"),
        ("no-reason", "must say why it is skipped; got ' '"),
        ("other-id", "must keep id and label 1; got 'other' and 1"),
        ("other-skipped", "must keep the id; got 'other'"),
    ],
)
def test_a_shift_at_fault_fails_its_own_cells_alone(returns: str, told: str) -> None:
    record = rateval.run(spec({"use": "haze", "returns": returns}))
    (failure,) = record.failures
    assert f'shift "haze grey 1" of plugin "acme" (acme 1.2): apply() on sample "0000" {told}' in (
        failure.error
    )
    assert [cell.key.shift for cell in record.cells] == [None]


def test_a_shift_that_skips_all_leaves_no_cell_and_says_so() -> None:
    asked = spec({"use": "haze", "evidence": True}, dataset=[{"use": "squares", "masks": False}])
    asked["dataset"][0] |= {"without_mask": 12}
    record = rateval.run(asked)
    assert [cell.key.shift for cell in record.cells] == [None]
    (failure,) = record.failures
    assert "has no mask, which haze needs" in failure.error


def rows(record: RunRecord) -> dict[str, Any]:
    (cell,) = (cell for cell in record.cells if cell.key.shift is not None)
    table = record.rows(cell)
    return dict(zip(table["id"].to_pylist(), table["probabilities"].to_pylist(), strict=True))


def test_pieces_of_other_samples_are_those_of_the_whole_split() -> None:
    whole = rows(rateval.run(spec({"use": "lend"})))
    run = {"device": "cpu", "output": "runs", "limit": 5, "readers": 3, "batch_size": 2}
    few = rows(rateval.run(spec({"use": "lend"}, run=run)))
    assert len(whole) == 12
    assert len(few) == 5
    for name, probabilities in few.items():
        assert probabilities == pytest.approx(whole[name], abs=1e-5)


def graph(data: dict[str, Any]) -> Any:
    return make_graph(make_plan(Document("spec", data, ""), discover()), Workbench(Context()))


def test_identities_of_studies_stay_what_they_were() -> None:
    (_, shifted) = graph(spec({"use": "darken", "by": 0.25}, finetune=[{"use": "lp"}])).cells
    assert shifted.infer.inputs["shift"] == {
        "kind": "shift",
        "component": "darken",
        "version": "1",
        "distribution": "acme 1.2",
        "params": {"by": 0.25},
    }
    assert shifted.infer.inputs.keys() == {"classifier", "test", "shift", "attribution"}
    assert identify(shifted.infer.inputs["shift"]) == "9044f9554ecb926dd34b20b65e0448d6"
    assert shifted.cell.dataset.describe().keys() == {
        "kind",
        "component",
        "version",
        "distribution",
        "params",
    }
    assert shifted.finetune.inputs.keys() == {"model", "finetuner", "classes", "train"}
    assert "shifted" not in shifted.finetune.inputs["train"]


def test_a_name_is_no_part_of_an_identity() -> None:
    grid = graph(spec({"use": "haze", "severity": [2, 4]})).cells
    alone = graph(spec({"use": "haze", "name": "mist", "severity": 4})).cells
    assert grid[2].infer.identity == alone[1].infer.identity
    assert grid[1].infer.identity != grid[2].infer.identity


MARKED = [
    {"use": "squares"},
    {"use": "squares", "name": "marked", "train_shift": "haze white 5"},
]


def test_a_training_by_shifted_images_is_another_one_on_the_same_test() -> None:
    asked = spec(
        {"use": "haze", "type": "white", "severity": [2, 5]},
        dataset=MARKED,
        finetune=[{"use": "zs"}, {"use": "lp", "epochs": 2}],
        held_out={"images": 4},
    )
    record = rateval.run(asked)
    plain, marked = record.datasets
    assert marked.train_identity == f"{plain.train_identity} shifted by " + identify(
        record.spec_resolved["dataset"][1]["train_shift"]
    )
    assert plain.test_identity == marked.test_identity
    classifiers = {(cell.key.dataset, cell.key.finetuner): cell.classifier for cell in record.cells}
    assert classifiers["squares", "zs"] == classifiers["marked", "zs"]
    assert classifiers["squares", "lp"] != classifiers["marked", "lp"]
    by = {(c.key.dataset, c.key.finetuner, str(c.key.shift)): c for c in record.cells}
    assert len(by) == len(record.cells) == 12
    for shift in ("None", "haze white 2", "haze white 5"):
        same = [by[name, "zs", shift].identity for name in ("squares", "marked")]
        assert same[0] == same[1]
        other = [by[name, "lp", shift].identity for name in ("squares", "marked")]
        assert other[0] != other[1]
    assert len(record.trainings) == 2


def test_what_a_shift_of_training_skips_is_counted_there() -> None:
    data = {"use": "squares", "bare_every": 4, "train_shift": "haze grey 1"}
    asked = spec(
        {"use": "haze", "evidence": True}, dataset=[data], finetune=[{"use": "lp", "epochs": 1}]
    )
    record = rateval.run(asked)
    for cell in record.cells:
        assert [one.id for one in cell.skipped_in_training] == [
            f"{at:04d}" for at in range(0, 24, 4)
        ]


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ("haze", 'stands for 2 shifts, and a training has one; name one of "haze grey 1", '),
        ("hase grey 1", 'the study has no such shift; did you mean "haze grey 1"'),
    ],
)
def test_a_training_shift_that_is_none_is_told(asked: str, told: str) -> None:
    data = spec(
        {"use": "haze", "severity": [1, 2]}, dataset=[{"use": "squares", "train_shift": asked}]
    )
    with pytest.raises(rateval.errors.SpecError) as caught:
        rateval.run(data)
    (problem,) = caught.value.problems
    assert problem.where == f'spec: dataset[0].train_shift = "{asked}"'
    assert problem.what.startswith(told)


def test_a_training_shift_without_shifts_is_told_and_no_claim_is_made_of_broken_ones() -> None:
    data = spec(dataset=[{"use": "squares", "train_shift": "haze grey 1"}])
    with pytest.raises(rateval.errors.SpecError, match=r"the study has no shift; add a \[\[shift"):
        rateval.run(data)
    data["shift"] = [{"use": "haze", "severity": [1, 9]}]
    with pytest.raises(rateval.errors.SpecError) as caught:
        rateval.run(data)
    assert len(caught.value.problems) == 1


def test_the_tables_of_a_spec_make_the_same_steps_again() -> None:
    asked = spec({"use": "haze", "type": "white", "severity": [2, 5]}, dataset=MARKED)
    plan = make_plan(Document("spec", asked, ""), discover())
    again = graph(json.loads(json.dumps(plan.spec.as_tables())))
    assert list(again.steps) == list(graph(asked).steps)


@pytest.mark.parametrize("batch_size", [8, 40, 64])
def test_each_test_image_is_shifted_once_for_all_methods_and_stages(
    batch_size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And what edits tell is equal to the bit where nothing that was read is kept."""
    asked: Counter[tuple[str, str]] = Counter()
    apply = CheckedShift.apply

    def counted(self: CheckedShift, sample: Sample) -> Sample | Skipped:
        asked[self._name, sample.id] += 1
        return apply(self, sample)

    monkeypatch.setattr(CheckedShift, "apply", counted)
    study = spec(
        {"use": "haze", "type": "grey", "severity": [1, 5]},
        dataset=[{"use": "squares", "test": 70}],
        finetune=[{"use": "zs"}, {"use": "lp", "epochs": 1}],
        evidence=[{"use": "relevance-mass"}, {"use": "counterfactual"}],
        counterfactual={"donors": 2},
        report={"pictures": 0},
    )
    study["run"] |= {"batch_size": batch_size}
    kept = rateval.run(study)
    # 40 is no multiple of what a CPU is asked about at once: what was read is put together anew.
    assert set(asked.values()) == {1}
    monkeypatch.setattr(Kept, "each", lambda self, name, made, group="": made)
    study["run"] |= {"reuse": False}
    again = rateval.run(study)
    assert len(kept.cells) == len(again.cells) == 6
    for one, other in zip(kept.cells, again.cells, strict=True):
        assert kept.answers(one).equals(again.answers(other))
        assert kept.rows(one).equals(again.rows(other))
