"""What of two runs can be compared: metrics, validators, seeds."""

from __future__ import annotations

import subprocess
import sys
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

import rateval
from rateval.errors import RatevalError
from rateval.records.run import RunRecord
from rateval.records.scores.cell import CellRecord
from rateval.registry.discovery import discover
from rateval.scoring.across.cells import compare_cells, pair_seeds
from rateval.scoring.across.parts import share_metrics, share_validator

pytestmark = pytest.mark.usefixtures("acme")

SPEC = """
[study]
name = "photos"
seeds = [0, 1, 2]
[[dataset]]
use = "squares"
test = 16
[[model]]
use = "tiny"
[[finetune]]
use = "ft"
epochs = 1
batch_size = 8
[[evidence]]
use = "relevance-mass"
threshold = 0.25
[[metric]]
use = "accuracy"
[[metric]]
use = "pt"
[run]
device = "cpu"
"""


@pytest.fixture
def record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunRecord:
    monkeypatch.chdir(tmp_path)
    Path("spec.toml").write_text(SPEC)
    return rateval.run("spec.toml")


def changed(record: RunRecord, table: str, at: int, **values: Any) -> RunRecord:
    resolved = deepcopy(record.spec_resolved)
    resolved[table][at] |= values
    return record.model_copy(update={"spec_resolved": resolved})


def test_what_cannot_be_counted_again_is_left_out_and_named(record: RunRecord) -> None:
    registry = discover()
    gone = changed(record, "metric", 1, component="gone")
    found = share_metrics(gone, gone, registry, "relevance-mass")
    assert [one.label for one in found.metrics] == ["accuracy"]
    assert "gone" in found.left_out["pt"]
    file = changed(record, "metric", 1, file="/elsewhere/mine.py")
    left_out = share_metrics(file, file, registry, "relevance-mass").left_out
    assert "no file is run because a record names it" in left_out["pt"]
    other = share_metrics(record, gone, registry, "relevance-mass").left_out
    assert other == {"pt": "the other run has none of the same component, version and params"}
    renamed = changed(record, "metric", 1, name="mine")
    shared = share_metrics(record, renamed, registry, "relevance-mass").metrics
    assert [(one.label, one.theirs) for one in shared] == [("accuracy", "accuracy"), ("pt", "mine")]


def test_a_validator_is_found_by_what_it_does(record: RunRecord) -> None:
    renamed = changed(record, "evidence", 0, name="mine")
    assert share_validator(record, renamed, "relevance-mass") == "mine"
    stricter = changed(record, "evidence", 0, params={"threshold": 0.5, "degenerate": "undefined"})
    for values in ({"version": "2"}, {"file": "mine.py", "distribution": "mine.py 0a1b"}):
        with pytest.raises(RatevalError, match="none of the same component, version and params"):
            share_validator(record, changed(record, "evidence", 0, **values), "relevance-mass")
    with pytest.raises(RatevalError, match=r"relevance-mass; threshold = 0\.25"):
        share_validator(record, stricter, "relevance-mass")
    with pytest.raises(
        RatevalError, match=r'has no \[\[evidence\]\] "mine"; it has relevance-mass'
    ):
        share_validator(record, record, "mine")


def test_a_score_that_is_no_longer_what_is_stored_is_left_out(record: RunRecord) -> None:
    (first, *_) = record.cells
    evidence = first.evidence[0]
    score = evidence.scores[1]
    value = score.value.model_copy(update={"numerator": (score.value.numerator or 0) + 1})
    wrong = score.model_copy(update={"value": value})
    judged = evidence.model_copy(update={"scores": (evidence.scores[0], wrong)})
    cell = first.model_copy(update={"evidence": (judged,)})
    side = (record, [cell])
    found = compare_cells(side, side, "relevance-mass", 0.95, discover())
    assert [one.label for one in found.metrics] == ["accuracy"]
    assert "its component has changed since" in found.left_out["pt"]


def later(cells: list[CellRecord], by: int) -> list[CellRecord]:
    keys = [cell.key.model_copy(update={"seed": (cell.key.seed or 0) + by}) for cell in cells]
    return [c.model_copy(update={"key": key}) for c, key in zip(cells, keys, strict=True)]


def test_equal_seeds_go_together_and_else_they_go_in_order(record: RunRecord) -> None:
    cells = list(record.cells)

    def pairs(other: list[CellRecord]) -> list[tuple[int | None, int | None]]:
        found = pair_seeds((record, cells), (record, other))
        return [(one[1].key.seed, two[1].key.seed) for one, two in found]

    assert pairs(cells[::-1]) == [(0, 0), (1, 1), (2, 2)]
    assert pairs(later(cells, 2)) == [(2, 2)]
    assert pairs(later(cells, 5)) == [(0, 5), (1, 6), (2, 7)]
    seedless = cells[0].model_copy(update={"key": cells[0].key.seedless})
    assert pairs([seedless]) == [(0, None), (1, None), (2, None)]


def test_comparing_stored_runs_needs_no_torch() -> None:
    code = "import sys, rateval.scoring.across.runs as _; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
