"""Folders that several processes make at once, in place of what is no folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from rateval.store.disk import make_folder


@pytest.mark.parametrize("in_the_way", ["file", "broken link", "nothing"])
def test_a_folder_takes_the_place_of_anything_else(tmp_path: Path, in_the_way: str) -> None:
    path = tmp_path / "above" / "stage"
    path.parent.mkdir()
    if in_the_way == "file":
        path.write_text("x")
    elif in_the_way == "broken link":
        path.symlink_to(tmp_path / "gone")
    make_folder(path)
    assert path.is_dir()
    assert not path.is_symlink()


def test_a_folder_that_is_made_meanwhile_keeps_what_is_in_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage = tmp_path / "pictures"
    looked = Path.is_dir

    def is_dir(path: Path) -> bool:
        found = looked(path)
        if path == stage and not found:  # another process makes it after this look
            (stage / "work").mkdir(parents=True)
            (stage / "work" / "pictures.parquet").write_text("x")
        return found

    monkeypatch.setattr(Path, "is_dir", is_dir)
    make_folder(stage)
    assert (stage / "work" / "pictures.parquet").read_text() == "x"


def test_what_cannot_be_replaced_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(NotADirectoryError):
        make_folder(tmp_path / "file" / "stage")
    assert (tmp_path / "file").read_text() == "x"
