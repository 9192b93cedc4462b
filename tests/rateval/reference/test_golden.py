"""The authors' files of the golden model: a run has their counts, PT and IR, and goes back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rateval.cli.main import main
from rateval.records.run import RunRecord, load
from rateval.report.export.selecting import select
from rateval.report.export.tables import read_cells
from rateval.scoring.across.call import compare
from rateval.stats.difference import paired_difference
from rateval.stats.ratio import Ratio

GOLDEN = Path(__file__).parents[2] / "golden"
MASKS = ("box", "box2", "blob", "blobs2", "full", "empty")
HEATS = {"zs_heat_last": "zs_pred", "zs_heat_all": "zs_pred", "lp_heat_all": "lp_pred"}


def write_files(folder: Path, mask: str) -> list[str]:
    """Write the files that the authors' scripts leave, and return the command's arguments."""
    with np.load(GOLDEN / "clip_a_inputs.npz") as given:
        labels = given["labels"].tolist()
    (folder / "anno.json").write_text(json.dumps(labels))
    arguments = ["--labels", str(folder / "anno.json")]
    with np.load(GOLDEN / "clip_a_golden.npz") as golden:
        for heat, prediction in HEATS.items():
            content = {
                f"{heat}_pred.json": golden[prediction].astype(int).tolist(),
                f"{heat}_rma.json": golden[f"rmabin_{heat}"][:, MASKS.index(mask)]
                .astype(int)
                .tolist(),
            }
            for name, values in content.items():
                (folder / name).write_text(json.dumps(values))
            arguments += ["--method", heat, *(str(folder / name) for name in content)]
    return arguments


@pytest.fixture
def expected() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((GOLDEN / "clip_ptir.json").read_text())["clip_a"]
    return found


def bring_in(folder: Path, mask: str, *more: str) -> RunRecord:
    arguments = write_files(folder, mask)
    assert main(["import-reference", *arguments, "--output", str(folder / "runs"), *more]) == 0
    (run,) = (folder / "runs").glob("reference-*")
    return load(run)


@pytest.mark.parametrize("mask", MASKS)
def test_what_their_script_prints_comes_out_equal(
    tmp_path: Path, mask: str, expected: dict[str, Any]
) -> None:
    run = bring_in(tmp_path, mask)
    back = tmp_path / "back"
    assert main(["export-reference", str(run.path), "--output", str(back)]) == 0
    (folder,) = back.iterdir()
    printed = json.loads((folder / "ptir.json").read_text())
    theirs = expected[mask]
    for heat in HEATS:
        assert printed[f"{heat}_rr_rw_wr_ww"] == theirs[f"{heat}_rr_rw_wr_ww"]
        cell = next(cell for cell in run.cells if cell.key.finetuner == heat)
        scores = {score.heading: score.value.value for score in cell.evidence[0].scores}
        if "reference_error" in theirs:  # they divide by zero
            assert scores["IR"] is printed[heat]["IR"] is None
        else:
            assert printed[heat] == theirs[heat]
            rounded = {name: round(scores[name] or 0.0, 5) for name in ("PT", "IR")}
            assert rounded == theirs[heat]
        counts = cell.evidence[0].quadrants
        shares = [counts[state] / 16 for state in ("RR", "RW", "WR", "WW")]
        assert shares == theirs[f"{heat}_rr_rw_wr_ww"]


def test_files_come_back_as_they_were(tmp_path: Path) -> None:
    run = bring_in(tmp_path, "blob")
    back = tmp_path / "back"
    assert main(["export-reference", str(run.path), "--output", str(back)]) == 0
    (folder,) = back.iterdir()
    assert json.loads((folder / "labels.json").read_text()) == json.loads(
        (tmp_path / "anno.json").read_text()
    )
    for heat in HEATS:
        for ours, theirs in (("pred", "pred"), ("rationale", "rma")):
            assert json.loads((folder / f"{heat}_{ours}.json").read_text()) == json.loads(
                (tmp_path / f"{heat}_{theirs}.json").read_text()
            )


def test_reports_exports_and_rows_work(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = bring_in(tmp_path, "box", "--dataset", "golden", "--model", "tiny")
    capsys.readouterr()
    assert main(["report", str(run.path), "--details"]) == 0
    out = capsys.readouterr().out
    assert "golden  16 test images · published · published" in " ".join(out.split("\n"))
    assert "rateval parity" not in out and "seed not known" in out
    page = tmp_path / "page.html"
    assert main(["report", str(run.path), "--html", str(page)]) == 0
    for form in ("csv", "json", "latex", "markdown"):
        for what in ("cells", "comparisons", "transitions"):
            assert main(["export", str(run.path), "--format", form, "--what", what]) == 0
    capsys.readouterr()
    asked = ("--format", "json", "--what", "rows", "--cell", "*lp_heat_all*")
    assert main(["export", str(run.path), *asked]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert len(rows) == 16
    counts = {q: sum(row["quadrant"] == q for row in rows) for q in ("RR", "RW", "WR", "WW")}
    assert counts == run.cells[2].evidence[0].quadrants
    assert main(["export", str(run.path), "--format", "coco", "--output", str(tmp_path / "c")]) == 2
    assert "keeps no pictures" in capsys.readouterr().err
    assert len(list(read_cells(select(run)))) == 9


def test_such_runs_are_compared_and_gated(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folders = [tmp_path / name for name in ("one", "other")]
    for folder in folders:
        folder.mkdir()
    one, other = (bring_in(folder, "box") for folder in folders)
    found = compare(one, other)
    assert len(found.pairs) == len(HEATS)
    pair = next(p for p in found.pairs if p.candidate.finetuner == "lp_heat_all")
    cell = next(cell for cell in one.cells if cell.key.finetuner == "lp_heat_all")
    for label in ("accuracy", "pt", "ir"):
        metric, score = pair.metric(label), cell.evidence[0].score(label)
        assert metric is not None and metric.difference is not None and score is not None
        assert metric.candidate.value == metric.baseline.value == score.value.value
        assert metric.difference.value == 0
    assert pair.moved == 0 and pair.count == 16
    capsys.readouterr()
    gate = ("gate", str(one.path), "--require", "pt drop<=0.9", "--against", str(other.path))
    assert main([*gate, "--decide", "value"]) == 0
    assert main(["gate", str(one.path), "--require", "accuracy>=1%", "--decide", "value"]) == 0


def test_differences_are_those_of_the_images(tmp_path: Path) -> None:
    run = bring_in(tmp_path, "box")
    pair = next(p for p in run.comparisons if p.method.finetuner == "lp_heat_all")
    assert pair.against.finetuner == "zs_heat_last"
    ratios = []
    for key in (pair.method, pair.against):
        cell = next(cell for cell in run.cells if cell.key == key)
        rows = run.rows(cell)
        right = rows.column("correct").to_numpy().astype(float)
        valid = rows.column("valid").to_numpy().astype(float)
        ratios.append(Ratio(right * valid, right))
    ours, theirs = ratios
    expected = paired_difference(ours, theirs)
    found = pair.difference("pt")
    assert expected is not None and found is not None
    assert (found.value, found.low, found.p) == (expected.value, expected.low, expected.p)
    assert sum(n for row in pair.transitions.values() for n in row.values()) == 16
