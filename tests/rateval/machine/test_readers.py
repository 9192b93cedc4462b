"""Readers are as many as asked for, or as cores may be used; those side by side share them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

import pytest

import rateval
from rateval.machine import readers
from rateval.machine.readers import count_cores, resolve_readers, share_readers


@pytest.fixture
def cores(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return a list whose only number is how many cores there are; they share with nobody."""
    there = [1]
    monkeypatch.setattr(readers, "count_cores", lambda: there[0])
    monkeypatch.setattr(readers._Sharing, "processes", 1)
    return there


@pytest.mark.parametrize(
    ("there", "workers", "wanted"),
    [(1, 1, 1), (2, 1, 2), (8, 1, 8), (64, 1, 8), (2, 2, 1), (8, 3, 2), (2, 4, 1), (64, 2, 4)],
)
def test_auto_is_the_cores_divided_among_workers(
    there: int, workers: int, wanted: int, cores: list[int]
) -> None:
    cores[0] = there
    readers.share_cores(workers)
    assert resolve_readers("auto") == wanted
    assert resolve_readers(5) == 5


@pytest.mark.parametrize(
    ("asked", "alone", "processes", "wanted"),
    [("auto", 8, 2, 4), ("auto", 8, 3, 2), ("auto", 1, 4, 1), (6, 6, 4, 6)],
)
def test_processes_of_a_training_share_what_is_auto(
    asked: int | Literal["auto"], alone: int, processes: int, wanted: int
) -> None:
    assert share_readers(asked, alone, processes) == wanted


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="the system doesn't tell")
def test_only_cores_that_may_be_used_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {3, 5, 6})
    assert count_cores() == 3
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: 7)
    assert count_cores() == 7


def test_a_record_says_what_was_resolved_and_identities_do_not_depend_on_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, acme: Path, cores: list[int]
) -> None:
    monkeypatch.chdir(tmp_path)
    cores[0] = 3
    study = {
        "study": {"name": "read"},
        "dataset": [{"use": "squares"}],
        "model": [{"use": "tiny"}],
        "finetune": [{"use": "lp", "epochs": 1}],
        "run": {"device": "cpu"},
    }
    record = rateval.run(study)
    assert rateval.load(record.path).environment.readers == 3
    assert record.spec_resolved["run"]["readers"] == "auto"
    again = rateval.run(study, readers=2)
    assert again.environment.readers == 2
    assert all(stage.reused for stage in again.stages if stage.stage != "load")
    assert [cell.key for cell in again.cells] == [cell.key for cell in record.cells]
