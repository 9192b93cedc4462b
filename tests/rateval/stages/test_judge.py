from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq
import pytest
import torch

import rateval
from rateval.api.values import Verdict
from rateval.progress import Reporter
from rateval.stages.judge import judge
from rateval.store import rows as tables
from rateval.workbench.verdicts.outcomes import read_outcomes


class Elsewhere:
    """Note where its inputs are; its verdicts lie on the CPU, as those of any device may."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, str, int]] = []

    def judge(self, relevance: torch.Tensor, masks: torch.Tensor) -> Verdict:
        count = len(relevance)
        self.seen.append((relevance.device.type, masks.device.type, count))
        yes = torch.ones(count, dtype=torch.bool)
        return Verdict(torch.full((count,), 0.75), yes, yes, ("",) * count)


@pytest.fixture
def inferred(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, acme: Path) -> Path:
    monkeypatch.chdir(tmp_path)
    rateval.run(
        {
            "study": {"name": "tiny"},
            "dataset": [{"use": "squares"}],
            "model": [{"use": "tiny"}],
            "finetune": [{"use": "zs"}],
            "run": {"device": "cpu"},
        }
    )
    (folder,) = Path("runs/store/infer").iterdir()
    return folder


def test_maps_and_masks_are_judged_on_the_device(inferred: Path, tmp_path: Path) -> None:
    validator = Elsewhere()
    with Reporter().watch("judge", "") as monitor:
        judge(validator, inferred, 5, monitor, tmp_path, "meta")
    assert validator.seen == [("meta", "meta", 5), ("meta", "meta", 5), ("meta", "meta", 2)]
    rows = pq.read_table(tmp_path / tables.ROWS)
    assert rows.column("score").to_pylist() == [0.75] * 12


def test_verdicts_do_not_depend_on_the_batch_and_lie_in_one_group(
    inferred: Path, tmp_path: Path
) -> None:
    validator = rateval.create("validator", "relevance-mass")
    found = []
    for batch_size in (1, 5, 64):
        folder = tmp_path / str(batch_size)
        folder.mkdir()
        with Reporter().watch("judge", "") as monitor:
            judge(validator, inferred, batch_size, monitor, folder, "cpu")
        found.append(pq.read_table(folder / tables.ROWS))
        assert pq.ParquetFile(folder / tables.ROWS).num_row_groups == 1
    assert found[0].equals(found[1])
    assert found[0].equals(found[2])


def test_outcomes_are_read_without_the_probabilities(inferred: Path, tmp_path: Path) -> None:
    whole, judged = tmp_path / "whole", tmp_path / "judged"
    for folder in (whole, judged):
        folder.mkdir()
    validator = rateval.create("validator", "relevance-mass")
    with Reporter().watch("judge", "") as monitor:
        judge(validator, inferred, 64, monitor, judged, "cpu")
    rows = pq.read_table(inferred / tables.ROWS)
    assert "probabilities" in rows.column_names
    pq.write_table(rows.drop(["probabilities"]), whole / tables.ROWS)
    outcomes, expected = read_outcomes(whole, judged), read_outcomes(inferred, judged)
    assert outcomes.correct.tolist() == expected.correct.tolist()
    assert outcomes.valid.tolist() == expected.valid.tolist()
