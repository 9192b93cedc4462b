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
