"""A run in shards equals one without, whoever does them and whatever happens to them."""

from __future__ import annotations

from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import torch

import rateval
from rateval.console import Console
from rateval.progress import PlainReporter
from rateval.records.run import RunRecord
from rateval.records.step import Step, StepEnd
from rateval.stages.counterfactual import counterfactual
from rateval.stages.infer import infer
from rateval.store.leftovers import remove_unfinished
from rateval.store.manifest import require_whole


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, acme: Path
) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("rateval.machine.readers.count_cores", lambda: 8)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # with as many each, two workers give the same bits as one
    yield
    torch.set_num_threads(threads)


def spec(shard_size: int = 512, **changes: Any) -> dict[str, Any]:
    return {
        "study": {"name": "tiny"},
        "dataset": [{"use": "squares", "train": 12, "test": 23, "without_mask": 12, "skipped": 5}],
        "model": [{"use": "tiny"}],
        "finetune": [{"use": "zs"}, {"use": "ft", "epochs": 1, "batch_size": 6}],
        "evidence": [{"use": "relevance-mass"}, {"use": "counterfactual"}],
        "counterfactual": {"donors": 2},
        "run": {"device": "cpu", "batch_size": 4, "shard_size": shard_size},
    } | changes


def numbers(record: RunRecord) -> Any:
    assert record.status == "finished", record.failures
    return record.model_dump(mode="json", include={"cells"})


def require_equal(one: RunRecord, two: RunRecord) -> None:
    assert numbers(one) == numbers(two)
    stages = [{(s.stage, s.label, s.identity) for s in record.stages} for record in (one, two)]
    assert stages[0] == stages[1]  # no shard is in a record
    for ours, theirs in zip(one.cells, two.cells, strict=True):
        assert one.rows(ours).equals(two.rows(theirs))
        assert one.answers(ours).equals(two.answers(theirs))
        assert (one.relevance(ours) == two.relevance(theirs)).all()
    assert not list(Path(two.path).parent.glob("store/*-unfinished"))


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("shard_size", [3, 8])
def test_a_run_in_shards_equals_one_without(workers: int, shard_size: int) -> None:
    whole = rateval.run(spec(), output="whole")
    executor = {"use": "local", "workers": workers}
    require_equal(whole, rateval.run(spec(shard_size, executor=executor), output="parted"))


def test_shards_that_are_kept_are_not_done_again(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = rateval.run(spec(), output="whole")
    seen: list[tuple[str, int]] = []
    stop_at = 4

    def watched(stage: str, real: Any) -> Any:
        def done(job: Any, *rest: Any) -> Any:
            part = next(one for one in rest if isinstance(one, range)) if stage == "infer" else None
            seen.append((stage, -1 if part is None else part.start))
            if len(seen) == stop_at:
                raise KeyboardInterrupt
            return real(job, *rest)

        return done

    monkeypatch.setattr("rateval.engine.doing.evaluating.infer", watched("infer", infer))
    monkeypatch.setattr(
        "rateval.engine.doing.editing.counterfactual", watched("edit", counterfactual)
    )
    runs = 0
    while stop_at:
        runs += 1
        try:
            require_equal(whole, rateval.run(spec(4)))
            stop_at = 0
        except KeyboardInterrupt:
            stop_at += 4
    # Six shards of two stages for two methods; each interruption loses the one in work.
    assert len(seen) == 24 + runs - 1
    assert runs == 8


def test_a_shard_that_fails_fails_its_step_once(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(job: Any, part: range, *rest: Any) -> Any:
        if part.start == 8:
            raise ValueError("no such luck")
        return infer(job, part, *rest)

    monkeypatch.setattr("rateval.engine.doing.evaluating.infer", broken)
    record = rateval.run(spec(4, finetune=[{"use": "zs"}]))
    assert record.status == "failed"
    (failure,) = record.failures
    assert (failure.stage, failure.label) == ("infer", "tiny · zs on squares")
    assert failure.error == "ValueError: no such luck"
    log = (record.path / "run.log").read_text(encoding="utf-8")
    assert log.count("no such luck") == 1 + log.count('raise ValueError("no such luck")')
    monkeypatch.setattr("rateval.engine.doing.evaluating.infer", infer)
    assert rateval.run(spec(4, finetune=[{"use": "zs"}])).status == "finished"


def test_where_nothing_is_reused_no_shard_of_another_run_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen: list[int] = []

    def interrupted(job: Any, part: range, *rest: Any) -> Any:
        seen.append(part.start)
        if len(seen) == 4:
            raise KeyboardInterrupt
        return infer(job, part, *rest)

    monkeypatch.setattr("rateval.engine.doing.evaluating.infer", interrupted)
    tables = spec(4, finetune=[{"use": "zs"}])
    with pytest.raises(KeyboardInterrupt):
        rateval.run(tables)
    rateval.run(tables, reuse=False)
    assert seen == [0, 4, 8, 12, 0, 4, 8, 12, 16, 20]


def test_a_shard_that_is_gone_is_made_when_all_are_put_together(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from rateval.engine.handing_out.shards import Divisible

    whole = rateval.run(spec(), output="whole")
    real = Divisible.write
    gone: list[str] = []

    def emptied(self: Divisible, store: Any, *rest: Any) -> Any:
        if not gone:
            (folder,) = (store.root / "infer-unfinished").iterdir()
            for shard in sorted((folder / "infer").iterdir())[:2]:
                require_whole(shard)
                remove_unfinished(store.root, "infer", f"{folder.name}/infer/{shard.name}")
                gone.append(shard.name)
        return real(self, store, *rest)

    monkeypatch.setattr(Divisible, "write", emptied)
    record = rateval.run(spec(4, finetune=[{"use": "zs"}]))
    assert len(gone) == 2
    (cell,) = record.cells
    theirs = next(one for one in whole.cells if one.key == cell.key)
    assert record.rows(cell).equals(whole.rows(theirs))


def test_a_view_counts_each_image_of_a_test_once() -> None:
    seen = []

    class Watching(PlainReporter):
        def ended(self, step: Step, end: StepEnd) -> None:
            if step.stage == "infer":
                whole = self._tally.workers[step.identity].whole
                seen.append((step.shard is None, whole.done, whole.total))
            super().ended(step, end)

    reporter = Watching(Console(file=StringIO(), width=1000))
    rateval.run(spec(8, finetune=[{"use": "zs"}]), reporter=reporter)
    assert seen == [(False, 8, 23), (False, 16, 23), (False, 23, 23), (True, 23, 23)]
    assert reporter._tally.costs["infer"].measured == 23
