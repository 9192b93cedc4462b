"""Folders behind URLs are seen under their own names, pictures fetched when they are opened."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pytest

from rateval.errors import RatevalError
from rateval.store.fetched import ahead, views
from rateval.store.fetched.ahead import MOST, RemoteFile, fetch_ahead
from rateval.store.fetched.cache import PIECE, evict, fetched_folder
from rateval.store.fetched.views import bring, call, size_of, view, view_beside


def test_a_file_has_its_name_and_content(far: Any) -> None:
    url = far.put("deep/weights.safetensors", b"tensors")
    path = view(url)
    assert (path.name, path.read_bytes()) == ("weights.safetensors", b"tensors")
    assert view(url + "/") == path
    assert far.fetched == {"deep/weights.safetensors": 1}
    far.put("deep/weights.safetensors", b"changed")
    assert view(url).read_bytes() == b"changed"


def test_a_folder_is_fetched_whole(far: Any) -> None:
    content = {"config.json": b"{}", "inner/a.png": b"picture", "inner/b.txt": b"text"}
    for name, one in content.items():
        far.put(name, one)
    root = view(far.url)
    found = {path.relative_to(root).as_posix(): path for path in root.rglob("*") if path.is_file()}
    assert {name: path.read_bytes() for name, path in found.items()} == content


def test_pictures_of_a_folder_wait_until_they_are_opened(far: Any) -> None:
    for name in ("cat/1.JPG", "cat/2.jpg", "labels.csv"):
        far.put(name, name.encode())
    root = view(far.url, piecewise=True)
    assert far.fetched == {"labels.csv": 1}
    assert sorted(path.name for path in (root / "cat").iterdir()) == ["1.JPG", "2.jpg"]
    assert size_of(root / "cat/1.JPG") == 9
    assert not (root / "cat/1.JPG").exists()
    assert bring(root / "cat/1.JPG").read_bytes() == b"cat/1.JPG"
    assert (root / "cat/1.JPG").read_bytes() == b"cat/1.JPG"
    assert far.fetched == {"labels.csv": 1, "cat/1.JPG": 1}
    assert call(f"{root}/cat: no such file") == f"{far.url}/cat: no such file"


def test_other_paths_are_left_alone(far: Any, tmp_path: Path) -> None:
    far.put("a/1.jpg", b"x")
    root = view(far.url, piecewise=True)
    (tmp_path / "own").write_bytes(b"own")
    assert bring(tmp_path / "own") == tmp_path / "own"
    assert size_of(tmp_path / "own") == 3
    assert bring(root / "a/2.jpg") == root / "a/2.jpg"
    with pytest.raises(FileNotFoundError):
        size_of(root / "a/2.jpg")


def test_a_view_is_another_one_where_objects_change(far: Any) -> None:
    far.put("a/1.jpg", b"x")
    first = view(far.url, piecewise=True)
    assert view(far.url, piecewise=True) == first
    far.put("a/2.jpg", b"y")
    second = view(far.url, piecewise=True)
    assert second != first
    assert not (first / "a/2.jpg").is_symlink()


def test_files_that_a_file_names_lie_beside_it(far: Any) -> None:
    for name in ("m.index.json", "m-1.bin", "m-2.bin", "other.bin"):
        far.put(name, name.encode())
    path = view_beside(f"{far.url}/m.index.json", ["m-1.bin", "m-2.bin"])
    assert sorted(one.name for one in path.parent.iterdir()) == ["m-1.bin", "m-2.bin", path.name]
    assert (path.parent / "m-2.bin").read_bytes() == b"m-2.bin"
    with pytest.raises(RatevalError, match=r"names m-3\.bin: no such object"):
        view_beside(f"{far.url}/m.index.json", ["m-3.bin"])


def test_what_lies_on_this_computer_is_read_in_place(far: Any, tmp_path: Path) -> None:
    (tmp_path / "a b.txt").write_bytes(b"here")
    assert view(f"file://{tmp_path}/a%20b.txt") == tmp_path / "a b.txt"
    assert RemoteFile(f"file://{tmp_path}/a%20b.txt")() == b"here"


def test_what_is_missing_or_unknown_is_told(far: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(RatevalError, match="no such object"):
        view(f"{far.url}/nothing")
    with pytest.raises(RatevalError, match="kind that is not known"):
        view("s4://bucket/a")
    monkeypatch.setattr("rateval.store.remote.urls._is_there", lambda module: False)
    with pytest.raises(RatevalError, match=r"needs s3fs, which isn't installed: .*rateval\[s3\]"):
        view("s3://bucket/a")


def test_files_are_fetched_ahead_and_never_many_at_once(far: Any) -> None:
    for at in range(3 * MOST):
        far.put(f"a/{at}.jpg", b"x")
    root = view(far.url, piecewise=True)
    paths = [root / f"a/{at}.jpg" for at in range(3 * MOST)]
    alone = far.put("alone.jpg", b"alone")
    remote = RemoteFile(alone)
    fetch_ahead([remote, None, paths[0], Path("own.jpg"), lambda: b""])
    ahead._fetchers.line.join()
    assert far.fetched == {"alone.jpg": 1, "a/0.jpg": 1}
    assert remote() == b"alone"
    fetch_ahead(paths)
    assert ahead._fetchers.line.qsize() <= MOST
    assert all(bring(path).read_bytes() == b"x" for path in paths)
    assert set(far.fetched.values()) == {1}


def test_a_remote_file_that_went_to_make_room_is_fetched_again(far: Any) -> None:
    remote = RemoteFile(far.put("a.jpg", b"picture"))
    assert remote() == b"picture"
    for path in (fetched_folder() / PIECE).rglob("*"):
        if path.is_file():
            path.unlink()
    assert remote() == b"picture"
    assert far.fetched == {"a.jpg": 2}


def test_links_of_a_view_lead_to_what_is_fetched(far: Any) -> None:
    far.put("a.png", b"picture")
    root = view(far.url, piecewise=True)
    shown = views._views[root.name]
    assert (root / "a.png").resolve() == shown.place("a.png")


def test_views_that_nobody_asks_for_go_after_a_month(far: Any) -> None:
    far.put("a.png", b"picture")
    root = view(far.url, piecewise=True)
    then = time.time() - 31 * 24 * 3600
    os.utime(root, (then, then))
    view(far.url, piecewise=True)
    evict(fetched_folder(), 0)
    assert root.is_dir()
    os.utime(root, (then, then))
    evict(fetched_folder(), 0)
    assert not root.exists()
