"""``rateval parity``: both protocols in one store, side by side."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import rateval as package
from rateval.records.run import RunRecord, load
from rateval.records.scores.cell import CellRecord

Rateval = Callable[..., Any]
SPEC = """
[study]
name = "small"
{study}
[[dataset]]
use = "shapes"
seed = 3
train_size = 20
test_size = 16
[[model]]
use = "clip"
image_mean = [0.485, 0.456, 0.406]
image_std = [0.229, 0.224, 0.225]
[[finetune]]
use = "zs"
[[finetune]]
use = "lp"
epochs = 1
[[finetune]]
use = "ft"
epochs = 1
{more}
[[attribution]]
use = "generic-attention"
layers = "all"
[run]
device = "cpu"
"""
LORA = '[[finetune]]\nuse = "lora"\nepochs = 1\n'


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., str]:
    def write_spec(study: str = "", more: str = "") -> str:
        path = tmp_path / "spec.toml"
        path.write_text(SPEC.format(study=study, more=more))
        return str(path)

    return write_spec


def records() -> tuple[RunRecord, RunRecord]:
    found = {record.protocol: record for record in map(load, Path("runs").glob("small-*"))}
    assert set(found) == {"matched", "aaai25"}
    return found["matched"], found["aaai25"]


def values(cell: CellRecord) -> list[float | None]:
    return [score.value.value for score in cell.evidence[0].scores]


def test_both_protocols_stand_side_by_side(rateval: Rateval, write: Callable[..., str]) -> None:
    done = rateval("parity", write())
    assert done.code == 0
    assert max(map(len, done.out.splitlines())) <= 80
    matched, published = records()
    assert len(matched.cells) == len(published.cells) == 3
    for one, other in zip(matched.cells, published.cells, strict=True):
        (row,) = re.findall(rf"^{one.key.finetuner} .*$", done.out, re.MULTILINE)
        expected: list[str] = []
        for a, b in zip(values(one), values(other), strict=True):
            expected += ["–" if v is None else f"{100 * v:.1f}" for v in (a, b)]
            if a is not None and b is not None:
                points = round(100 * (b - a), 1)
                sign = "±" if points == 0 else "+" if points > 0 else "−"
                expected.append(f"{sign}{abs(points):.1f}")
        assert [word.rstrip("↑↓") for word in row.split()[1:]] == expected
    flat = " ".join(done.out.split())
    assert len(published.differences) == 3
    for sentence in published.differences:
        assert sentence in flat
    assert f"{matched.path}/run.json" in flat
    assert f"{published.path}/run.json" in flat


def test_what_is_common_is_computed_once(rateval: Rateval, write: Callable[..., str]) -> None:
    done = rateval("parity", write())
    first, second = done.err.split("protocol aaai25", 1)
    assert re.search("✓ finetune +clip · ft", first)
    assert re.search("= finetune +clip · ft", second)
    assert re.search("✓ infer +clip · zs on shapes", second), "explained by its last layer"
    assert re.search("= infer +clip · ft on shapes", second)
    matched, published = records()
    for one, other in zip(matched.cells, published.cells, strict=True):
        assert one.classifier == other.classifier
        assert (one.identity == other.identity) == (one.key.finetuner != "zs")
        assert one.evidence[0].identity != other.evidence[0].identity
    again = rateval("parity", write())
    assert again.err.count("✓") == 0


def test_a_record_tells_its_protocol_and_what_that_changed(
    rateval: Rateval, write: Callable[..., str]
) -> None:
    rateval("parity", write())
    matched, published = records()
    assert (matched.differences, published.protocol) == ((), "aaai25")
    assert published.spec_resolved["study"]["protocol"] == "aaai25"
    assert [
        (entry["params"]["layers"], entry["finetuners"])
        for entry in published.spec_resolved["attribution"]
    ] == [("last", ["zs"]), ("all", ["lp", "ft"])]
    assert "finetuners" not in matched.spec_resolved["attribution"][0]
    report = " ".join(rateval("report", str(published.path)).out.split())
    assert "protocol aaai25, as published, which differs from matched here:" in report
    for sentence in published.differences:
        assert f"· {sentence}" in report
    unbroken = report.replace(" ", "")  # a long path is folded
    assert re.search(r"ratevalparity\S*spec\.tomlshowsthematchednumbers", unbroken)
    assert "aaai25" not in rateval("report", str(matched.path)).out


def test_a_study_of_its_own_has_the_published_protocol(
    rateval: Rateval, write: Callable[..., str]
) -> None:
    spec = Path(write('protocol = "aaai25"'))
    refused = rateval("run", str(spec))
    assert refused.code == 2
    assert "sets attribution[0].layers itself" in refused.err
    spec.write_text(spec.read_text().replace('layers = "all"\n', ""))
    done = rateval("run", str(spec))
    assert done.code == 0
    assert "protocol aaai25" in done.out
    assert "3 cells = 1 dataset × 1 model × 3 finetune × 1 attribution, protocol aaai25" in done.err


def test_methods_of_others_stand_in_the_matched_columns_alone(
    rateval: Rateval, write: Callable[..., str]
) -> None:
    done = rateval("parity", write(more=LORA), "--quiet")
    assert (done.code, done.err) == (0, "")
    matched, published = records()
    assert [cell.key.finetuner for cell in matched.cells] == ["zs", "lp", "ft", "lora"]
    assert [cell.key.finetuner for cell in published.cells] == ["zs", "lp", "ft"]
    assert "lora is left out: the paper has no such method" in done.out
    (row,) = re.findall(r"^lora .*$", done.out, re.MULTILINE)
    accuracy = matched.cells[-1].evidence[0].scores[0].value.value
    assert accuracy is not None
    assert row.split()[1:3] == [f"{100 * accuracy:.1f}", "–"]


def test_several_seeds_are_compared_by_their_means(
    rateval: Rateval, write: Callable[..., str]
) -> None:
    done = rateval("parity", write("seeds = [0, 1]"), "--limit", "12")
    assert "mean of 2 seeds" in done.out
    assert "limited to 12 samples of every split" in done.out
    matched, published = records()
    for one, other in zip(matched.over_seeds, published.over_seeds, strict=True):
        (row,) = re.findall(rf"^{one.key.finetuner} .*$", done.out, re.MULTILINE)
        means = [record.evidence[0].scores[0].value.value for record in (one, other)]
        assert all(mean is not None for mean in means)
        assert row.split()[1:3] == [f"{100 * mean:.1f}" for mean in means if mean is not None]


def test_both_are_checked_before_either_runs(rateval: Rateval, write: Callable[..., str]) -> None:
    spec = Path(write())
    spec.write_text(spec.read_text().replace('"zs"', '"lora"').replace('"lp"', '"lp-ft"'))
    spec.write_text(spec.read_text().replace('use = "ft"', 'use = "wise-ft"'))
    done = rateval("parity", str(spec))
    assert done.code == 2
    assert "no method of the study is one of the paper's" in done.err
    assert not Path("runs").exists()


def test_an_interruption_says_how_to_go_on(
    rateval: Rateval, write: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from rateval.engine.runner import Runner

    run, runs = Runner.run, []

    def interrupted(self: Runner) -> RunRecord:
        runs.append(self)
        if len(runs) == 2:
            raise KeyboardInterrupt
        return run(self)

    monkeypatch.setattr(Runner, "run", interrupted)
    spec = write()
    done = rateval("parity", spec)
    assert done.code == 130
    assert f"kept in runs/store; go on with: rateval parity {spec}" in done.err
    assert done.out == ""


def test_from_python(rateval: Rateval, write: Callable[..., str]) -> None:
    spec = tomllib.loads(Path(write()).read_text())
    both = package.parity(spec, output="elsewhere", limit=8)
    assert both.matched.protocol == "matched"
    assert both.aaai25.protocol == "aaai25"
    assert {cell.count for record in both for cell in record.cells} == {8}
    assert both.matched.path.parent == both.aaai25.path.parent == Path("elsewhere")


def test_published_takes_a_run_and_computes_nothing(
    rateval: Rateval, write: Callable[..., str]
) -> None:
    rateval("run", write(), "--limit", "8")
    (folder,) = Path("runs").glob("small-*")
    done = rateval("parity", "--published", str(folder))
    assert "128 published values have no counterpart" in done.out
    assert "dataset shapes: the paper has no dataset by the component shapes" in done.out
    assert len(list(Path("runs").glob("small-*"))) == 1
    refused = rateval("parity", "--published", str(folder), "--limit", "3")
    assert (refused.code, "--limit: " in refused.err) == (2, True)
    without = rateval("parity", str(folder))
    assert (without.code, "rateval parity --published" in without.err) == (2, True)


def test_published_runs_a_spec_as_published(rateval: Rateval, write: Callable[..., str]) -> None:
    done = rateval("parity", "--published", write(), "--limit", "8", "--quiet")
    (folder,) = Path("runs").glob("small-*")
    assert load(folder).protocol == "aaai25"
    assert "limited to 8 samples of every split" in done.out
