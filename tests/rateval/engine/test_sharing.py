"""Explainers that share a pass: results are those of the plan, whoever makes which and when."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import torch

import rateval
from rateval.api import Context, Step, StepEnd
from rateval.engine.executors.local import InThisProcess
from rateval.engine.graph import make_graph
from rateval.engine.handing_out.shards import along, cut_step
from rateval.engine.worker import Worker, open_store
from rateval.plan.planning import make_plan
from rateval.progress import SilentMonitor
from rateval.registry.discovery import discover
from rateval.spec.document import Document
from rateval.stages.infer import infer_each
from rateval.store.rows import read_relevance, read_rows
from rateval.store.store import Store
from rateval.workbench.bench import Workbench
from rateval_attention.passes import record_pass

Passes = list[tuple[int, ...]]
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
def passes(monkeypatch: pytest.MonkeyPatch) -> Passes:
    """The layers that each pass recorded, last one first."""
    seen: Passes = []

    def counted(classifier: Any, images: Any, layers: Any) -> Any:
        seen.append(tuple(layers))
        return record_pass(classifier, images, layers)

    monkeypatch.setattr("rateval_attention.attention.shared.record_pass", counted)
    return seen


def spec(attributions: Sequence[dict[str, Any]], **run: Any) -> dict[str, Any]:
    return {
        "study": {"name": "tiny"},
        "dataset": [{"use": "squares", "train": 12, "test": 10, "without_mask": 6, "skipped": 2}],
        "model": [{"use": "tiny"}],
        "finetune": [{"use": "zs"}],
        "attribution": list(attributions),
        "run": {"device": "cpu", "batch_size": 4} | run,
    }


class Study:
    """The steps of a study, done by one worker of this process as an executor asks it to."""

    def __init__(self, attributions: Sequence[dict[str, Any]], output: str, **run: Any) -> None:
        tables = spec(attributions, output=output, **run)
        plan = make_plan(Document("spec", tables, ""), discover())
        bench = Workbench(Context())
        graph = make_graph(plan, bench)
        self.store, self.notes = open_store(plan), list[str]()
        self._worker = Worker(plan, bench, self.store, graph)
        self.infer = {one.cell.attribution.label: one.infer for one in graph.cells}
        assert self._worker.do(graph.cells[0].finetune, SilentMonitor()).error is None

    def do(self, *steps: Step) -> dict[str, StepEnd]:
        """Do steps along with each other; return how they ended, by the attribution."""
        end = self._worker.do(along(steps), self)
        labels = [step.label.split(" · ")[-1] for step in steps]
        return dict(zip(labels, (end, *end.beside), strict=True))

    def begin(self, total: int) -> None: ...

    def advance(self, samples: int, note: str = "") -> None:
        self.notes += [note] if note else []

    def result(self, name: str) -> tuple[pa.Table, Any]:
        stored = self.store.find("infer", self.infer[name].identity, whole=True)
        assert stored is not None
        return read_rows(stored.path), read_relevance(stored.path)

    def seconds(self, name: str) -> float:
        stored = self.store.find("infer", self.infer[name].identity)
        assert stored is not None
        return stored.seconds

    def require_equal(self, other: Study, names: Sequence[str]) -> None:
        for name in names:
            (rows, maps), (others, other_maps) = self.result(name), other.result(name)
            assert rows.equals(others), name
            assert np.array_equal(maps, other_maps), name

    def require_tidy(self) -> None:
        store = self.store.root
        hidden = {path.name for path in store.rglob(".*")}
        assert hidden <= {".locks"}
        assert not list(store.glob("*-unfinished"))


@pytest.fixture
def whole() -> Study:
    """A study of four explainers that were asked for at once."""
    study = Study(FOUR, "whole")
    assert all(end.error is None for end in study.do(*study.infer.values()).values())
    return study


def test_explainers_of_one_cell_share_a_pass(passes: Passes, whole: Study) -> None:
    assert passes == [(2, 1, 0)] * 3
    spent = [whole.seconds(one["name"]) for one in FOUR]
    assert all(seconds > 0 for seconds in spent)
    assert max(spent) < 0.9 * sum(spent)  # each bears a part of what the first one did
    whole.require_tidy()


@pytest.mark.parametrize("attribution", FOUR, ids=lambda one: one["name"])
def test_results_are_those_of_each_alone(attribution: dict[str, Any], whole: Study) -> None:
    name = attribution["name"]
    alone = Study([attribution], "alone")
    alone.do(alone.infer["generic-attention" if len(alone.infer) > 1 else name])
    if attribution["layers"] == "all":  # the same layers are recorded
        whole.require_equal(alone, [name])
    (rows, maps), (others, other_maps) = whole.result(name), alone.result(name)
    for column in ("id", "label", "prediction", "correct"):
        assert rows[column].equals(others[column])
    largest = np.array(rows["relevance_max"]), np.array(others["relevance_max"])
    np.testing.assert_allclose(*largest, rtol=1e-5)
    np.testing.assert_allclose(maps, other_maps, atol=2**-10)  # as float16 keeps them


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (3, 0, 2, 1)])
@pytest.mark.parametrize("sizes", [(1, 3), (2, 2), (1, 1, 2)])
def test_what_is_done_at_once_does_not_tell_in_the_bits(
    passes: Passes, whole: Study, order: tuple[int, ...], sizes: tuple[int, ...]
) -> None:
    study, names = Study(FOUR, "parts"), [FOUR[at]["name"] for at in order]
    left = iter(names)
    for size in sizes:
        study.do(*(study.infer[next(left)] for _ in range(size)))
    whole.require_equal(study, names)
    assert set(passes) == {(2, 1, 0)}  # those of the plan, also where last layers alone are asked


@pytest.mark.parametrize("stop_at", [1, 2, 3, 5])
def test_shards_that_were_interrupted_give_the_same_bits(
    monkeypatch: pytest.MonkeyPatch, whole: Study, stop_at: int
) -> None:
    batches = 0

    def interrupted(job: Any, part: Any, monitor: Any, folders: Any, found: Any) -> Any:
        def counted() -> Iterator[Any]:
            nonlocal batches
            for batch in found:
                batches += 1
                if batches == stop_at:
                    raise KeyboardInterrupt
                yield batch

        return infer_each(job, part, monitor, folders, counted())

    monkeypatch.setattr("rateval.engine.doing.evaluating.infer_each", interrupted)
    names = [one["name"] for one in FOUR]

    def do_all(study: Study) -> None:
        for shards in zip(*(cut_step(study.infer[name], 4) for name in names), strict=True):
            study.do(*shards)
        for name in names:
            study.do(study.infer[name])

    if stop_at < 4:
        with pytest.raises(KeyboardInterrupt):
            do_all(Study(FOUR, "parted", shard_size=4))
    study = Study(FOUR, "parted", shard_size=4)
    do_all(study)
    assert batches == (4 if stop_at < 4 else 3)  # the one in work was lost, and no other
    whole.require_equal(study, names)
    study.require_tidy()


def test_an_explainer_that_fails_takes_no_other_with_it() -> None:
    broken: dict[str, Any] = {"use": "generic-attention", "name": "broken", "layers": 7}
    late: dict[str, Any] = {"use": "generic-attention", "name": "late", "target": 99}
    plan = [broken, FOUR[0], late, {"use": "grad-cam"}]
    study, parted = Study(plan, "whole"), Study(plan, "parted", shard_size=4)
    ends = study.do(*study.infer.values())
    assert [name for name, end in ends.items() if end.error] == ["broken", "late"]
    assert "layers = 7: the model has 3 vision layers" in str(ends["broken"].error)
    assert "target = 99" in str(ends["late"].error)
    (note,) = study.notes
    assert note.startswith("explained one by one, as several at once failed: layers")
    good = "raw-last", "grad-cam"
    for shards in zip(*(cut_step(parted.infer[name], 4) for name in good), strict=True):
        parted.do(*shards)
    for name in good:
        parted.do(parted.infer[name])
    study.require_equal(parted, good)
    study.require_tidy()


def test_what_another_run_has_in_work_is_left_to_it(
    monkeypatch: pytest.MonkeyPatch, passes: Passes, whole: Study
) -> None:
    study, seen = Study(FOUR, "other"), list[int]()

    def counted(*given: Any) -> Any:
        seen.append(len(given[3]))
        return infer_each(*given)

    monkeypatch.setattr("rateval.engine.doing.evaluating.infer_each", counted)
    second = study.infer["raw-all"].identity
    monkeypatch.setattr(Store, "is_free", lambda store, identity: identity != second)
    passes.clear()
    study.do(*study.infer.values())
    assert seen == [3]
    assert passes == [(2, 1, 0)] * 6  # the one that was taken is done by itself afterwards
    whole.require_equal(study, list(study.infer))


def test_a_result_that_somebody_makes_is_not_free() -> None:
    store = Store(Path("store"))
    identity = "0" * 32
    assert store.is_free(identity)
    with store.sharing(identity):
        assert not Store(Path("store")).is_free(identity)


def test_attributions_of_other_tests_or_kinds_share_nothing() -> None:
    tables = spec([*FOUR[:2], {"use": "center-prior"}, {"use": "legrad"}])
    tables["finetune"] = [{"use": "zs"}, {"use": "lp", "epochs": 1}]
    graph = make_graph(make_plan(Document("spec", tables, ""), discover()), Workbench(Context()))
    groups = {
        tuple(steps.cell.label for steps in graph.sharing[identity]) for identity in graph.sharing
    }
    assert groups == {
        tuple(f"tiny · {method} on squares · {one['name']}" for one in FOUR[:2])
        for method in ("zs", "lp")
    }


def test_two_workers_give_the_same_bits(whole: Study) -> None:
    workers = [Study(FOUR, "parted", shard_size=4) for _ in range(2)]
    names = [one["name"] for one in FOUR]
    parts = zip(*(cut_step(one, 4) for one in whole.infer.values()), strict=True)
    for at, shards in enumerate(parts):
        workers[at % 2].do(*shards)
    for at, name in enumerate(names):
        workers[at % 2].do(whole.infer[name])
    whole.require_equal(workers[0], names)
    workers[1].require_tidy()


@pytest.mark.parametrize("shard_size", [4, 512])
def test_what_is_lost_with_a_worker_is_done_again(
    monkeypatch: pytest.MonkeyPatch, whole: Study, shard_size: int
) -> None:
    lost: list[str] = []

    def losing(executor: Any) -> Sequence[StepEnd]:
        step, _ = executor._waiting[0]
        if step.beside and not lost:
            executor._waiting.popleft()
            lost.append(step.identity)
            return [StepEnd(step.identity, 1.0, error="the worker is gone")]
        return real(executor)

    real = InThisProcess.collect
    monkeypatch.setattr(InThisProcess, "collect", losing)
    tables = spec([*FOUR, {"use": "generic-attention", "name": "broken", "layers": 7}])
    tables["run"]["shard_size"] = shard_size
    record = rateval.run(tables, output="run")
    told = {failure.label.split(" · ")[-1]: failure.error for failure in record.failures}
    assert told.keys() == {"raw-last", "broken"}
    assert told["raw-last"] == "the worker is gone"
    assert [cell.key.attribution for cell in record.cells] == [one["name"] for one in FOUR[1:]]
    for cell in record.cells:
        rows, maps = whole.result(cell.key.attribution)
        assert np.array_equal(record.relevance(cell), maps)
        assert record.rows(cell)["relevance_max"].equals(rows["relevance_max"])
    done = [stage for stage in record.stages if stage.stage == "infer"]
    assert len(done) == 3 and not any(stage.reused for stage in done)


def test_prompts_are_encoded_once_whoever_works(
    monkeypatch: pytest.MonkeyPatch, whole: Study
) -> None:
    def refuse(model: Any, prompts: Any) -> Any:
        raise AssertionError("the text tower runs again")

    first = whole.store.root.parent
    for name in ("raw-last", "raw-all"):
        shutil.rmtree(whole.store.path_of("infer", whole.infer[name].identity))
    monkeypatch.setattr("rateval.testing.TinyModel.encode_text", refuse)
    another = Study(FOUR, str(first))  # with a classifier of its own, from what is stored
    assert another.do(another.infer["raw-last"])["raw-last"].error is None
