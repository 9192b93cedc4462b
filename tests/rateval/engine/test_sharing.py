"""Explainers that share a pass: their results are those of the plan, whoever makes which and when."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import rateval
import rateval_attention.attention.shared as shared
from rateval.records.run import RunRecord

FOUR = [
    {"use": "generic-attention", "score": score, "layers": layers, "label": f"{score} {layers}"}
    for score, layers in product(("raw", "margin"), ("last", "all"))
]


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, acme: Path
) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def passes(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, ...]]:
    """The layers that each pass recorded, last one first."""
    seen: list[tuple[int, ...]] = []

    def counted(classifier: Any, images: Any, layers: Any) -> Any:
        seen.append(tuple(layers))
        return real(classifier, images, layers)

    real = shared.record_pass
    monkeypatch.setattr(shared, "record_pass", counted)
    return seen


def spec(attributions: list[dict[str, Any]], shard_size: int = 512, **run: Any) -> dict[str, Any]:
    return {
        "study": {"name": "tiny"},
        "dataset": [{"use": "squares", "train": 12, "test": 10, "without_mask": 6, "skipped": 2}],
        "model": [{"use": "tiny"}],
        "finetune": [{"use": "zs"}],
        "attribution": attributions,
        "run": {"device": "cpu", "batch_size": 4, "shard_size": shard_size} | run,
    }


def results(record: RunRecord) -> dict[str, tuple[Any, Any]]:
    """Rows and maps by attribution."""
    return {
        cell.key.attribution: (record.rows(cell), record.relevance(cell)) for cell in record.cells
    }


def require_equal(one: RunRecord, two: RunRecord) -> None:
    ours, theirs = results(one), results(two)
    assert ours.keys() == theirs.keys()
    for name, (rows, maps) in ours.items():
        assert rows.equals(theirs[name][0]), name
        assert np.array_equal(maps, theirs[name][1]), name


def test_explainers_of_one_cell_share_a_pass(passes: list[tuple[int, ...]]) -> None:
    together = rateval.run(spec(FOUR), output="together")
    assert together.status == "finished"
    assert passes == [(2, 1, 0)] * 3
    done = [stage for stage in together.stages if stage.stage == "infer"]
    assert [(stage.label, stage.reused) for stage in done] == [
        (f"tiny · zs on squares · {one['label']}", False) for one in FOUR
    ]
    assert len({stage.seconds for stage in done}) < 4 and min(s.seconds for s in done) > 0
    for attribution in FOUR:
        alone = results(rateval.run(spec([attribution]), output="alone"))[attribution["label"]]
        rows, maps = results(together)[attribution["label"]]
        for name in ("id", "label", "prediction", "correct"):
            assert rows[name].equals(alone[0][name])
        if attribution["layers"] == "all":  # the same layers are recorded
            assert rows.equals(alone[0])
            assert np.array_equal(maps, alone[1])
        largest = np.array(rows["relevance_max"]), np.array(alone[0]["relevance_max"])
        np.testing.assert_allclose(*largest, rtol=1e-5)
        np.testing.assert_allclose(maps, alone[1], atol=2**-10)  # as float16 keeps them
