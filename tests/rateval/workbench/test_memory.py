"""A batch that does not fit into memory is worked on in parts, whoever explains it."""

from __future__ import annotations

import dataclasses
import logging
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import rateval
from rateval.api.values import Explanation
from rateval.data.batches import Batch
from rateval.errors import RatevalError
from rateval.machine.memory import Portions, limit_explained
from rateval.tasks.classification import OneOf
from rateval.testing import TinyModel, tiny_classifier, tiny_dataset
from rateval.training.examiner import Examiner
from rateval.workbench.cell import Job
from rateval.workbench.explain import explain_batch, predict_batch
from rateval.workbench.verdicts.judging import judge_batch

NAMES = [
    "generic-attention",
    "raw-attention",
    "input-gradient",
    "integrated-gradients",
    "random",
    "center-prior",
]
DATA = tiny_dataset(test=11)


class Cramped:
    """The tiny classifier on a device with room for ``room`` images."""

    def __init__(self, room: int, error: Callable[[], Exception]) -> None:
        self.inner = tiny_classifier()
        self.model: TinyModel = self.inner.model
        self.room = room
        self.error = error
        self.passes: list[int] = []

    def logits(self, images: torch.Tensor) -> torch.Tensor:
        self.passes.append(len(images))
        if len(images) > self.room:
            raise self.error()
        return self.inner.logits(images)

    decision = None

    def state(self) -> dict[str, torch.Tensor]:
        return {}


class ThirdParty:
    """An explainer with a need for memory of its own, which gives no logits."""

    def __init__(self, room: int) -> None:
        self.room, self.ids = room, list[tuple[str, ...]]()

    def explain(self, classifier: Any, images: Any, labels: Any, ids: Any = None) -> Explanation:
        if len(images) > self.room:
            raise MemoryError
        self.ids.append(ids)
        assert len(labels) == len(ids) == len(images)
        return Explanation(images.mean(1)[:, ::8, ::8].abs() + labels[:, None, None])


def out_of_memory() -> Exception:
    return torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")


def out_of_memory_on_mps() -> Exception:
    return RuntimeError("MPS backend out of memory (MPS allocated: 9.00 GB)")


def out_of_memory_on_the_cpu() -> Exception:
    return RuntimeError(
        "[enforce fail at alloc_cpu.cpp:117] err == 0. DefaultCPUAllocator: can't allocate memory: "
        "you tried to allocate 400000000000 bytes. Error code 12 (Cannot allocate memory)"
    )


def make_job(classifier: Any, attribution: Any) -> Job:
    return Job(classifier, attribution, DATA.test, None, OneOf(3), "cpu", 11, 1)


def only_batch(job: Job) -> Batch:
    (batch,) = job.batches(range(11), masks=True)
    return batch


@pytest.mark.parametrize("error", [out_of_memory, out_of_memory_on_mps, out_of_memory_on_the_cpu])
@pytest.mark.parametrize("name", NAMES)
def test_parts_give_the_same_maps_and_logits(
    name: str, error: Callable[[], Exception], caplog: pytest.LogCaptureFixture
) -> None:
    attribution = rateval.create("attribution", name)
    whole = make_job(tiny_classifier(), attribution)
    expected = explain_batch(whole, only_batch(whole))
    assert not caplog.records
    job = make_job(Cramped(3, error), attribution)
    with caplog.at_level(logging.WARNING, logger="rateval"):
        found = explain_batch(job, only_batch(job))
    peak = float(expected.explanation.relevance.max())
    torch.testing.assert_close(
        found.explanation.relevance, expected.explanation.relevance, atol=1e-5 * peak, rtol=0
    )
    assert found.outputs is not None
    assert expected.outputs is not None
    torch.testing.assert_close(found.outputs.numbers, expected.outputs.numbers, atol=1e-5, rtol=0)
    done = "predicted" if name in ("random", "center-prior") else "explained"
    assert [record.args for record in caplog.records] == [(11, done, done, 5), (5, done, done, 2)]
    assert f"they are now {done} 5 at a time" in caplog.text


@pytest.mark.parametrize(("most", "sizes"), [(4, [4, 4, 3]), (5, [8, 3]), (16, [8, 3])])
def test_batches_are_what_is_explained_at_once_where_that_shares_them_out(
    most: int, sizes: list[int]
) -> None:
    job = dataclasses.replace(make_job(tiny_classifier(), None), batch_size=8)
    job.explaining.most = most
    assert [len(batch) for batch in job.batches(range(11))] == sizes


@pytest.mark.parametrize(
    ("threads", "patches", "most"),
    [(1, 49, 16), (2, 49, 16), (4, 49, 32), (64, 49, 83), (4, 196, 20), (1, 576, 7), (1, 5000, 1)],
)
def test_processors_explain_few_at_once(
    threads: int, patches: int, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch, "get_num_threads", lambda: threads)
    assert limit_explained("cpu", patches) == most
    assert limit_explained("cuda:0", patches) is None


def test_a_batch_is_explained_in_parts_without_a_word(caplog: pytest.LogCaptureFixture) -> None:
    attribution = ThirdParty(99)
    job = make_job(tiny_classifier(), attribution)
    object.__setattr__(job, "explaining", Portions("explained", "none", 4))
    batch = only_batch(job)
    explain_batch(job, batch)
    assert attribution.ids == [batch.ids[:4], batch.ids[4:8], batch.ids[8:]]
    assert not caplog.records


def test_a_third_partys_explainer_gets_its_part_of_everything() -> None:
    attribution = ThirdParty(4)
    job = make_job(tiny_classifier(), attribution)
    batch = only_batch(job)
    found = explain_batch(job, batch)
    assert attribution.ids == [batch.ids[at : at + 2] for at in range(0, 11, 2)]
    expected = ThirdParty(99).explain(None, batch.images, batch.labels, batch.ids)
    assert found.explanation.relevance.equal(expected.relevance)
    assert found.outputs is not None
    assert found.outputs.numbers.equal(
        predict_batch(make_job(tiny_classifier(), None), batch).numbers
    )


def test_a_random_map_does_not_depend_on_how_a_batch_is_divided() -> None:
    attribution = rateval.create("attribution", "random")
    job = make_job(tiny_classifier(), attribution)
    batch = only_batch(job)
    whole = explain_batch(job, batch).explanation.relevance
    for size in (1, 2, 3, 5):
        parts = [
            attribution.explain(job.classifier, batch.images[at : at + size], batch.labels)
            for at in range(0, 11, size)
        ]
        assert torch.cat([part.relevance for part in parts]).equal(whole)


def test_what_fitted_is_remembered() -> None:
    cramped = Cramped(3, out_of_memory)
    job = make_job(cramped, rateval.create("attribution", "generic-attention"))
    batch = only_batch(job)
    explain_batch(job, batch)
    assert cramped.passes == [11, 5, 2, 2, 2, 2, 2, 1]
    cramped.passes.clear()
    explain_batch(job, batch)
    assert cramped.passes == [2, 2, 2, 2, 2, 1]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("generic-attention", r'one image alone does not fit .* layers = "last"'),
        ("random", r"one image alone does not fit .* predicted; take a smaller .* --device cpu"),
    ],
)
def test_a_single_image_that_does_not_fit(name: str, message: str) -> None:
    cramped = Cramped(0, out_of_memory)
    job = make_job(cramped, rateval.create("attribution", name))
    with pytest.raises(RatevalError, match=message):
        explain_batch(job, only_batch(job))
    assert cramped.passes == [11, 5, 2, 1]


@pytest.mark.parametrize(
    "error", [RuntimeError("mat1 and mat2 cannot be multiplied"), ValueError()]
)
def test_other_errors_pass_through(error: Exception) -> None:
    cramped = Cramped(3, lambda: error)
    job = make_job(cramped, rateval.create("attribution", "generic-attention"))
    with pytest.raises(type(error)):
        explain_batch(job, only_batch(job))
    assert cramped.passes == [11]


def test_samples_held_out_are_examined_in_parts() -> None:
    validator = rateval.create("validator", "relevance-mass")
    metrics = {name: rateval.create("metric", name) for name in ("pt", "ir")}
    attribution = rateval.create("attribution", "center-prior")
    examine = Examiner(lambda c: make_job(c, attribution), validator, metrics)
    assert examine(Cramped(3, out_of_memory)) == examine(tiny_classifier())
    alone = Examiner(lambda c: make_job(c, None), None, {})
    assert alone(Cramped(3, out_of_memory)) == alone(tiny_classifier())


def test_maps_are_judged_in_parts() -> None:
    validator = rateval.create("validator", "relevance-mass")

    class Large:
        def judge(self, relevance: torch.Tensor, masks: torch.Tensor) -> Any:
            if len(relevance) > 2:
                raise out_of_memory()
            return validator.judge(relevance, masks)

    maps = np.random.default_rng(0).random((7, 3, 4)).astype(np.float16)
    masks = torch.rand(7, 24, 32, generator=torch.Generator().manual_seed(0)) > 0.5
    there = [True] * 6 + [False]
    ours, theirs = (judge_batch(v, maps, masks, there, "cpu") for v in (Large(), validator))
    assert ours.score.equal(theirs.score)
    assert ours.valid.equal(theirs.valid)
    assert ours.reasons == theirs.reasons


@contextmanager
def room_for(images: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """Let the tiny model have room for some images alone; yield what was tried."""
    real, tried = TinyModel.encode_image, list[int]()

    def encode(self: TinyModel, batch: torch.Tensor) -> torch.Tensor:
        tried.append(len(batch))
        if len(batch) > images:
            raise out_of_memory()
        return real(self, batch)

    with monkeypatch.context() as patched:
        patched.setattr(TinyModel, "encode_image", encode)
        yield tried


def test_a_whole_run_with_little_memory_finds_the_same(
    acme: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    study = {
        "study": {"name": "cramped"},
        "dataset": [{"use": "squares"}],
        "model": [{"use": "tiny"}],
        "finetune": [{"use": "zs"}, {"use": "lp", "epochs": 1}],
        "attribution": [{"use": "random"}, {"use": "any-map"}],
        "faithfulness": {"images": 7, "steps": 3},
        "held_out": {"images": 5},
        "run": {"device": "cpu", "batch_size": 5},
    }
    whole = rateval.run(study, output="whole")
    with room_for(2, monkeypatch) as tried:
        parts = rateval.run(study, output="parts")
    assert max(tried) > 2
    assert not parts.failures
    for one, other in zip(whole.cells, parts.cells, strict=True):
        assert one.evidence[0].quadrants == other.evidence[0].quadrants
        assert one.faithfulness is not None
        assert other.faithfulness is not None
        assert one.faithfulness.deletion == pytest.approx(other.faithfulness.deletion, abs=1e-6)
        assert one.faithfulness.chance == pytest.approx(other.faithfulness.chance, abs=1e-6)
    with room_for(0, monkeypatch):
        none = rateval.run(study, output="none")
    assert none.failures
    for failure in none.failures:
        assert "one image alone does not fit into the device's memory" in failure.error


def test_nothing_of_a_failed_pass_is_kept() -> None:
    """What a pass has made is let go of before the smaller one begins."""
    made: list[weakref.ref[torch.Tensor]] = []
    alive: list[int] = []

    def compute(part: slice) -> int:
        alive.append(sum(ref() is not None for ref in made))
        activations = torch.zeros(part.stop - part.start)
        made.append(weakref.ref(activations))
        if part.stop - part.start > 1:
            raise out_of_memory()
        return 1

    assert Portions("tried", "give up").each(4, compute) == [1] * 4
    assert alive == [0] * 6
