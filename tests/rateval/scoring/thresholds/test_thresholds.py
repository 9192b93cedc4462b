"""Chance, mean scores and crossings of a run, against loops over its rows and its counts."""

from __future__ import annotations

import math
import shutil
from itertools import combinations
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import numpy as np
import pytest
from scipy import stats

import rateval
from rateval.cli.main import main
from rateval.errors import RatevalError
from rateval.records.run import RunRecord
from rateval.records.scores.cell import CellRecord
from rateval.records.scores.chance import CrossingRecord
from rateval.stats.difference import paired_difference
from rateval.stats.ratio import Ratio

pytestmark = pytest.mark.usefixtures("acme", "_folder")

TUNED = {"use": "ft", "lr": 0.003, "batch_size": 8}


@pytest.fixture
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def run(**changes: Any) -> RunRecord:
    spec: dict[str, Any] = {
        "study": {"name": "tiny"},
        "dataset": [{"use": "squares", "test": 90, "bare_every": 4}],
        "model": [{"use": "tiny"}],
        "finetune": [
            {"use": "zs"},
            TUNED | {"epochs": 3},
            TUNED | {"name": "short", "epochs": 1},
        ],
        "attribution": [{"use": "generic-attention", "layers": "all"}],
        "evidence": [{"use": "relevance-mass", "threshold": 0.25}],
        "run": {"device": "cpu"},
    }
    return rateval.run(spec | changes)


def shares(record: RunRecord, cell: CellRecord) -> dict[str, Any]:
    """Return PT and IR by each threshold, NaN where undefined."""
    rows = record.thresholds(cell).to_pylist()
    pt = [row["correct"] / (row["correct_total"] or math.nan) for row in rows]
    ir = [row["correct"] / ((row["correct"] + row["wrong"]) or math.nan) for row in rows]
    return {"PT": np.array(pt), "IR": np.array(ir)}


def turns(differences: Any) -> list[int]:
    """Return where a difference changes its sign."""
    found, last = [], 0.0
    for at, value in enumerate(differences):
        if abs(value) > 1e-12:  # neither 0 nor NaN
            if last and (value > 0) != (last > 0):
                found.append(at)
            last = value
    return found


def test_a_cell_has_its_chance_its_mean_score_and_its_curves() -> None:
    record = run(statistics={"level": 0.9})
    for cell in record.cells:
        (evidence,) = cell.evidence
        rows = record.rows(cell).to_pylist()
        scores = [row["score"] for row in rows if row["score"] is not None]
        found = evidence.mean_score
        assert found is not None
        assert found.value == pytest.approx(mean(scores))
        half = stats.t.ppf(0.95, len(scores) - 1) * stdev(scores) / math.sqrt(len(scores))
        assert (found.low, found.high) == pytest.approx((mean(scores) - half, mean(scores) + half))
        own = [r for r in record.thresholds(cell).to_pylist() if r["threshold"] == 0.25]
        assert len(own) == 1
        assert own[0]["correct"] == evidence.quadrants["RR"]
        assert own[0]["wrong"] == evidence.quadrants["WR"]
        assert own[0]["correct_total"] == evidence.quadrants["RR"] + evidence.quadrants["RW"]
        assert own[0]["wrong_total"] == evidence.quadrants["WR"] + evidence.quadrants["WW"]
        chance = evidence.chance
        assert chance is not None
        for name in ("others", "uniform", "centre"):
            share = getattr(chance, name)
            assert (share.numerator, share.denominator) == (own[0][name], own[0][f"{name}_total"])
        masks = sum(evidence.quadrants[state] for state in ("RR", "RW", "WR", "WW"))
        assert chance.others.denominator == 2000
        assert chance.uniform.denominator == chance.centre.denominator == masks
        assert chance.uniform_undefined == masks
        k, n = chance.centre.numerator, masks
        assert k is not None
        z = stats.norm.ppf(0.95)
        middle, reach = k + z * z / 2, z * math.sqrt(k * (n - k) / n + z * z / 4)
        assert chance.centre.low == pytest.approx((middle - reach) / (n + z * z))
        pairs = chance.others
        assert pairs.value is not None
        assert pairs.low is not None
        assert pairs.high is not None
        assert pairs.low < pairs.value < pairs.high
        # 2,000 pairs of 68 images tell less than 2,000 images would.
        alone = math.sqrt(pairs.value * (1 - pairs.value) / 2000)
        assert pairs.high - pairs.low > 2 * z * alone


def test_crossings_equal_a_walk_along_the_counts() -> None:
    record = run()
    cells = {cell.key.finetuner: cell for cell in record.cells}
    expected = {}
    for (name, one), (other_name, other) in combinations(cells.items(), 2):
        ours, theirs = shares(record, other), shares(record, one)
        count = sum(len(turns(ours[metric] - theirs[metric])) for metric in ("PT", "IR"))
        if count:
            expected[other_name, name] = count
    found = {(one.method.finetuner, one.against.finetuner): one for one in record.crossings}
    assert {pair: one.count for pair, one in found.items()} == expected
    assert expected
    for (method, against), pair in found.items():
        assert len(pair.shown) == min(pair.count, 10)
        assert pair.asked
        for turn in pair.shown:
            ours, theirs = shares(record, cells[method]), shares(record, cells[against])
            differences = ours[turn.metric] - theirs[turn.metric]
            by = record.thresholds(cells[method]).column("threshold").to_pylist()
            assert by.index(turn.threshold) in turns(differences)
            assert turn.rises is bool(differences[by.index(turn.threshold)] > 0)
            _check_clear(record, (cells[method], cells[against]), turn, by)


def _check_clear(
    record: RunRecord, cells: tuple[CellRecord, CellRecord], turn: CrossingRecord, by: list[float]
) -> None:
    """Compare what is said of a crossing with paired intervals one threshold at a time."""
    rows = [record.rows(cell).to_pylist() for cell in cells]
    clear: list[int] = []
    for tau in by:
        ratios = []
        for cell in rows:
            right = np.array([r["correct"] and r["mask_area"] is not None for r in cell])
            valid = np.array(
                [r["score"] is not None and r["score"] >= np.float32(tau) for r in cell]
            )
            among = right if turn.metric == "PT" else valid
            ratios.append(Ratio((right & valid).astype(float), among.astype(float)))
        found = paired_difference(ratios[0], ratios[1])
        clear.append(0 if found is None else int(found.low > 0) - int(found.high < 0))
    at, new = by.index(turn.threshold), 1 if turn.rises else -1
    below = next((k for k in range(at - 1, -1, -1) if clear[k]), None)
    above = next((k for k in range(at, len(by)) if clear[k]), None)
    if below is not None and above is not None and (clear[below], clear[above]) == (-new, new):
        assert (turn.clear_below, turn.clear_above) == (by[below], by[above])
    else:
        assert not turn.clear


def test_over_seeds_chance_has_a_mean_and_crossings_are_those_of_means() -> None:
    record = run(study={"name": "tiny", "seeds": [0, 1, 2]})
    for over in record.over_seeds:
        cells = [cell for cell in record.cells if cell.key.seedless == over.key]
        there = [cell.evidence[0] for cell in cells]
        found = over.evidence[0]
        assert found.chance is not None
        assert found.mean_score is not None
        values = [one.chance.others.value for one in there if one.chance is not None]
        assert found.chance.others.value == pytest.approx(mean(v for v in values if v is not None))
        assert len(values) == len(over.seeds or (0,))
        assert found.chance.others.over == ("seeds" if len(cells) > 1 else "images")
    assert {one.method.seed for one in record.crossings} == {None}
    by_key = {}
    for over in record.over_seeds:
        cells = [cell for cell in record.cells if cell.key.seedless == over.key]
        by_key[over.key] = [shares(record, cell) for cell in cells]
    for pair in record.crossings:
        ours, theirs = by_key[pair.method], by_key[pair.against]
        pairs = [
            (a, b)
            for i, a in enumerate(ours)
            for j, b in enumerate(theirs)
            if i == j or len(theirs) == 1
        ]
        count = 0
        for metric in ("PT", "IR"):
            by_seed = np.array([a[metric] - b[metric] for a, b in pairs])
            count += len(turns(by_seed.mean(axis=0)))
        assert pair.count == count
        assert pair.asked


def test_a_finished_study_gains_these_steps_alone() -> None:
    before = run()
    shutil.rmtree("runs/store/thresholds")
    after = run()
    assert {stage.stage for stage in after.stages if not stage.reused} == {"thresholds"}
    assert after.cells == before.cells
    assert after.crossings == before.crossings
    assert before.crossings


def test_what_has_no_threshold_says_why_and_edits_have_no_chance() -> None:
    own = Path("own.py")
    own.write_text(
        "import torch\nfrom rateval.api import Verdict\n\n\nclass Always:\n"
        "    def judge(self, relevance, masks):\n        yes = torch.ones(len(masks)).bool()\n"
        '        return Verdict(torch.ones(len(masks)), yes, yes, ("",) * len(masks))\n\n\n'
        "def make():\n    return Always()\n"
    )
    record = run(
        evidence=[{"use": "./own.py:make", "name": "always"}, {"use": "counterfactual"}],
        finetune=[{"use": "zs"}],
        counterfactual={"donors": 1},
    )
    by_map, by_edits = record.cells[0].evidence
    assert by_edits.chance is None
    assert by_edits.curves is None
    with pytest.raises(RatevalError, match="by counterfactual: answers to edits"):
        record.thresholds(record.cells[0], "counterfactual")
    assert by_map.chance is not None
    assert by_map.chance.others.value == by_map.chance.uniform.value == 1
    assert by_map.chance.uniform_undefined == 0
    with pytest.raises(RatevalError, match=r'no counts by threshold .*it has no param "threshold"'):
        record.thresholds(record.cells[0], "always")
    assert record.crossings == ()


def test_clusters_leave_open_whether_a_crossing_is_clear() -> None:
    record = run(statistics={"cluster": "class"})
    assert record.crossings
    assert not any(pair.asked for pair in record.crossings)
    assert not any(turn.clear for pair in record.crossings for turn in pair.shown)


def test_a_validator_that_fails_on_such_maps_costs_chance_alone(
    capsys: pytest.CaptureFixture[str],
) -> None:
    Path("own.py").write_text(
        "import torch\nfrom rateval.api import Verdict\n\n\nclass Picky:\n"
        "    def judge(self, relevance, masks):\n"
        "        if bool((relevance == 1).all()):\n            raise ValueError('too even')\n"
        "        yes = torch.ones(len(masks)).bool()\n"
        '        return Verdict(torch.ones(len(masks)), yes, yes, ("",) * len(masks))\n\n\n'
        "def make():\n    return Picky()\n"
    )
    record = run(evidence=[{"use": "./own.py:make", "name": "picky"}], finetune=[{"use": "zs"}])
    (failure,) = record.failures
    assert (failure.stage, failure.error) == ("thresholds", "ValueError: too even")
    (evidence,) = record.cells[0].evidence
    assert [score.metric for score in evidence.scores] == ["accuracy", "pt", "ir"]
    assert (evidence.chance, evidence.mean_score, evidence.curves) == (None, None, None)
    with pytest.raises(RatevalError, match="failed or were not reached; run the spec again"):
        record.thresholds(record.cells[0])
    assert main(["report", str(record.path)]) == 0
    said = capsys.readouterr().out
    assert "thresholds tiny · zs on squares by picky: ValueError: too even" in said
    assert "not done" not in said
