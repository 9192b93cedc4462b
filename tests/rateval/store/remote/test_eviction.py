"""Room in a mirror: only what is whole behind the URL goes, what was used longest ago first."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from rateval.errors import RatevalError
from rateval.store.remote.buckets import open_objects
from rateval.store.remote.eviction import evict, read_limit
from rateval.store.remote.mirror import find_mirror, local_folder
from rateval.store.store import Store, Stored


@pytest.fixture
def store(url: str) -> Store:
    return Store(local_folder(url) / "store")


def make(store: Store, number: int) -> Stored:
    def fill(folder: Path) -> Mapping[str, Any]:
        (folder / "a").write_bytes(b"x" * 10_000)
        return {}

    made = store.make("infer", {"n": number}, fill)
    os.utime(made.path / "manifest.json", (number, number))
    return made


def make_room(store: Store, limit: int) -> None:
    mirror = find_mirror(store.root)
    assert mirror is not None
    evict(mirror, store._locks, limit)


def test_the_least_lately_used_goes_until_there_is_room(store: Store) -> None:
    made = [make(store, number) for number in (1, 2, 3)]
    make_room(store, 24_000)
    assert [one.path.exists() for one in made] == [False, True, True]
    found = store.find("infer", made[0].identity, whole=True)
    assert found is not None
    assert (found.path / "a").read_bytes() == b"x" * 10_000
    assert sorted(path.name for path in made[0].path.parent.iterdir()) == sorted(
        one.identity for one in made
    )


def test_what_is_not_behind_the_url_stays(store: Store, url: str) -> None:
    made = [make(store, number) for number in range(1, 6)]
    far = open_objects(url)
    keys = [f"store/infer/{one.identity}" for one in made]
    far.delete(f"{keys[0]}/manifest.json")
    far.delete(f"{keys[1]}/a")
    far.write(f"{keys[2]}/a", b"cut")
    (made[3].path / ".uploaded").unlink()
    make_room(store, 0)
    assert [one.path.exists() for one in made] == [True, True, True, True, False]


def test_what_was_just_used_or_is_read_stays(store: Store) -> None:
    made = [make(store, number) for number in (1, 2)]
    os.utime(made[0].path / "manifest.json")
    with store.reading([made[1].identity]):
        make_room(store, 0)
    assert [one.path.exists() for one in made] == [True, True]
    make_room(store, 0)
    assert [one.path.exists() for one in made] == [True, False]


def test_the_size_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    assert read_limit() == 50 << 30
    monkeypatch.setenv("RATEVAL_MIRROR_GIB", "0.5")
    assert read_limit() == 1 << 29
    for text in ("much", "-1", "nan", "inf"):
        monkeypatch.setenv("RATEVAL_MIRROR_GIB", text)
        with pytest.raises(RatevalError, match=r"RATEVAL_MIRROR_GIB = .*: must be a number of GiB"):
            read_limit()
