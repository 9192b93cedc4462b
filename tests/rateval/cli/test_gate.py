"""``rateval gate`` on small real runs: outcomes, exit codes, reasons, and what it writes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from scipy import stats

import rateval as package
from rateval.errors import RatevalError
from rateval.records.run import RunRecord
from rateval.testing import assert_gate

pytestmark = pytest.mark.usefixtures("acme")

Rateval = Callable[..., Any]
SPEC = """
[study]
name = "gated"
{seed}
[[dataset]]
use = "squares"
test = 120
bare_every = 4
groups = {{ camera = ["roof", "gate", "yard"] }}
[[model]]
use = "tiny"
[[finetune]]
use = "zs"
[[finetune]]
use = "ft"
epochs = 2
lr = 0.003
batch_size = 8
[[evidence]]
use = "relevance-mass"
threshold = {threshold}
{more}
[run]
device = "cpu"
"""


def run(more: str = "", *, seed: str = "", threshold: float = 0.25) -> RunRecord:
    Path("spec.toml").write_text(SPEC.format(more=more, seed=seed, threshold=threshold))
    return package.run("spec.toml")


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def rows_of(record: RunRecord, method: str) -> dict[str, dict[str, Any]]:
    (cell,) = (one for one in record.cells if one.key.finetuner == method)
    return {row["id"]: row for row in record.rows(cell).to_pylist()}


def paired_value(record: RunRecord) -> float:
    """Return PT of ft minus that of zs, by loops over the rows."""
    shares = []
    for rows in (rows_of(record, "ft"), rows_of(record, "zs")):
        counted = [row for row in rows.values() if row["mask_area"] is not None and row["correct"]]
        shares.append(sum(row["valid"] for row in counted) / len(counted))
    difference: float = shares[0] - shares[1]
    return difference


def test_outcomes_numbers_and_files(rateval: Rateval) -> None:
    record = run()
    folder = str(record.path)
    value = paired_value(record)
    (cell,) = (one for one in record.cells if one.key.finetuner == "ft")
    accuracy = cell.evidence[0].scores[0].value
    k, n = accuracy.numerator or 0, accuracy.denominator or 0

    done = rateval("gate", folder, "--require", "accuracy>=1%", "--json")
    assert done.code == 0, done.err
    found = json.loads(done.out)
    assert found["outcome"] == "passed"
    (check,) = found["checks"]  # of the trained method alone
    assert check["cell"] == record.label(cell.key)
    assert (check["value"], check["count"]) == (k / n, n)
    exact = stats.binomtest(k, n).proportion_ci(0.9, "exact")
    assert (check["low"], check["high"]) == pytest.approx((exact.low, exact.high))

    done = rateval("gate", folder, "--require", "accuracy>=99.9%")
    assert done.code == 3
    assert "✗  accuracy ≥ 99.9 %" in done.out
    assert "the interval lies on" not in done.out  # the numbers say it
    assert done.out.rstrip().endswith("failed: 1 failed of 1")

    near = f"accuracy>={k / n - 0.004:.4f}"  # kept, but shown by no interval of so few images
    arguments = ["gate", folder, "--against", "zs", "--require", near]
    done = rateval(*arguments, "--require", "pt drop<=0.01", "--json")
    assert done.code == 4
    check, change = json.loads(done.out)["checks"]
    assert (check["outcome"], check["against"]) == ("undecided", None)
    assert check["images"] > 120
    assert change["value"] == pytest.approx(value)
    # The lower limit is the bound beside which the test would be at its level.
    assert change["low"] < value < change["high"]
    assert (change["p_met"] <= 0.05) == (change["low"] >= -0.01)
    assert (change["p_met"] <= 0.05) == (change["outcome"] == "passed")
    assert "zs" in change["against"]
    assert rateval(*arguments, "--decide", "value").code == 0
    done = rateval(*arguments, "--require", "accuracy>=99.9%", "--require", "accuracy>=1%")
    assert done.code == 3  # one failure is enough
    assert "failed: 1 passed, 1 failed, 1 undecided of 3" in done.out


def test_what_is_written(rateval: Rateval) -> None:
    record = run()
    arguments = ["--require", "accuracy>=1%", "--require", "accuracy>=99.9%"]
    arguments += ["--require", "no|such`metric>=0.5", "--junit", "gate.xml"]
    done = rateval("gate", str(record.path), *arguments, "--markdown", "gate.md")
    assert done.code == 3
    assert "the run has no such metric; it has: accuracy, pt, ir" in " ".join(done.out.split())
    suite = ElementTree.fromstring(Path("gate.xml").read_text()).find("testsuite")
    assert suite is not None
    counts = [suite.get(name) for name in ("tests", "failures", "errors", "skipped")]
    assert counts == ["3", "1", "1", "0"]
    assert [[child.tag for child in case] for case in suite.iter("testcase")] == [
        [],
        ["failure"],
        ["error"],
    ]
    text = Path("gate.md").read_text()
    assert "| ✅ | `accuracy ≥ 1 %` |" in text
    assert "``no\\|such`metric ≥ 50 %``" in text.replace("`` ", "``").replace(" ``", "``")
    done = rateval("gate", str(record.path), *arguments[:2], "--junit", "no/such/gate.xml")
    assert done.code == 2
    assert "--junit no/such/gate.xml: can't be written" in done.err


def test_a_gate_in_the_spec_and_in_a_file_of_its_own(rateval: Rateval) -> None:
    asked = '[gate]\nagainst = "zs"\n[[gate.require]]\nmetric = "accuracy"\nat_least = 0.01\n'
    record = run(asked)
    assert record.spec_resolved["gate"]["require"][0] == {"metric": "accuracy", "at_least": 0.01}
    assert rateval("gate", str(record.path)).code == 0
    assert assert_gate(record).outcome == "passed"
    Path("gate.toml").write_text(asked.replace("0.01", "0.999"))
    assert rateval("gate", str(record.path), "--file", "gate.toml").code == 3
    with pytest.raises(AssertionError, match=r"accuracy >= 99.9 %[\s\S]*failed: 1 failed of 1"):
        assert_gate(record.path, "gate.toml")
    assert rateval("gate", str(record.path), "--file", "spec.toml").code == 0


def test_another_run_is_the_baseline(rateval: Rateval) -> None:
    first = run()
    other = run(threshold=0.9)
    arguments = ["--require", "accuracy drop<=0.05", "--require", "pt drop<=0.05", "--json"]
    done = rateval("gate", str(first.path), *arguments, "--against", str(other.path))
    accuracy, pt = json.loads(done.out)["checks"]
    assert (accuracy["value"], accuracy["outcome"]) == (0, "passed")
    assert pt["outcome"] == "undecided"
    assert pt["told"].startswith('the validator "relevance-mass" (relevance-mass; threshold = 0.25')
    assert done.code == 4
    options = ["--against", str(other.path), "--against-method", "zs"]
    done = rateval("gate", str(first.path), *arguments[:2], "--json", *options)
    (against_zs,) = json.loads(done.out)["checks"]
    done = rateval("gate", str(first.path), *arguments[:2], "--json", "--against", "zs")
    (own,) = json.loads(done.out)["checks"]
    names = ("value", "low", "high", "p_met")
    assert [own[name] for name in names] == [against_zs[name] for name in names]


def test_the_worst_class_and_the_worst_camera(rateval: Rateval) -> None:
    record = run()
    rules = ["accuracy>=0.5 worst class", "accuracy>=0.5 worst camera", "pt>=0.5 worst lens"]
    done = rateval(
        "gate", str(record.path), "--json", *(w for r in rules for w in ("--require", r))
    )
    by_class, by_camera, unknown = json.loads(done.out)["checks"]
    (cell,) = (one for one in record.cells if one.key.finetuner == "ft")
    for check, table, name in (
        (by_class, record.classes(cell, None, "accuracy"), "name"),
        (by_camera, record.groups(cell, None, "accuracy"), "value"),
    ):
        rows = [row for row in table.to_pylist() if (row["denominator"] or 0) >= 10]
        ends = [
            stats.binomtest(row["numerator"], row["denominator"]).proportion_ci(
                2 * level - 1, "exact"
            )
            for level in (0.95, 0.95 ** (1 / len(rows)))
            for row in rows
        ]
        worst = min(rows, key=lambda row: row["numerator"] / row["denominator"])
        assert check["value"] == worst["numerator"] / worst["denominator"]
        assert check["at"] == worst[name]
        assert check["low"] == pytest.approx(min(end.low for end in ends[: len(rows)]))
        assert check["high"] == pytest.approx(min(end.high for end in ends[len(rows) :]))
    assert unknown["outcome"] == "undecided"
    assert unknown["told"] == "class, camera"


def test_the_worst_change_and_a_rise_that_is_asked_for(rateval: Rateval) -> None:
    record = run()
    rules = ["accuracy drop<=30% worst class", "accuracy rise>=0", "accuracy rise>=90%"]
    arguments = [word for rule in rules for word in ("--require", rule)]
    done = rateval("gate", str(record.path), "--json", "--against", "zs", *arguments)
    worst, some, much = json.loads(done.out)["checks"]
    ours, theirs = rows_of(record, "ft"), rows_of(record, "zs")
    changes: dict[int, list[int]] = {}
    for name, row in ours.items():
        change = int(row["correct"]) - int(theirs[name]["correct"])
        changes.setdefault(row["label"], []).append(change)
    means = {label: sum(of) / len(of) for label, of in changes.items() if len(of) >= 10}
    lowest = min(means, key=lambda label: means[label])
    (data,) = record.datasets
    assert worst["value"] == pytest.approx(means[lowest])
    assert means[list(data.classes).index(worst["at"])] == means[lowest]
    assert worst["low"] <= worst["value"] <= worst["high"]
    assert worst["why"].endswith(f"of {len(means)} with 10 images that count or more")
    every = [change for of in changes.values() for change in of]
    assert some["value"] == much["value"] == pytest.approx(sum(every) / len(every))
    assert (some["p_met"] <= 0.05) == (some["low"] > 0) == (some["outcome"] == "passed")
    assert (much["outcome"], done.code) == ("failed", 3)
    rateval("gate", str(record.path), "--against", "zs", *arguments, "--markdown", "gate.md")
    text = Path("gate.md").read_text()
    assert "`accuracy rise ≥ 90 points`" in text
    assert "`accuracy drop ≤ 30 points, worst class`" in text


def test_a_metric_of_predictions_alone_is_checked_once(rateval: Rateval) -> None:
    explainers = "".join(
        f'[[attribution]]\nuse = "{name}"\n' for name in ("center-prior", "random")
    )
    mine = '[[metric]]\nuse = "accuracy"\nname = "mine"\n[[metric]]\nuse = "pt"\n'
    record = run(explainers + mine)
    arguments = ["--require", "mine>=1%", "--require", "pt>=1%", "--require", "mine drop<=90%"]
    done = rateval("gate", str(record.path), "--json", "--against", "zs", *arguments)
    checks = json.loads(done.out)["checks"]
    assert [(one["metric"], one["cell"]) for one in checks] == [
        ("mine", "tiny · ft on squares"),
        ("pt", "tiny · ft on squares · center-prior"),
        ("pt", "tiny · ft on squares · random"),
        ("mine", "tiny · ft on squares"),
    ]
    assert checks[-1]["against"] == "tiny · zs on squares"
    # Of the first explainer nothing is there: the other says the same of predictions.
    lost = record.model_copy(
        update={"cells": tuple(c for c in record.cells if c.key.attribution != "center-prior")}
    )
    assert assert_gate(lost, require=["mine>=1%"]).checks[0].value == checks[0]["value"]
    with pytest.raises(AssertionError, match="it failed, or was not reached"):
        assert_gate(lost, require=["pt>=0.1%"])


def test_seeds_and_clusters(rateval: Rateval) -> None:
    record = run('[statistics]\ncluster = "class"', seed="seeds = [0, 1, 2]")
    arguments = ["--against", "zs", "--require", "accuracy>=1%", "--require", "pt drop<=5%"]
    done = rateval("gate", str(record.path), *arguments, "--json")
    value, change = json.loads(done.out)["checks"]
    assert value["key"]["seed"] is None
    assert {value["over"], change["over"]} == {"seeds and clusters"}
    (row,) = (one for one in record.over_seeds if one.key.finetuner == "ft")
    accuracy, pt = (row.evidence[0].score(metric) for metric in ("accuracy", "pt"))
    assert accuracy is not None and pt is not None and pt.change is not None
    assert value["value"] == pytest.approx(accuracy.value.value)
    assert change["value"] == pytest.approx(pt.change.value)
    assert accuracy.value.low is not None and pt.change.low is not None
    assert value["low"] < value["value"]
    assert change["low"] < change["value"]


def test_what_failed_or_is_gone_is_undecided(rateval: Rateval) -> None:
    record = run()
    lost = record.model_copy(update={"cells": record.cells[:1]})
    with pytest.raises(AssertionError, match="it failed, or was not reached"):
        assert_gate(lost, require=["accuracy>=0.5"])
    scoreless = [
        cell.model_copy(
            update={"evidence": tuple(e.model_copy(update={"scores": ()}) for e in cell.evidence)}
        )
        for cell in record.cells
    ]
    with pytest.raises(AssertionError, match="the score failed"):
        assert_gate(record.model_copy(update={"cells": tuple(scoreless)}), require=["pt>=0.5"])
    for rows in Path("runs/store/infer").glob("*/rows.parquet"):
        rows.unlink()
    done = rateval("gate", str(record.path), "--against", "zs", "--require", "pt drop<=0.5")
    assert done.code == 4
    assert "what it needs can't be read" in " ".join(done.out.split())


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[gates]\n", 'gates: unknown key; did you mean "gate"?'),
        ("[study]\n", "has no [gate]; add the table, or give another --file"),
        ("[gate]\n", "asks for nothing; add a [[gate.require]]"),
        ('[gate]\n[[gate.require]]\nmetric = "pt"\n', "gate.require[0] = "),
        (
            '[gate]\n[[gate.require]]\nmetric = "pt"\nat_least = 0.5\nat_most = 0.6\n',
            "has at_least and at_most; give it exactly one of at_least, at_most, drop_at_most",
        ),
        (
            '[gate]\n[[gate.require]]\nmetric = "pt"\ndrop_at_most = 0.0\n',
            "gate.require[0].drop_at_most = 0.0: must be greater than 0",
        ),
        (
            '[gate]\n[[gate.require]]\nmetric = "pt"\ndrop_at_most = 0.1\n',
            "has drop_at_most and names nothing to compare with; add against",
        ),
        (
            '[gate]\n[[gate.require]]\nmetric = "pt"\nrise_at_least = 0.1\nworst = "class"\n',
            "has rise_at_least and names nothing to compare with; add against",
        ),
        ('[gate]\ndecide = "mean"\n[[gate.require]]\nmetric = 5\n', "gate.require[0].metric = 5"),
        ("[gate]\nagainst = nan\n", "must be a finite number"),
    ],
)
def test_bad_files(rateval: Rateval, empty: str, text: str, said: str) -> None:
    Path("gate.toml").write_text(text)
    done = rateval("gate", empty, "--file", "gate.toml")
    assert done.code == 2
    assert done.err.startswith("error: gate.toml")
    assert said in done.err
    assert not done.out


@pytest.fixture
def empty(tmp_path: Path) -> str:
    """Return a run that is never looked at: what is asked of it is wrong already."""
    record = run('[[metric]]\nuse = "accuracy"\n')
    return str(record.path)


def test_everything_that_is_wrong_is_told_at_once(rateval: Rateval, empty: str) -> None:
    rules = ["accuracy>80", "pt drop>=0.1", "pt>=80", "pt rise<=0.1", "accuracy>=1.2.3"]
    done = rateval(
        "gate", empty, "--file", "no.toml", *(w for rule in rules for w in ("--require", rule))
    )
    assert done.code == 2
    assert "--file no.toml: no such file" in done.err
    assert '--require "accuracy>80": is no requirement; write it as "accuracy>=0.80"' in done.err
    assert (
        '--require "pt drop>=0.1": a drop is bounded from above: drop<=; for what must' in done.err
    )
    assert '--require "pt>=80": at_least = 80.0: must be less than 1' in done.err
    assert '--require "accuracy>=1.2.3": 1.2.3 is no number' in done.err
    options = ["--dataset", "square", "--method", "lp", "--require", "accuracy>=0.5"]
    done = rateval("gate", empty, *options)
    assert done.code == 2
    assert 'dataset = "square": the run has no such dataset; did you mean "squares"?' in done.err
    assert 'method = "lp": the run has no such finetune' in done.err
    done = rateval("gate", empty, "--require", "accuracy drop<=0.1", "--against", "nobody")
    assert done.code == 2
    assert 'against = "nobody": is no method of the run and no folder' in done.err
    with pytest.raises(RatevalError, match="asks for nothing"):
        assert_gate(empty)


def test_export_for_a_build_server(rateval: Rateval) -> None:
    record = run()
    folder = str(record.path)

    def cases(text: str) -> list[tuple[str | None, list[str]]]:
        suite = ElementTree.fromstring(text).find("testsuite")
        assert suite is not None
        found = [(c.get("name"), [child.tag for child in c]) for c in suite.iter("testcase")]
        assert suite.get("tests") == str(len(found))
        bad = [tag for _, tags in found for tag in tags]
        assert suite.get("failures") == str(bad.count("failure"))
        assert suite.get("errors") == str(bad.count("error"))
        return found

    done = rateval("export", folder, "--format", "junit")
    assert done.code == 0, done.err
    assert cases(done.out) == [(record.label(key), []) for key in record.planned]
    asked = '[gate]\n[[gate.require]]\nmetric = "accuracy"\nat_least = 0.999\n'
    Path("gate.toml").write_text(asked)
    options = ["--format", "junit", "--gate", "gate.toml", "--output", "gate.xml"]
    done = rateval("export", folder, *options)
    assert (done.code, done.err) == (0, "wrote  gate.xml\n")
    assert cases(Path("gate.xml").read_text()) == [("accuracy ≥ 99.9 %", ["failure"])]
    done = rateval("export", folder, "--format", "csv", "--gate", "gate.toml")
    assert done.code == 2
    assert "--gate gate.toml: csv holds no verdict; take --format junit" in done.err
    done = rateval("export", folder, "--format", "junit", "--cell", "*")
    assert done.code == 2
    assert "--cell *: junit has the whole plan" in done.err
    done = rateval("export", folder, "--format", "junit", "--gate", "no.toml")
    assert done.code == 2
    assert "--gate no.toml: no such file" in done.err
