from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from rateval.errors import RatevalError
from rateval.json_file import write_json
from rateval.store.store import Store, identify, identify_result


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


def test_a_result_made_meanwhile_by_another_run_is_as_good(tmp_path: Path) -> None:
    store = Store(tmp_path)

    def slow(folder: Path) -> Mapping[str, Any]:
        Store(tmp_path).make("infer", {"a": 1}, write("other"))
        return write("ours")(folder)

    store.make("infer", {"a": 1}, slow)
    assert (tmp_path / "infer").iterdir()
    assert [path.name for path in (tmp_path / "infer").iterdir()] == [
        identify_result("infer", {"a": 1})
    ]


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
