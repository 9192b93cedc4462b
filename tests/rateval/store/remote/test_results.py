"""Results behind a URL: whole or not at all, the manifest last, each bit as it was stored."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from rateval.errors import RatevalError, StudyError
from rateval.store.remote.buckets import Bucket, open_objects
from rateval.store.remote.fetching import KEPT, bring, fetched
from rateval.store.remote.mirror import find_mirror, local_folder, name_place
from rateval.store.remote.objects import Folder, Objects
from rateval.store.store import Store

from .conftest import Computer

Write = Callable[[Path], Mapping[str, Any]]


def open_store(url: str, told: list[str] | None = None, *, reuse: bool = True) -> Store:
    tell = (lambda line: None) if told is None else told.append
    return Store(local_folder(url) / "store", tell=tell, reuse=reuse)


def write(text: str) -> Write:
    def fill(folder: Path) -> Mapping[str, Any]:
        (folder / "a").write_text(text)
        (folder / "deep").mkdir()
        (folder / "deep" / "b").write_text(text * 2)
        return {"letters": len(text)}

    return fill


def never(folder: Path) -> Mapping[str, Any]:
    raise AssertionError("is stored already")


def far(url: str) -> Objects:
    return open_objects(url)


def test_another_computer_sees_facts_first_and_files_when_it_reads_them(
    url: str, computer: Computer
) -> None:
    made = open_store(url).make("infer", {"n": 1}, write("four"))
    computer.become("second")
    store = open_store(url)
    found = store.find("infer", made.identity)
    assert found is not None
    assert found.facts == {"letters": 4}
    assert not (found.path / "a").exists()
    assert fetched(found.path / "a").read_text() == "four"
    assert not (found.path / "deep").exists()
    assert (store.path_of("infer", made.identity) / "deep" / "b").read_text() == "fourfour"
    assert store.make("infer", {"n": 1}, never).reused


def test_what_is_asked_for_whole_is_there(url: str, computer: Computer) -> None:
    made = open_store(url).make("infer", {"n": 1}, write("four"))
    computer.become("second")
    found = open_store(url).find("infer", made.identity, whole=True)
    assert found is not None
    assert (found.path / "a").read_text() == "four"
    assert name_place(found.path) == f"{url}/store/infer/{made.identity}"


def test_an_upload_that_ends_before_the_manifest_leaves_no_result(
    url: str, computer: Computer, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = type(far(url))
    upload = place.upload

    def dies(self: Any, path: Path, key: str) -> None:
        if key.endswith("manifest.json"):
            raise KeyboardInterrupt
        upload(self, path, key)

    monkeypatch.setattr(place, "upload", dies)
    with pytest.raises(KeyboardInterrupt):
        open_store(url).make("infer", {"n": 1}, write("four"))
    monkeypatch.setattr(place, "upload", upload)
    stage, identity = "infer", next(local_folder(url).glob("store/infer/*")).name
    assert far(url).size(f"store/{stage}/{identity}/a") == 4
    computer.become("second")
    assert open_store(url).find(stage, identity) is None
    # Where it was made it is kept, and the next run uploads it.
    computer.become("first")
    assert open_store(url).make("infer", {"n": 1}, never).reused
    computer.become("second")
    assert open_store(url).find(stage, identity, whole=True) is not None


def test_a_changed_byte_is_found_and_the_result_made_anew(url: str, computer: Computer) -> None:
    made = open_store(url).make("infer", {"n": 1}, write("four"))
    far(url).write(f"store/infer/{made.identity}/a", b"fOur")
    computer.become("second")
    told: list[str] = []
    store = open_store(url, told)
    assert store.find("infer", made.identity, whole=True) is None
    assert "was changed since it was stored" in told[0]
    assert f"{url}/store/infer/{made.identity}/a" in told[0]
    with pytest.raises(RatevalError, match="--fresh"):
        bring(store.root / "infer" / made.identity)
    again = store.make("infer", {"n": 1}, write("four"))
    assert not again.reused
    computer.become("third")
    found = open_store(url).find("infer", made.identity, whole=True)
    assert found is not None
    assert (found.path / "a").read_text() == "four"


def test_a_changed_manifest_is_no_result(url: str, computer: Computer) -> None:
    made = open_store(url).make("infer", {"n": 1}, write("four"))
    key = f"store/infer/{made.identity}/manifest.json"
    far(url).write(key, far(url).read(key).replace(b'"letters": 4', b'"letters": 5'))
    computer.become("second")
    told: list[str] = []
    store = open_store(url, told)
    assert store.find("infer", made.identity) is None
    assert "changed since it was stored" in told[0]
    assert not store.make("infer", {"n": 1}, write("four")).reused
    computer.become("third")
    assert open_store(url).find("infer", made.identity, whole=True) is not None


def test_a_changed_byte_in_the_mirror_is_fetched_anew(url: str) -> None:
    made = open_store(url).make("infer", {"n": 1}, write("four"))
    (made.path / "a").write_text("fOur")
    found = open_store(url).find("infer", made.identity, whole=True)
    assert found is not None
    assert (found.path / "a").read_text() == "four"


def test_what_another_computer_made_anew_is_taken(
    url: str, computer: Computer, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = open_store(url).make("infer", {"n": 1}, write("old"))
    computer.become("second")
    open_store(url, reuse=False).make("infer", {"n": 1}, write("new"))
    computer.become("first")
    monkeypatch.setattr("rateval.store.remote.results.TRUSTED_S", 0.0)
    found = open_store(url).find("infer", first.identity, whole=True)
    assert found is not None
    assert (found.path / "a").read_text() == "new"


def test_a_place_that_was_emptied_gets_everything_again(url: str, computer: Computer) -> None:
    made = open_store(url).make("infer", {"n": 1}, write("four"))
    far(url).delete_all("store")
    assert open_store(url).make("infer", {"n": 1}, never).reused
    computer.become("second")
    assert open_store(url).find("infer", made.identity, whole=True) is not None


def test_two_computers_that_make_the_same_wait_for_one_another(url: str, tmp_path: Path) -> None:
    began, go_on = threading.Event(), threading.Event()
    told: list[str] = []

    def slow(folder: Path) -> Mapping[str, Any]:
        began.set()
        assert go_on.wait(30)
        return write("first")(folder)

    def wait(line: str) -> None:
        told.append(line)
        go_on.set()

    first = open_store(url)
    # The same place with another mirror, as another computer has it.
    second = open_store(url)
    other = tmp_path / "other" / "store"
    other.mkdir(parents=True)
    second._locks._here._folder = other / ".locks"  # type: ignore[attr-defined]
    second.tell = wait
    with ThreadPoolExecutor(2) as pool:
        making = pool.submit(first.make, "infer", {"n": 1}, slow)
        assert began.wait(30)
        waiting = pool.submit(second.make, "infer", {"n": 1}, never)
        assert making.result(60).facts == waiting.result(60).facts
    assert told == ["waits for another run that works on the same result"]
    assert far(url).list("store/.locks") == []


def test_parts_of_what_is_unfinished_are_seen_and_deleted_at_the_end(
    url: str, computer: Computer
) -> None:
    store = open_store(url)
    parts = Store(store.unfinished("infer", {"n": 1}))
    part = parts.make("part", {"part": [0, 4]}, write("part"))
    (store.unfinished("finetune", {"n": 1}) / "state").write_text("stays on this computer")
    computer.become("second")
    store = open_store(url)
    parts = Store(store.unfinished("infer", {"n": 1}))
    assert parts.make("part", {"part": [0, 4]}, never).identity == part.identity
    store.make("infer", {"n": 1}, write("whole"))
    assert far(url).list("store/infer-unfinished") == []


def test_a_sweep_deletes_parts_of_what_is_whole(url: str) -> None:
    store = open_store(url)
    made = store.make("infer", {"n": 1}, write("whole"))
    far(url).write(f"store/infer-unfinished/{made.identity}/part/x/a", b"a")
    far(url).write("store/infer-unfinished/other/part/x/a", b"a")
    store.sweep()
    assert far(url).list("store/infer-unfinished") == ["other"]


def test_a_place_that_refuses_is_a_sentence(
    url: str, computer: Computer, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = open_store(url)

    def refuse(self: Any, path: Path, key: str) -> None:
        from rateval.store.remote.objects import asking

        with asking(self.name(key), writing=True):
            raise PermissionError("Access Denied")

    for place in (Folder, Bucket):
        monkeypatch.setattr(place, "upload", refuse)
    with pytest.raises(StudyError) as caught:
        store.make("infer", {"n": 1}, write("four"))
    assert f"{url}/store/infer/" in str(caught.value)
    assert "cannot be written to: Access Denied; look at" in str(caught.value)


def test_outside_of_mirrors_nothing_is_asked(tmp_path: Path) -> None:
    assert find_mirror(tmp_path) is None
    made = Store(tmp_path / "store").make("infer", {"n": 1}, write("four"))
    assert not (made.path / KEPT).exists()
    bring(made.path)
    assert name_place(made.path) == str(made.path)
