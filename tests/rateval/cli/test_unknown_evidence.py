"""A study of photos of which a third has no mask, by camera and site, from spec to report."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import rateval as package
from rateval.records.run import RunRecord
from rateval.records.scores.cell import CellRecord
from rateval.stats.wilson import wilson_interval

Rateval = Callable[..., Any]

pytestmark = pytest.mark.usefixtures("acme")

PATIENTS = [f"p{number}" for number in range(60)]


def write_spec(changes: str = "", *, groups: bool = True, seeds: str = "") -> str:
    patients = json.dumps(PATIENTS)
    cameras = '["roof", "gate", "yard", "roof"]'
    given = f"groups = {{ camera = {cameras}, patient = {patients} }}" if groups else ""
    text = f"""
        [study]
        name = "photos"
        {seeds}
        [[dataset]]
        use = "squares"
        test = 90
        bare_every = 3
        {given}
        [[model]]
        use = "tiny"
        [[finetune]]
        use = "zs"
        [[finetune]]
        use = "ft"
        epochs = 2
        lr = 0.003
        batch_size = 8
        {changes}
        [run]
        device = "cpu"
        """
    Path("spec.toml").write_text(text)
    return "spec.toml"


def newest() -> RunRecord:
    return package.load(max(Path("runs").glob("photos-*"), key=lambda path: path.name))


def count(rows: list[dict[str, Any]]) -> dict[str, tuple[int, int]]:
    """Count accuracy, PT and IR one image after the other."""
    known = [row for row in rows if row["mask_area"] is not None]
    both = sum(row["correct"] and row["valid"] for row in known)
    return {
        "accuracy": (sum(row["correct"] for row in rows), len(rows)),
        "pt": (both, sum(row["correct"] for row in known)),
        "ir": (both, sum(row["valid"] for row in known)),
    }


def read(record: RunRecord, cell: CellRecord) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = record.rows(cell).to_pylist()
    return rows


def test_a_third_without_masks_leaves_pt_and_ir_to_the_others(rateval: Rateval) -> None:
    done = rateval("run", write_spec(groups=False))
    assert done.code == 0
    record = newest()
    for cell in record.cells:
        rows, (evidence,) = read(record, cell), cell.evidence
        for name, pair in count(rows).items():
            score = evidence.score(name)
            assert score is not None
            assert (score.value.numerator, score.value.denominator) == pair
            assert (score.value.low, score.value.high) == wilson_interval(*pair)
            assert score.groups == ()
        states = evidence.quadrants
        assert sum(states[name] for name in ("RR", "RW", "WR", "WW")) == 60
        assert states.get("RU", 0) + states.get("WU", 0) == 30
        assert evidence.undefined["no mask"] == 30
        pt = evidence.score("pt")
        assert pt is not None
        assert pt.bounds is not None
        right, hidden = states["RR"] + states["RW"], states.get("RU", 0)
        assert pt.bounds.least == pt.bounds.none_valid == states["RR"] / (right + hidden)
        assert (
            pt.bounds.greatest == pt.bounds.all_valid == (states["RR"] + hidden) / (right + hidden)
        )
        assert "group:camera" not in rows[0]
    printed = " ".join(done.out.split())
    assert printed.count("30 of 90 images have no mask and are left out of PT and IR; with") == 1
    assert "evidence, where there is a mask" in printed
    assert " by camera" not in printed


@pytest.mark.parametrize("columns", ["80", "140"])
def test_every_score_by_camera(
    rateval: Rateval, monkeypatch: pytest.MonkeyPatch, columns: str
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    done = rateval("run", write_spec())
    assert done.code == 0
    record = newest()
    for cell in record.cells:
        rows = read(record, cell)
        assert [row["group:camera"] for row in rows[:4]] == ["roof", "gate", "yard", "roof"]
        assert rows[61]["group:patient"] == "p1"
        for score in cell.evidence[0].scores:
            camera, patient = score.groups
            assert (patient.name, patient.distinct, patient.slices) == ("patient", 60, ())
            assert [part.value for part in camera.slices] == ["gate", "roof", "yard"]
            for part in camera.slices:
                theirs = [row for row in rows if row["group:camera"] == part.value]
                pair = count(theirs)[score.metric]
                assert part.count == len(theirs)
                assert (part.score.numerator, part.score.denominator) == pair
                assert (part.score.low, part.score.high) == wilson_interval(*pair)
    lines = done.out.splitlines()
    assert max(map(len, lines)) <= int(columns)
    at = next(at for at, line in enumerate(lines) if line.startswith("squares  by camera"))
    assert lines[at + 1].split()[:4] == ["model", "method", "camera", "images"]
    assert ("95 %" in lines[at + 1]) == (columns == "140")
    accuracy = record.cells[1].evidence[0].scores[0].groups[0].slices[0].score.value
    assert accuracy is not None
    row = next(line.split() for line in lines[at + 3 :] if line.split()[:2] == ["tiny", "ft"])
    assert row[2:5] == ["gate", "23", f"{100 * accuracy:.1f}"]
    note = "patient: 60 different values, more than 50, so there are no scores by it"
    assert note in " ".join(done.out.split())


def test_groups_are_part_of_what_determines_the_rows_and_nothing_else(rateval: Rateval) -> None:
    rateval("run", write_spec())
    before = newest().cells[1]
    rateval("run", write_spec())
    assert newest().cells[1].identity == before.identity
    spec = Path("spec.toml")
    spec.write_text(spec.read_text().replace('"gate", "yard"', '"gate", "roof"'))
    rateval("run", "spec.toml")
    after = newest().cells[1]
    assert after.classifier == before.classifier
    assert after.identity != before.identity
    assert [part.value for part in after.evidence[0].scores[0].groups[0].slices] == ["gate", "roof"]


def test_over_seeds_a_slice_has_the_mean_of_its_scores(rateval: Rateval) -> None:
    done = rateval("run", write_spec(seeds="seeds = [0, 1]"))
    assert done.code == 0
    record = newest()
    tuned = [cell for cell in record.cells if cell.key.finetuner == "ft"]
    over = next(result for result in record.over_seeds if result.key.finetuner == "ft")
    camera = over.evidence[0].scores[0].groups[0]
    assert [part.value for part in camera.slices] == ["gate", "roof", "yard"]
    for at, part in enumerate(camera.slices):
        values = [cell.evidence[0].scores[0].groups[0].slices[at].score.value for cell in tuned]
        assert part.score.values == tuple(values)
        assert part.score.value == pytest.approx(sum(filter(None, values)) / 2)
    assert "squares  by camera" in done.out
    assert "30 of 90 images, mean over the seeds, have no mask" in " ".join(done.out.split())


def test_what_the_skipped_had_is_not_denied(rateval: Rateval) -> None:
    """Every image with a mask was skipped: the dataset has masks, and no image that is left."""
    path = Path(write_spec(groups=False))
    data = "test = 90\n        skipped = 10\n        without_mask = 90"
    path.write_text(path.read_text().replace("test = 90", data))
    done = rateval("run", "spec.toml")
    assert done.code == 0
    printed = " ".join(done.out.split())
    assert "accuracy alone: none of these images has an evidence mask, and PT and IR" in printed
    assert "this dataset has no" not in printed
