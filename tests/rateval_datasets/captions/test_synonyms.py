"""What COCO's classes are called."""

from __future__ import annotations

from pathlib import Path

import pytest

from rateval.errors import RatevalError
from rateval_datasets.captions.coco_words import WORDS
from rateval_datasets.captions.synonyms import own_wordings, read_wordings


def test_our_list_has_all_classes_of_coco_and_no_word_twice() -> None:
    assert len(WORDS) == 80
    every = [word for names in own_wordings(list(WORDS)) for word in names]
    assert len(every) == len({*every})
    assert all(word == " ".join(word.lower().split()) for word in every)


def test_a_word_on_several_lines_belongs_to_the_last_but_a_name_to_its_class(
    tmp_path: Path,
) -> None:
    path = tmp_path / "synonyms.txt"
    path.write_text("cup, mug, pitcher, mug\nperson, pitcher , woman\n\n")
    assert read_wordings("coco-captions", path, ["person", "cup"]) == (
        ("person", "pitcher", "woman"),
        ("cup", "mug"),
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("cup, mug\n", "has no line of person"),
        ("cup, mug\nperson, man\nunicorn, horn\n", ":3: unicorn .* is a line of no class"),
        ("cup, person\n", ":1: cup .* is a line of several classes, .*cup.*person"),
        ("", "has no line of person, cup"),
    ],
)
def test_files_that_fit_no_classes_are_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "synonyms.txt"
    path.write_text(text)
    with pytest.raises(RatevalError, match=f"coco-captions: synonyms = .*{message}"):
        read_wordings("coco-captions", path, ["person", "cup"])


def test_a_file_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RatevalError, match="no such file"):
        read_wordings("coco-captions", tmp_path / "none.txt", ["cup"])
    with pytest.raises(RatevalError, match="is a folder; give the text file"):
        read_wordings("coco-captions", tmp_path, ["cup"])
    (tmp_path / "bytes.txt").write_bytes(b"cup, caf\xe9\n")
    with pytest.raises(RatevalError, match="no UTF-8 text: the byte 0xe9"):
        read_wordings("coco-captions", tmp_path / "bytes.txt", ["cup"])
