"""What reports say of attributions that miss their sum."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest
import torch

import rateval
from rateval.records.run import RunRecord, load
from rateval.records.scores.explainers import CompletenessRecord
from rateval.report.sentences.completeness import explain_completeness
from rateval.workbench.completeness import merge_completeness, sum_up

SPEC = """
[study]
name = "sum"
[[dataset]]
use = "shapes"
train_size = 0
test_size = 6
[[model]]
use = "clip"
[[finetune]]
use = "zs"
[[attribution]]
use = "integrated-gradients"
name = "few"
steps = 2
[[attribution]]
use = "grad-cam"
[run]
device = "cpu"
"""


@pytest.fixture(scope="module")
def record(tmp_path_factory: pytest.TempPathFactory) -> RunRecord:
    folder: Path = tmp_path_factory.mktemp("sum")
    (folder / "spec.toml").write_text(SPEC + f'output = "{folder}/runs"\n')
    return load(rateval.run(folder / "spec.toml").path)


def test_rows_hold_the_gap_and_the_record_its_mean(record: RunRecord) -> None:
    few, other = record.cells
    path = record.path.parent / "store" / "infer" / few.identity / "rows.parquet"
    rows = pq.read_table(path)
    gaps = rows["completeness_gap"].to_numpy()
    differences = abs(rows["score_difference"].to_numpy())
    told = {stage.identity: stage.completeness for stage in record.stages if stage.completeness}
    assert set(told) == {few.identity}
    found = told[few.identity]
    assert (found.count, found.beyond) == (6, int((gaps > 0.05 * differences).sum()))
    assert found.gap == pytest.approx(gaps.mean())
    assert found.largest == pytest.approx(gaps.max())
    assert found.difference == pytest.approx(differences.mean())
    without = record.path.parent / "store" / "infer" / other.identity / "rows.parquet"
    assert "completeness_gap" not in pq.read_schema(without).names


def test_a_report_says_so_where_too_many_are_beyond(record: RunRecord) -> None:
    (line,) = explain_completeness(record)
    assert line.startswith("clip · zs on shapes · few: the attributions' sum misses the score")
    assert "of 6 images" in line
    assert line.endswith("take more steps")


@pytest.mark.parametrize(("beyond", "poor"), [(5, False), (6, True)])
def test_up_to_5_percent_of_the_images_may_be_beyond(beyond: int, poor: bool) -> None:
    made = CompletenessRecord(count=100, gap=0.1, largest=1.0, difference=2.0, beyond=beyond)
    assert made.is_poor is poor


def test_parts_come_to_the_facts_of_the_whole() -> None:
    sums = torch.tensor([[0.1, 0.0, 0.3, 0.02, 0.5], [-1.0, 2.0, 1.0, -1.0, 8.0]])
    whole = sum_up([sums])
    parts = [sum_up([sums[:, :2]]), sum_up([sums[:, 2:3], sums[:, 3:]])]
    merged = merge_completeness(parts)
    assert whole is not None and merged is not None
    assert merged.model_dump() == pytest.approx(whole.model_dump())
    assert whole.beyond == 3
    assert merge_completeness([None, None]) is None
