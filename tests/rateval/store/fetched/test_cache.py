"""Objects are fetched once, whole, and within a limit."""

from __future__ import annotations

import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from fsspec.implementations.memory import MemoryFileSystem

from rateval.errors import RatevalError, StudyError
from rateval.store.fetched import cache
from rateval.store.fetched.cache import PIECE, WHOLE, evict, fetch, fetched_folder
from rateval.store.fetched.sources import Object, explain_absent, list_below, look


def known(url: str) -> Object:
    found = look(url)
    assert found is not None
    return found


def test_an_object_is_fetched_once_until_it_changes(far: Any) -> None:
    url = far.put("a.bin", b"first")
    before = known(url)
    assert fetch(url, before, WHOLE).read_bytes() == b"first"
    assert fetch(url, before, WHOLE).read_bytes() == b"first"
    assert far.fetched == {"a.bin": 1}
    far.put("a.bin", b"other")
    assert fetch(url, known(url), WHOLE).read_bytes() == b"other"
    assert fetch(url, before, WHOLE).read_bytes() == b"first"
    assert far.fetched == {"a.bin": 2}


def test_threads_that_want_the_same_fetch_it_once(far: Any) -> None:
    url = far.put("a.bin", b"x" * 1000)
    wanted = known(url)
    with ThreadPoolExecutor(8) as pool:
        found = set(pool.map(lambda _: fetch(url, wanted, PIECE), range(32)))
    assert far.fetched == {"a.bin": 1}
    assert [path.read_bytes() for path in found] == [b"x" * 1000]


def test_processes_that_want_the_same_do_each_other_no_harm(
    far: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = far.put("a.bin", b"x" * 1000)
    wanted, both, alone = known(url), threading.Barrier(2), threading.Lock()
    get = MemoryFileSystem.get_file

    def at_once(*args: Any, **options: Any) -> Any:
        both.wait(10)
        with alone:  # fsspec's files in memory have one place to read at
            return get(*args, **options)

    monkeypatch.setattr(MemoryFileSystem, "get_file", at_once)
    path = cache.place_of(url, wanted, PIECE)
    with ThreadPoolExecutor(2) as pool:  # without what threads of one process wait for
        list(pool.map(lambda _: cache._fetch(url, wanted, path), range(2)))
    assert path.read_bytes() == b"x" * 1000
    assert list(path.parent.iterdir()) == [path]


def test_what_fails_leaves_nothing(far: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    url = far.put("a.bin", b"first")
    wanted = known(url)
    far.put("a.bin", b"longer")
    with pytest.raises(ValueError, match="was changed while it was read"):
        fetch(url, wanted, PIECE)
    far.delete("a.bin")
    with pytest.raises(FileNotFoundError, match=r"no such object: .*a\.bin"):
        fetch(url, wanted, PIECE)

    def refuse(*args: object, **options: object) -> None:
        raise PermissionError("Forbidden")

    monkeypatch.setattr(MemoryFileSystem, "get_file", refuse)
    with pytest.raises(PermissionError, match="cannot be read: Forbidden"):
        fetch(url, wanted, PIECE)

    def fail(*args: object, **options: object) -> None:
        raise ConnectionError("no route")

    monkeypatch.setattr(MemoryFileSystem, "get_file", fail)
    with pytest.raises(StudyError, match="no route"):
        fetch(url, wanted, PIECE)
    assert not [path for path in fetched_folder().rglob("*") if path.is_file()]


def age(path: Path, seconds: float) -> None:
    then = time.time() - seconds
    os.utime(path, (then, then))


def test_what_was_used_longest_ago_goes_first_and_what_is_in_use_stays(far: Any) -> None:
    paths = {}
    for name, kind, old in [
        ("a", PIECE, 100),
        ("b", PIECE, 300),
        ("c", PIECE, 0),
        ("d", WHOLE, 400),
        ("e", WHOLE, 5000),
    ]:
        url = far.put(name, b"x" * 10)
        paths[name] = fetch(url, known(url), kind)
        age(paths[name], old)
    evict(fetched_folder(), 30)
    assert {name for name, path in paths.items() if path.exists()} == {"a", "c", "d"}
    evict(fetched_folder(), 0)
    assert {name for name, path in paths.items() if path.exists()} == {"c", "d"}


def test_a_fetch_makes_room(far: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(cache.VARIABLE, str(100 / 2**30))
    most = 0
    for at in range(30):
        url = far.put(f"{at}", bytes([at]) * 10)
        path = fetch(url, known(url), PIECE)
        assert path.read_bytes() == bytes([at]) * 10
        age(path, 100 + at)
        files = [one for one in fetched_folder().rglob("*") if one.is_file()]
        most = max(most, sum(one.stat().st_size for one in files))
    assert most == 100


def test_what_is_larger_than_all_may_be_is_refused(
    far: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(cache.VARIABLE, "0")
    url = far.put("a", b"x")
    with pytest.raises(RatevalError, match=r"has 1 bytes, more than the 0 .*RATEVAL_FETCHED_GIB"):
        fetch(url, known(url), WHOLE)
    with pytest.raises(ValueError, match="has 1 bytes"):
        fetch(url, known(url), PIECE)
    monkeypatch.setenv(cache.VARIABLE, "much")
    with pytest.raises(RatevalError, match="must be a number of GiB"):
        fetch(url, known(url), WHOLE)


def test_downloads_of_dead_processes_go_after_a_day(far: Any) -> None:
    url = far.put("a", b"x")
    path = fetch(url, known(url), PIECE)
    young, old = (path.with_name(f".{name}.part") for name in ("young", "old"))
    for part, seconds in ((young, 3600), (old, 25 * 3600)):
        part.write_bytes(b"half")
        age(part, seconds)
    evict(fetched_folder(), 0)
    assert (young.exists(), old.exists()) == (True, False)


def test_folders_are_listed_and_what_is_missing_is_told(far: Any) -> None:
    for name in ("cats/1.jpg", "cats/2.jpg", "list.txt"):
        far.put(name, name.encode())
    assert {name: one.size for name, one in list_below(far.url).items()} == {
        "cats/1.jpg": 10,
        "cats/2.jpg": 10,
        "list.txt": 8,
    }
    assert look(f"{far.url}/cats") is None
    assert explain_absent(f"{far.url}/cats") == explain_absent(f"{far.url}/list.txt") == ""
    told = explain_absent(f"{far.url}/lost.txt")
    assert told == 'no such object; did you mean "list.txt"?'
    told = explain_absent(f"{far.url}/dogs/1.jpg")
    assert told == f"no such object: there is no {far.url}/dogs; give the URL of one that is there"
    assert explain_absent("s4://bucket/x").startswith("is of a kind that is not known here")


def test_names_that_lead_elsewhere_are_refused(far: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    far.put("a", b"")

    def find(self: Any, path: str, **options: Any) -> dict[str, Any]:
        return {f"{path}/../evil": {"size": 1, "type": "file"}}

    monkeypatch.setattr(MemoryFileSystem, "find", find)
    with pytest.raises(RatevalError, match="which can be no path here"):
        list_below(far.url)
