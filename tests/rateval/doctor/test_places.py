"""Folders are counted whole, or for as long as patience lasts."""

from __future__ import annotations

from pathlib import Path

import pytest

from rateval.doctor.places import count_bytes, look_at_places


def test_bytes_are_those_of_the_files(tmp_path: Path) -> None:
    (tmp_path / "a/b").mkdir(parents=True)
    (tmp_path / "a/one").write_bytes(bytes(10))
    (tmp_path / "a/b/two").write_bytes(bytes(200))
    elsewhere = tmp_path / "a/link"
    elsewhere.symlink_to(tmp_path / "a/b")
    expected = 210 + elsewhere.lstat().st_size
    assert count_bytes(tmp_path / "a", lambda: True) == (expected, True)
    assert count_bytes(tmp_path / "nothing", lambda: True) == (0, True)


def test_patience_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RATEVAL_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs/one").write_bytes(bytes(10))
    clock = iter(range(1000))
    *_, runs = look_at_places(tmp_path / "runs", 0.0, lambda: float(next(clock)))
    assert (runs.bytes, runs.counted, runs.there) == (0, False, True)
    *_, runs = look_at_places(tmp_path / "runs")
    assert (runs.bytes, runs.counted, runs.writable) == (10, True, True)
    assert runs.free is not None
