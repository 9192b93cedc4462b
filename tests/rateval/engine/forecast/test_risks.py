"""Each risk is told where there is one, and only there."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rateval.engine.forecast import risks
from rateval.engine.forecast.forecast import Measured, Peak
from rateval.engine.forecast.looking import Rows
from rateval.engine.forecast.masks import MaskCount

CALM = Measured(
    device="cpu",
    threads=1,
    workers=2,
    devices=None,
    work=100.0,
    wall=50.0,
    least=50.0,
    whole=True,
    longest="infer clip · zs on photos",
    longest_seconds=20.0,
    peaks=(Peak("clip", "train", 10**9), Peak("clip", "predict and explain", 10**8)),
    available=4 * 10**9,
    trial=1.0,
    unfinished=0,
)


def test_a_model_that_does_not_fit_with_its_workers() -> None:
    assert not list(risks.warn_of_memory(CALM))
    (said,) = risks.warn_of_memory(replace(CALM, workers=8))
    assert "use 3 workers" in said
    assert "train" in said
    assert not list(risks.warn_of_memory(replace(CALM, workers=8, devices=4)))
    (alone,) = risks.warn_of_memory(replace(CALM, workers=1, available=10**8))
    assert "workers, or" not in alone


def test_a_step_that_cannot_be_spread() -> None:
    assert not list(risks.warn_of_longest(CALM))
    (said,) = risks.warn_of_longest(replace(CALM, longest_seconds=80.0))
    assert "infer clip · zs on photos takes 1 min 20 s" in said
    assert "2 are as quick" in said
    assert not list(risks.warn_of_longest(replace(CALM, longest_seconds=80.0, workers=1)))


def test_workers_that_share_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rateval.engine.forecast.risks.count_cores", lambda: 4)
    assert not list(risks.warn_of_cores(CALM))
    (said,) = risks.warn_of_cores(replace(CALM, threads=4))
    assert "OMP_NUM_THREADS=2" in said


def test_a_disk_that_is_too_small() -> None:
    assert not list(risks.warn_of_disk(10**6, 0, 10**9, "runs"))
    (said,) = risks.warn_of_disk(10**9, 10**8, 10**9, "runs")
    assert said.startswith("runs: 1 GB would be stored and 100 MB while training, and 1 GB are")


def test_rows_that_are_mostly_probabilities() -> None:
    assert not list(risks.warn_of_classes({"a": Rows(100, 400, 50_000), "b": Rows(101, 404)}))
    (said,) = risks.warn_of_classes({"a": Rows(1000, 4000, 50_000)})
    assert "4 kB of probabilities in every row, 200 MB over 50,000 rows" in said


def test_samples_without_masks() -> None:
    found = {"a": MaskCount(50, 50, 0), "b": MaskCount(50_000, 200, 20)}
    (said,) = risks.warn_of_masks(found)
    assert "20 of the 200 test images that were looked at (50,000 in all)" in said
