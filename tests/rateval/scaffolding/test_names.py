from __future__ import annotations

from pathlib import Path

import pytest

from rateval.errors import RatevalError
from rateval.scaffolding.names import read_names, read_stem
from rateval.scaffolding.writing import write_files


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("", "is no name of a plugin"),
        ("Eyes", 'begin with a letter, such as "eyes"'),
        ("my eyes", 'such as "my-eyes"'),
        ("my_eyes", 'such as "my-eyes"'),
        ("../eyes", "is no name of a plugin"),
        ("3d", "is no name of a plugin"),
        ("eyes-", "is no name of a plugin"),
        ("rateval-", "is no name of a plugin"),
        ("rateval-clip", "rateval_clip: there is a package of this name here already"),
        ("clip", "rateval_clip: there is a package of this name here already"),
        ("a" * 25, "has 25 letters without rateval-; give at most 24"),
        ("import", "import: import is a word of Python; give another name"),
        ("na\N{LATIN SMALL LETTER I WITH DIAERESIS}ve", 'such as "naive"'),
        ("rateval", "is the name of rateval itself"),
        ("rateval-rateval", "is the name of rateval itself"),
    ],
)
def test_names_that_can_not_be(name: str, complaint: str) -> None:
    with pytest.raises(RatevalError) as caught:
        read_names(name)
    assert complaint in str(caught.value)


def test_a_stem_may_be_that_of_a_package() -> None:
    assert read_stem("clip") == "clip"


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "b.py").write_text("mine")
    with pytest.raises(RatevalError, match=r"has b\.py already, and nothing is overwritten"):
        write_files(tmp_path, {"a.py": "1", "b.py": "2"})
    assert sorted(path.name for path in tmp_path.iterdir()) == ["b.py"]
    assert (tmp_path / "b.py").read_text() == "mine"


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "a.py").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(RatevalError, match="nothing is overwritten"):
        write_files(tmp_path, {"a.py": "1"})


def test_a_folder_that_can_not_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RatevalError, match="cannot be written"):
        write_files(tmp_path / "file" / "inner", {"a.py": "1"})
