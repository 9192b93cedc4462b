"""What random boxes call valid, as records: of one seed, over seeds, and of who asks for it."""

from __future__ import annotations

from pathlib import Path

import pytest

import rateval
from rateval.cli.main import main
from rateval.records.scores.cell import EvidenceRecord
from rateval.records.scores.chance import BoxesRecord, ChanceRecord
from rateval.records.scores.estimate import estimate_share
from rateval.scoring.thresholds.chance import chance_over_seeds


def evidence(boxes: BoxesRecord | None) -> EvidenceRecord:
    share = estimate_share(1, 4)
    chance = ChanceRecord(others=share, uniform=share, centre=share, boxes=boxes)
    return EvidenceRecord(validator="v", quadrants={}, undefined={}, scores=(), chance=chance)


def test_over_seeds_they_are_means() -> None:
    found = [
        BoxesRecord(every=estimate_share(n, 10), right=estimate_share(n, 4), per_image=20)
        for n in (1, 3)
    ]
    chance = chance_over_seeds([evidence(one) for one in found], 0.95)["chance"]
    assert chance.boxes.every.value == pytest.approx(0.2)
    assert chance.boxes.every.over == "seeds"
    assert chance.boxes.right.value == pytest.approx(0.5)
    assert chance.boxes.per_image == 20
    one = chance_over_seeds([evidence(found[0]), None], 0.95)["chance"]
    assert one.boxes == found[0]
    assert chance_over_seeds([evidence(None)] * 2, 0.95)["chance"].boxes is None


def test_questions_have_them_and_classes_do_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for use, model, wanted in (("shapes-vqa", "blip-vqa", True), ("shapes", "clip", False)):
        record = rateval.run(
            {
                "study": {"name": use},
                "dataset": [{"use": use, "train_size": 20, "test_size": 20}],
                "model": [{"use": model}],
                "finetune": [{"use": "zs"}],
                "attribution": [{"use": "generic-attention"}],
                "evidence": [{"use": "relevance-mass", "threshold": 0.1}],
                "run": {"device": "cpu"},
            }
        )
        (cell,) = record.cells
        chance = cell.evidence[0].chance
        assert chance is not None
        assert (chance.boxes is not None) is wanted
        if chance.boxes is not None:
            rows = record.rows(cell).to_pylist()
            known = [row for row in rows if row["mask_area"] is not None]
            right = sum(row["correct"] for row in known)
            boxes = chance.boxes
            assert boxes.every.denominator == 20 * len(known)
            assert boxes.right.denominator == 20 * right
            assert main(["report", str(record.path), "--html", "page.html"]) == 0
            page = Path("page.html").read_text(encoding="utf-8")
            assert "random boxes call valid" in page
            anew = rateval.score(record, validators="pointing-game")
            other = anew.cells[0].evidence[0].chance
            assert other is not None
            assert other.boxes is not None
            assert other.boxes.every.denominator == boxes.every.denominator
            same = rateval.score(record, level=0.9).cells[0].evidence[0]
            assert same.curves == cell.evidence[0].curves  # nothing is counted twice
