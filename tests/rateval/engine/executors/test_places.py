"""What each worker gets of a computer: a GPU, cores of its own, or what there is."""

from __future__ import annotations

import os

import pytest

from rateval.engine.executors import places
from rateval.engine.executors.places import Place, find_places
from rateval.errors import RatevalError
from rateval.machine import readers


def test_without_devices_all_workers_share_what_there_is() -> None:
    assert find_places("cuda:0", None, None) == [Place()]
    assert find_places("cpu", None, 3) == [Place()] * 3


def test_each_gpu_has_a_worker_and_more_workers_take_turns(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(places, "_list_cards", lambda: ["4", "GPU-7", "6"])
    assert [place.gpu for place in find_places("cuda:0", "all", None)] == ["4", "GPU-7", "6"]
    assert [place.gpu for place in find_places("cuda:0", [2, 0], 3)] == ["6", "4", "6"]
    with pytest.raises(RatevalError, match=r"no GPU 3 on this computer; there is 0, 1, 2"):
        find_places("cuda:0", [0, 3], None)


def test_cards_are_named_as_the_environment_names_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(places.VISIBLE, "5, 2")
    assert places._list_cards() == ["5", "2"]


def test_on_a_cpu_all_cores_are_divided_and_none_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {1, 2, 3, 5, 8})
    two = find_places("cpu", "all", 2)
    assert [place.cores for place in two] == [(1, 2), (3, 5, 8)]
    assert [place.cores for place in find_places("cpu", "all", None)] == [
        (1,),
        (2,),
        (3,),
        (5,),
        (8,),
    ]
    assert [place.cores for place in find_places("cpu", "all", 6)][-1] == (1,)
    with pytest.raises(RatevalError, match=r"executor.devices = \[0\]: these are numbers of GPUs"):
        find_places("cpu", [0], None)


def test_a_place_is_taken_by_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    bound: list[object] = []
    monkeypatch.setattr(os, "sched_setaffinity", lambda _, cores: bound.append(cores))
    monkeypatch.setenv(places.VISIBLE, "0,1")
    Place(gpu="1").take()
    Place(cores=(0,)).take()
    assert (os.environ[places.VISIBLE], bound) == ("1", [(0,)])


def test_threads_are_as_many_as_asked_but_no_more_than_the_share_of_cores(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(readers, "count_cores", lambda: 8)
    monkeypatch.setattr(readers._Sharing, "processes", 3)
    assert [readers.limit_threads(asked) for asked in (1, 2, 8, 64)] == [1, 2, 2, 2]
