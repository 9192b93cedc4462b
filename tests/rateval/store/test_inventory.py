from __future__ import annotations

import os
from pathlib import Path

from rateval.store.going import goes_on, has_locks, is_used, list_going, open_locks
from rateval.store.inventory import delete_result, list_results, list_stages, size_of
from rateval.store.locks import Locks
from rateval.store.store import Store

ONE, TWO = "1" * 32, "2" * 32


def make(root: Path, stage: str, name: str) -> Path:
    path = root / stage / name
    (path / "deep").mkdir(parents=True)
    (path / "a").write_bytes(bytes(10))
    (path / "deep" / "b").write_bytes(bytes(5))
    return path


def test_results_are_what_has_an_identity_below_a_stage(tmp_path: Path) -> None:
    make(tmp_path, "judge", ONE)
    make(tmp_path, "infer", TWO)
    make(tmp_path, "infer", ONE)
    make(tmp_path, "infer", f".{ONE}-abcd")
    make(tmp_path, "infer", "notes")
    make(tmp_path, "infer-unfinished", ONE)
    make(tmp_path, ".locks", ONE)
    (tmp_path / "file").touch()
    assert list_stages(tmp_path) == ["infer", "judge"]
    found = [(result.stage, result.identity) for result in list_results(tmp_path)]
    assert found == [("infer", ONE), ("infer", TWO), ("judge", ONE)]
    assert list(list_results(tmp_path / "nowhere")) == []


def test_bytes_are_those_of_files_and_not_of_what_links_lead_to(tmp_path: Path) -> None:
    path = make(tmp_path, "infer", ONE)
    assert size_of(path) == 15
    assert size_of(path / "a") == 10
    assert size_of(tmp_path / "nowhere") == 0
    (path / "loop").symlink_to(path)
    assert size_of(path) == 15 + len(os.fsencode(path))


def test_a_result_is_deleted_unless_somebody_has_it(tmp_path: Path) -> None:
    path = make(tmp_path, "infer", ONE)
    (result,) = list_results(tmp_path)
    locks = Locks(tmp_path / ".locks")
    for end, shared in (("make", False), ("read", True)):
        with locks.hold(f"{ONE}.{end}", shared=shared):
            assert not delete_result(result, locks)
    assert path.is_dir()
    assert delete_result(result, locks)
    assert not (tmp_path / "infer").exists()


def test_a_deletion_that_was_interrupted_is_swept_away(tmp_path: Path) -> None:
    path = make(tmp_path / "store", "infer", ONE)
    path.rename(path.with_name(f".{ONE}-0123abcd"))
    assert list(list_results(tmp_path / "store")) == []
    Store(tmp_path / "store").sweep()
    assert not list((tmp_path / "store" / "infer").iterdir())


def test_who_goes_on_is_known_without_a_trace(tmp_path: Path) -> None:
    root, run = tmp_path / "store", tmp_path / "run"
    store = Store(root)
    assert not goes_on(run)
    assert not (root / ".locks").exists()
    with store.owning(run):
        assert goes_on(run)
        assert (list_going(root), is_used(root)) == (["run"], True)
    assert (list_going(root), is_used(root)) == ([], False)
    with store.using():
        assert (list_going(root), is_used(root)) == ([], True)
    (root / ".locks").mkdir(exist_ok=True)
    (root / ".locks" / "run.run").touch()
    assert not goes_on(run)
    assert (root / ".locks" / "run.run").is_file()


def test_a_lock_that_is_no_file_is_held_by_nobody(tmp_path: Path) -> None:
    locks = Locks(tmp_path)
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("nowhere")
    assert [locks.is_held(name) for name in ("folder", "pipe", "link", "none")] == [False] * 4
    assert locks.names() == ["folder", "link", "pipe"]
    assert Locks(tmp_path / "nowhere").names() == []


def test_a_store_that_is_not_there_has_no_locks(tmp_path: Path) -> None:
    assert has_locks(tmp_path)
    assert not has_locks(tmp_path / "nowhere")
    with open_locks(tmp_path / "nowhere").try_hold("a") as free:
        assert not free
    assert not (tmp_path / "nowhere").exists()
