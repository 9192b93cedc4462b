"""A folder with rules as NFS may have them: no flock, no links, no rename over a folder."""

from __future__ import annotations

import errno
import fcntl
import os
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from rateval.store.remote import leases
from rateval.store.store import Store


@pytest.fixture(autouse=True)
def _as_nfs(monkeypatch: pytest.MonkeyPatch) -> None:
    rename = Path.rename

    def flock(file: int, how: int) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    def over_nothing(self: Path, to: Path) -> Path:
        if self.is_dir() and os.path.lexists(to):
            raise OSError(errno.ENOTEMPTY, os.strerror(errno.ENOTEMPTY), str(to))
        return rename(self, to)

    def link(*_: object, **__: object) -> None:
        raise OSError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(fcntl, "flock", flock)
    monkeypatch.setattr(Path, "rename", over_nothing)
    monkeypatch.setattr(os, "link", link)


def write(text: str) -> Any:
    def fill(folder: Path) -> Mapping[str, Any]:
        (folder / "file").write_text(text)
        return {"text": text}

    return fill


def never(folder: Path) -> Mapping[str, Any]:
    raise AssertionError("is stored already")


def test_results_are_made_reused_and_replaced(tmp_path: Path) -> None:
    told: list[str] = []
    Store(tmp_path, tell=told.append).make("infer", {"n": 1}, write("old"))
    assert Store(tmp_path).make("infer", {"n": 1}, never).reused
    made = Store(tmp_path, reuse=False).make("infer", {"n": 1}, write("new"))
    assert (made.path / "file").read_text() == "new"
    assert told == []
    Store(tmp_path).sweep()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["infer"]


def test_two_that_make_the_same_wait_for_one_another(tmp_path: Path) -> None:
    began, go_on = threading.Event(), threading.Event()

    def slow(folder: Path) -> Mapping[str, Any]:
        began.set()
        assert go_on.wait(30)
        return dict(write("first")(folder))

    def tell(line: str) -> None:
        go_on.set()

    with ThreadPoolExecutor(2) as pool:
        making = pool.submit(Store(tmp_path).make, "infer", {"n": 1}, slow)
        assert began.wait(30)
        waiting = pool.submit(Store(tmp_path, tell=tell).make, "infer", {"n": 1}, never)
        assert making.result(60).facts == waiting.result(60).facts


def test_what_is_read_is_not_replaced_meanwhile(tmp_path: Path) -> None:
    made = Store(tmp_path).make("infer", {"n": 1}, write("old"))
    waits = threading.Event()
    fresh = Store(tmp_path, reuse=False, tell=lambda line: waits.set())
    with ThreadPoolExecutor(1) as pool:
        with Store(tmp_path).reading([made.identity]):
            making = pool.submit(fresh.make, "infer", {"n": 1}, write("new"))
            assert waits.wait(30)
            assert (made.path / "file").read_text() == "old"
        making.result(60)
    assert (made.path / "file").read_text() == "new"


def test_what_a_dead_run_left_goes_when_its_lease_has_run_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    identity = "ab" * 16
    work = tmp_path / "infer" / f".{identity}-x"
    work.mkdir(parents=True)
    monkeypatch.setattr(leases, "LIFE_S", 30.0)
    alive = Store(tmp_path)
    with alive._locks.hold(f"{identity}.make"):
        Store(tmp_path).sweep()
        assert work.is_dir()
    (tmp_path / ".locks").mkdir(exist_ok=True)
    (tmp_path / ".locks" / f"{identity}.make").write_text('{"token": "dead", "expires": 0}')
    Store(tmp_path).sweep()
    assert not work.exists()
    assert not (tmp_path / ".locks").exists()
