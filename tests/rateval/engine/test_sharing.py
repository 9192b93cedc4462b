"""Explainers that share a pass: results are those of the plan, whoever makes which and when."""

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
    {"use": "generic-attention", "score": score, "layers": layers, "name": f"{score}-{layers}"}
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
        (f"tiny · zs on squares · {one['name']}", False) for one in FOUR
    ]
    assert all(stage.seconds > 0 for stage in done)
    for attribution in FOUR:
        alone = results(rateval.run(spec([attribution]), output="alone"))[attribution["name"]]
        rows, maps = results(together)[attribution["name"]]
        for name in ("id", "label", "prediction", "correct"):
            assert rows[name].equals(alone[0][name])
        if attribution["layers"] == "all":  # the same layers are recorded
            assert rows.equals(alone[0])
            assert np.array_equal(maps, alone[1])
        largest = np.array(rows["relevance_max"]), np.array(alone[0]["relevance_max"])
        np.testing.assert_allclose(*largest, rtol=1e-5)
        np.testing.assert_allclose(maps, alone[1], atol=2**-10)  # as float16 keeps them


@pytest.mark.parametrize("stop_at", [1, 2, 4, 7])
def test_killed_runs_in_shards_go_on_to_the_same_bits(
    monkeypatch: pytest.MonkeyPatch, stop_at: int
) -> None:
    whole = rateval.run(spec(FOUR), output="whole")
    seen: list[tuple[int, int]] = []

    def interrupted(job: Any, part: range, monitor: Any, folders: Any, batches: Any) -> Any:
        seen.append((part.start, len(folders)))
        if len(seen) == stop_at:
            raise KeyboardInterrupt
        return infer_each(job, part, monitor, folders, batches)

    monkeypatch.setattr("rateval.engine.evaluating.infer_each", interrupted)
    if stop_at < 4:
        with pytest.raises(KeyboardInterrupt):
            rateval.run(spec(FOUR, 4), output="parted")
    require_equal(whole, rateval.run(spec(FOUR, 4), output="parted"))
    assert seen[:3] == [(0, 4), (4, 4), (8, 4)][: min(stop_at, 3)] or stop_at == 1
    assert not [path for path in Path("parted/store/infer").iterdir() if path.name[0] == "."]
    assert not list(Path("parted/store").glob("*-unfinished"))


@pytest.mark.parametrize("stored", [(0,), (1, 2), (0, 1, 3)])
def test_what_is_stored_of_a_plan_does_not_tell_in_the_rest(
    passes: list[tuple[int, ...]], stored: tuple[int, ...]
) -> None:
    whole = rateval.run(spec(FOUR), output="whole")
    only = [f"*{FOUR[at]['name']}*" for at in stored]
    rateval.run(spec(FOUR), output="parted", only=only)
    require_equal(whole, rateval.run(spec(FOUR), output="parted"))
    assert set(passes) == {(2, 1, 0)}  # those of the plan, also where last layers alone are asked


def test_an_explainer_that_fails_takes_no_other_with_it(
    capfd: pytest.CaptureFixture[str],
) -> None:
    broken = {"use": "generic-attention", "name": "broken", "layers": 7}
    late = {"use": "generic-attention", "name": "late", "target": 99}
    for size in (512, 4):
        plan = [broken, FOUR[0], late, FOUR[1], {"use": "grad-cam"}]
        record = rateval.run(spec(plan, size), output=f"by-{size}")
        told = {failure.label.split(" · ")[-1]: failure.error for failure in record.failures}
        assert told.keys() == {"broken", "late"}
        assert "layers = 7: the model has 3 vision layers" in told["broken"]
        assert "target = 99" in told["late"]
        assert results(record).keys() == {"raw-last", "raw-all", "grad-cam"}
        if size == 512:
            whole = record
    require_equal(whole, record)


def test_what_another_run_has_in_work_is_left_to_it(
    passes: list[tuple[int, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []

    def counted(job: Any, part: range, monitor: Any, folders: Any, batches: Any) -> Any:
        seen.append(len(folders))
        return infer_each(job, part, monitor, folders, batches)

    monkeypatch.setattr("rateval.engine.evaluating.infer_each", counted)
    asked: list[str] = []

    def second_is_taken(store: Store, identity: str) -> bool:
        asked.append(identity)
        return len(asked) != 1

    monkeypatch.setattr(Store, "is_free", second_is_taken)
    require_equal(
        rateval.run(spec(FOUR), output="one"), rateval.run(spec(FOUR), output="two", reuse=False)
    )
    assert seen == [3, 4]  # the one that was taken is done by itself afterwards
    assert passes == [(2, 1, 0)] * 9


@pytest.mark.parametrize("shard_size", [4, 512])
def test_two_workers_give_the_same_bits(shard_size: int) -> None:
    whole = rateval.run(spec(FOUR[:2]), output="whole")
    executor = {"use": "local", "workers": 2}
    tables = spec(FOUR[:2], shard_size) | {"executor": executor}
    require_equal(whole, rateval.run(tables, output="shared"))
