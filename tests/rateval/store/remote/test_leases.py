"""Leases: held by one, or shared; renewed while they are held, taken over when they ran out."""

from __future__ import annotations

import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from rateval.store.remote.buckets import Bucket, open_objects
from rateval.store.remote.leases import Leases
from rateval.store.remote.objects import Folder, Objects

LIFE_S = 0.6


@pytest.fixture
def place(url: str) -> Objects:
    return open_objects(url)


def leases(place: Objects, *, life: float = 30.0) -> Leases:
    return Leases(place, "locks", life=life)


def test_a_lease_is_held_by_one(place: Objects) -> None:
    with leases(place).try_hold("x") as mine:
        assert mine
        with leases(place).try_hold("x") as theirs, leases(place).try_hold("y") as other:
            assert not theirs
            assert other
        said = json.loads(place.read("locks/x"))
        assert said.keys() == {"host", "pid", "token", "expires"}
    with leases(place).try_hold("x") as free:
        assert free
    assert place.list("locks") == []


def test_whoever_reads_shares_and_keeps_out_who_replaces(place: Objects) -> None:
    first, second = (leases(place).hold("x", shared=True) for _ in range(2))
    with first, second, leases(place).try_hold("x") as alone:
        assert not alone
    with leases(place).try_hold("x") as alone:
        assert alone


def test_many_that_want_one_have_it_one_by_one(place: Objects) -> None:
    inside, most = 0, 0
    lock = threading.Lock()

    def work(_: int) -> None:
        nonlocal inside, most
        with leases(place).hold("x"):
            with lock:
                inside += 1
                most = max(most, inside)
            time.sleep(0.01)
            with lock:
                inside -= 1

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(6)))
    assert most == 1


def test_a_lease_that_is_held_is_renewed(tmp_path: Path) -> None:
    place = Folder(tmp_path)
    with leases(place, life=LIFE_S).hold("x"):
        first = json.loads(place.read("locks/x"))["expires"]
        time.sleep(2.5 * LIFE_S)
        with leases(place, life=LIFE_S).try_hold("x") as theirs:
            assert not theirs
        assert json.loads(place.read("locks/x"))["expires"] > first


def test_a_lease_that_ran_out_is_taken_over(place: Objects) -> None:
    dead = {"host": "gone", "pid": 1, "token": "dead", "expires": time.time() - 100}
    place.write("locks/x", json.dumps(dead).encode())
    place.write("locks/x.shared/dead", json.dumps(dead).encode())
    with leases(place).try_hold("x") as mine:
        assert mine
        assert json.loads(place.read("locks/x"))["token"] != "dead"


def test_a_lease_of_a_clock_that_is_ahead_is_taken_over_once_it_stands_still(
    tmp_path: Path,
) -> None:
    place = Folder(tmp_path)
    ahead = {"host": "gone", "pid": 1, "token": "dead", "expires": time.time() + 1e6}
    place.write("locks/x", json.dumps(ahead).encode())
    told = threading.Event()
    with leases(place, life=LIFE_S).hold("x", waiting=told.set):
        assert json.loads(place.read("locks/x"))["token"] != "dead"


def test_whoever_lost_a_lease_does_not_delete_it(place: Objects) -> None:
    with leases(place).hold("x"):
        place.write("locks/x", b'{"token": "other"}')
    assert place.read("locks/x") == b'{"token": "other"}'


@pytest.mark.parametrize("content", [b"", b"[1]", b"\xff", b'{"expires": "x"}'])
def test_what_is_no_lease_is_taken_over_once_it_stands_still(
    content: bytes, tmp_path: Path
) -> None:
    place = Folder(tmp_path)
    place.write("locks/x", content)
    with leases(place, life=LIFE_S).hold("x"):
        assert json.loads(place.read("locks/x"))["token"]


def test_a_sweep_deletes_what_ran_out(place: Objects) -> None:
    for name, expires in (("old", time.time() - 100), ("new", time.time() + 100)):
        place.write(f"locks/{name}", json.dumps({"expires": expires}).encode())
    leases(place).sweep()
    assert place.list("locks") == ["new"]


def test_a_place_without_exclusive_writing_has_one_winner(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("rateval.store.remote.buckets.SETTLE_S", 0.2)
    places = [Bucket("memory://tests/no-create") for _ in range(3)]
    for place in places:
        place.exclusive = False
    started = threading.Barrier(3)

    def create(place: Bucket) -> bool:
        started.wait()
        return place.create("x", str(id(place)).encode())

    with ThreadPoolExecutor(3) as pool:
        assert sum(pool.map(create, places)) == 1


def test_what_was_deleted_may_be_created_again(place: Objects) -> None:
    assert place.create("a/b", b"1")
    assert not place.create("a/b", b"2")
    assert (place.read("a/b"), place.size("a/b"), place.size("a/c")) == (b"1", 1, None)
    assert place.list("a") == ["b"]
    place.delete("a/b")
    place.delete("a/b")
    assert place.list("a") == []
    with pytest.raises(FileNotFoundError):
        place.read("a/b")
    assert place.create("a/b", b"3")
    place.delete_all("a")
    place.delete_all("a")
    assert place.size("a/b") is None
