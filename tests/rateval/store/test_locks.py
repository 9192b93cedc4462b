from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path

import pytest

from rateval.errors import StudyError
from rateval.store.locks import Locks


def holds(locks: Locks, name: str) -> bool:
    """Return whether nobody else has a lock."""
    with locks.try_hold(name) as got:
        return got


def test_a_lock_is_a_file_for_as_long_as_somebody_has_it(tmp_path: Path) -> None:
    folder = tmp_path / "locks"
    ours, theirs = Locks(folder), Locks(folder)
    with ours.hold("a"):
        assert (folder / "a").is_file()
        assert not holds(theirs, "a")
        assert holds(theirs, "b")
    assert list(folder.iterdir()) == []
    assert holds(theirs, "a")


def test_readers_share_a_lock_and_keep_others_out(tmp_path: Path) -> None:
    locks = Locks(tmp_path)
    with locks.hold("a", shared=True):
        with locks.hold("a", shared=True):
            assert not holds(locks, "a")
        assert not holds(locks, "a")
        assert (tmp_path / "a").is_file()
    assert holds(locks, "a")
    assert list(tmp_path.iterdir()) == []


def test_who_waits_is_told_once_and_gets_the_lock(tmp_path: Path) -> None:
    locks, waits = Locks(tmp_path), threading.Event()
    order: list[str] = []

    def say() -> None:
        order.append("waits")
        waits.set()

    def wait() -> None:
        with locks.hold("a", waiting=say):
            order.append("second")

    with locks.hold("a"):
        second = threading.Thread(target=wait)
        second.start()
        assert waits.wait(60)
        order.append("first")
    second.join(60)
    assert order == ["waits", "first", "second"]


def test_many_that_want_one_lock_have_it_one_after_the_other(tmp_path: Path) -> None:
    inside, most = 0, 0

    def work() -> None:
        nonlocal inside, most
        for _ in range(20):
            with Locks(tmp_path).try_hold("a") as got:
                if got:
                    inside += 1
                    most = max(most, inside)
                    time.sleep(0.0005)
                    inside -= 1

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_lock_ends_with_its_process_and_its_file_is_swept(tmp_path: Path) -> None:
    ready, child_ready = os.pipe()
    child = os.fork()
    if not child:
        with Locks(tmp_path / "locks").hold("a"):
            os.write(child_ready, b"!")
            time.sleep(60)
        os._exit(0)
    os.read(ready, 1)
    locks = Locks(tmp_path / "locks")
    locks.sweep()
    assert not holds(locks, "a")
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    assert (tmp_path / "locks/a").is_file()
    locks.sweep()
    assert not (tmp_path / "locks").exists()
    locks.sweep()
    for end in (ready, child_ready):
        os.close(end)


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_child_does_not_keep_its_parent_s_locks(tmp_path: Path) -> None:
    locks = Locks(tmp_path)
    with locks.hold("a"):
        child = os.fork()
        if not child:
            time.sleep(60)
            os._exit(0)
        assert not holds(Locks(tmp_path), "a")
    assert holds(locks, "a")  # though the child lives
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)


def test_what_is_in_the_way_of_a_lock_is_removed(tmp_path: Path) -> None:
    locks = Locks(tmp_path / "locks")
    (tmp_path / "locks").write_text("")
    with locks.hold("a"):
        pass
    (tmp_path / "locks/a/inside").mkdir(parents=True)
    (tmp_path / "locks/b").symlink_to("b")
    with locks.hold("a"), locks.hold("b"):
        pass
    assert list((tmp_path / "locks").iterdir()) == []


def test_locks_that_are_deleted_by_hand_disturb_nobody(tmp_path: Path) -> None:
    locks = Locks(tmp_path)
    with locks.hold("a"):
        (tmp_path / "a").unlink()
        with locks.hold("a"):
            assert not holds(locks, "a")
    assert list(tmp_path.iterdir()) == []


def test_without_locks_nothing_is_held_and_nobody_is_dead(tmp_path: Path) -> None:
    locks = Locks(tmp_path, work=False)
    with locks.hold("a"):
        assert not holds(locks, "a")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is forbidden to root")
def test_a_folder_that_cannot_be_written_to_is_named(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(StudyError, match="cannot be written to"), Locks(tmp_path).hold("a"):
        pass
    tmp_path.chmod(0o700)
