from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from rateval.errors import RatevalError
from rateval.json_file import write_json
from rateval.store.identity import identify, identify_result
from rateval.store.locks import Locks
from rateval.store.manifest import require_whole
from rateval.store.store import Store


def write(text: str) -> Callable[[Path], Mapping[str, Any]]:
    def fill(folder: Path) -> Mapping[str, Any]:
        (folder / "file.txt").write_text(text)
        return {"length": len(text)}

    return fill


def test_identity_ignores_the_order_of_keys_and_sees_every_value() -> None:
    values = {"a": 1, "b": {"c": [1, 2], "d": None}}
    assert identify(values) == identify({"b": {"d": None, "c": [1, 2]}, "a": 1})
    assert identify(values) != identify(values | {"a": 2})
    assert identify(values) != identify({"a": 1, "b": {"c": [2, 1], "d": None}})
    assert identify_result("infer", values) != identify_result("judge", values)


def test_identity_refuses_nan() -> None:
    with pytest.raises(ValueError, match="JSON"):
        identify({"a": float("nan")})


def test_a_result_is_kept_and_reused(tmp_path: Path) -> None:
    made = Store(tmp_path).make("infer", {"a": 1}, write("four"))
    again = Store(tmp_path).fetch("infer", {"a": 1})
    assert again is not None
    assert (made.reused, again.reused) == (False, True)
    assert again.path == made.path == tmp_path / "infer" / identify_result("infer", {"a": 1})
    assert again.facts == {"length": 4}
    assert again.seconds == made.seconds
    assert (again.path / "file.txt").read_text() == "four"
    assert json.loads((made.path / "manifest.json").read_text())["inputs"] == {"a": 1}


def test_other_inputs_are_another_result(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.make("infer", {"a": 1}, write("x"))
    assert store.fetch("infer", {"a": 2}) is None
    assert store.fetch("judge", {"a": 1}) is None


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_an_interruption_leaves_nothing(tmp_path: Path, error: type[BaseException]) -> None:
    store = Store(tmp_path)

    def fail(folder: Path) -> Mapping[str, Any]:
        (folder / "file.txt").write_text("half")
        raise error

    with pytest.raises(error):
        store.make("infer", {"a": 1}, fail)
    assert store.fetch("infer", {"a": 1}) is None
    assert list((tmp_path / "infer").iterdir()) == []


def test_without_reuse_each_run_computes_once_and_replaces(tmp_path: Path) -> None:
    Store(tmp_path).make("infer", {"a": 1}, write("old"))
    store = Store(tmp_path, reuse=False)
    assert store.fetch("infer", {"a": 1}) is None
    fresh = store.make("infer", {"a": 1}, write("new"))
    assert not fresh.reused
    assert (fresh.path / "file.txt").read_text() == "new"
    again = store.fetch("infer", {"a": 1})
    assert again is not None
    assert again.reused


def test_of_two_that_make_a_result_the_second_waits_and_takes_the_first_one_s(
    tmp_path: Path,
) -> None:
    begun, may_end = Event(), Event()
    told: list[str] = []

    def slow(folder: Path) -> Mapping[str, Any]:
        begun.set()
        assert may_end.wait(60)
        return write("first")(folder)

    def tell(line: str) -> None:
        told.append(line)
        may_end.set()

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(Store(tmp_path).make, "infer", {"a": 1}, slow)
        assert begun.wait(60)
        second = pool.submit(Store(tmp_path, tell=tell).make, "infer", {"a": 1}, write("second"))
    assert (first.result().reused, second.result().reused) == (False, True)
    assert (second.result().path / "file.txt").read_text() == "first"
    assert told == ["waits for another run that works on the same result"]
    assert [path.name for path in (tmp_path / "infer").iterdir()] == [
        identify_result("infer", {"a": 1})
    ]


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def replace_by(make: Callable[[Path], object]) -> Callable[[Path], None]:
    def replace(path: Path) -> None:
        path.unlink()
        make(path)

    return replace


DAMAGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "flip": (flip, "was (cut or )?changed since it was stored"),
    "cut": (lambda path: os.truncate(path, 3), "is cut: 3 bytes of 4|was cut or changed"),
    "grow": (lambda path: path.write_bytes(path.read_bytes() + b"!"), "has grown|was cut or"),
    "empty": (lambda path: os.truncate(path, 0), "is empty"),
    "delete": (Path.unlink, "is missing"),
    "folder": (replace_by(Path.mkdir), "is no file"),
    "loop": (replace_by(lambda path: path.symlink_to(path)), "cannot be read: Too many levels"),
    "pipe": (replace_by(os.mkfifo), "is no file"),
}


@pytest.mark.parametrize("name", ["file.txt", "manifest.json"])
@pytest.mark.parametrize("damage", DAMAGES)
def test_what_is_not_as_it_was_stored_is_told_and_made_anew(
    damage: str, name: str, tmp_path: Path
) -> None:
    made = Store(tmp_path).make("infer", {"a": 1}, write("four"))
    spoil, what = DAMAGES[damage]
    spoil(made.path / name)
    told: list[str] = []
    store = Store(tmp_path, tell=told.append)
    assert store.fetch("infer", {"a": 1}, whole=True) is None
    again = store.make("infer", {"a": 1}, write("four"))
    assert not again.reused
    (line,) = told
    assert re.match(f"{re.escape(str(made.path / name))}: ({what}).*; this result is not", line)
    found = Store(tmp_path).fetch("infer", {"a": 1}, whole=True)
    assert found is not None
    assert found.facts == {"length": 4}
    assert [path.name for path in (tmp_path / "infer").iterdir()] == [made.identity]


def test_a_result_is_not_replaced_while_it_is_read(tmp_path: Path) -> None:
    made = Store(tmp_path).make("infer", {"a": 1}, write("old"))
    waits = Event()
    fresh = Store(tmp_path, reuse=False, tell=lambda line: waits.set())
    with ThreadPoolExecutor(1) as pool:
        with Store(tmp_path).reading([made.identity]):
            replacing = pool.submit(fresh.make, "infer", {"a": 1}, write("other"))
            assert waits.wait(60)
            assert (made.path / "file.txt").read_text() == "old"
            assert Store(tmp_path).find("infer", made.identity, whole=True) is not None
        replacing.result(60)
    assert (made.path / "file.txt").read_text() == "other"
    assert [path.name for path in tmp_path.rglob("*") if path.name.startswith(".")] == [".locks"]


def test_an_equal_result_of_a_fresh_run_is_kept_under_its_readers(tmp_path: Path) -> None:
    made = Store(tmp_path).make("infer", {"a": 1}, write("same"))
    before = (made.path / "file.txt").stat().st_ino
    with Store(tmp_path).reading([made.identity]):
        again = Store(tmp_path, reuse=False).make("infer", {"a": 1}, write("same"))
    assert not again.reused
    assert (made.path / "file.txt").stat().st_ino == before


def test_what_the_dead_left_is_deleted_and_what_is_in_work_is_not(tmp_path: Path) -> None:
    root = tmp_path / "runs" / "store"
    store = Store(root)
    dead, alive, done = (identify_result("infer", {"a": number}) for number in range(3))
    kept = store.make("infer", {"a": 2}, write("done"))
    for identity in (dead, alive):
        (root / "infer" / f".{identity}-abcd1234" / "x").mkdir(parents=True)
        (root / "infer-unfinished" / identity / "part" / f".{dead}-x").mkdir(parents=True)
        (root / "infer-unfinished" / identity / "000001-0.safetensors").touch()
    (root / "infer-unfinished" / done).mkdir()
    (root / "infer" / ".of-somebody-else").touch()
    (root / "finetune-unfinished").mkdir()
    for run in ("dead", "alive"):
        (tmp_path / "runs" / run).mkdir()
        (tmp_path / "runs" / run / ".run.json-0123.part").touch()
        (tmp_path / "runs" / run / ".own.part").touch()
    locks = Locks(root / ".locks")
    with locks.hold(f"{alive}.make"), store.owning(tmp_path / "runs" / "alive"):
        Store(root).sweep()
        found = {path.relative_to(tmp_path / "runs").as_posix() for path in tmp_path.rglob("*")}
    assert kept.path.is_dir()
    assert f"store/infer/.{alive}-abcd1234/x" in found
    assert f"store/infer/.{dead}-abcd1234" not in found
    assert f"store/infer-unfinished/{alive}/part/.{dead}-x" in found
    assert f"store/infer-unfinished/{dead}/part/.{dead}-x" not in found
    assert f"store/infer-unfinished/{dead}/000001-0.safetensors" in found
    assert f"store/infer-unfinished/{done}" not in found
    assert "store/finetune-unfinished" not in found
    assert "store/infer/.of-somebody-else" in found
    assert {name for name in found if name.endswith(".part")} == {
        "dead/.own.part",
        "alive/.own.part",
        "alive/.run.json-0123.part",
    }


def test_an_unfinished_state_goes_when_its_result_is_there(tmp_path: Path) -> None:
    store = Store(tmp_path)

    def fill(folder: Path) -> Mapping[str, Any]:
        state = store.unfinished("infer", {"a": 1})
        (state / "epoch").write_text("1")
        return write("x")(folder)

    def fail(folder: Path) -> Mapping[str, Any]:
        fill(folder)
        raise RuntimeError

    with pytest.raises(RuntimeError):
        store.make("infer", {"a": 1}, fail)
    assert (store.unfinished("infer", {"a": 1}) / "epoch").read_text() == "1"
    assert list(Store(tmp_path, reuse=False).unfinished("infer", {"a": 1}).iterdir()) == []
    store.make("infer", {"a": 1}, fill)
    assert not (tmp_path / "infer-unfinished").exists()


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is forbidden to root")
def test_a_file_that_may_not_be_read_is_made_anew(tmp_path: Path) -> None:
    made = Store(tmp_path).make("infer", {"a": 1}, write("x"))
    for path in (made.path / "file.txt", made.path / "manifest.json", made.path):
        path.chmod(0)
        told: list[str] = []
        store = Store(tmp_path, tell=told.append)
        assert store.find("infer", made.identity, whole=True) is None
        assert "cannot be read: Permission denied" in told[0]
        assert not store.make("infer", {"a": 1}, write("x")).reused
        assert Store(tmp_path).find("infer", made.identity, whole=True) is not None
    assert [path.name for path in (tmp_path / "infer").iterdir()] == [made.identity]


def test_a_result_of_another_format_says_so(tmp_path: Path) -> None:
    folder = tmp_path / "result"
    folder.mkdir()
    write_json(folder / "manifest.json", {"format": 2, "facts": {}})
    with pytest.raises(RatevalError, match=r"is of format 2, and this rateval reads format \d+; "):
        require_whole(folder)


def test_an_output_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RatevalError, match=r"run.output: .*cannot be written to.*--output"):
        Store(tmp_path / "file" / "store")


def test_json_is_the_old_one_or_the_new_one(tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    write_json(path, {"a": 1})
    with pytest.raises(ValueError, match="JSON"):
        write_json(path, {"a": float("nan")})
    assert json.loads(path.read_text()) == {"a": 1}
    assert [path.name for path in tmp_path.iterdir()] == ["run.json"]
