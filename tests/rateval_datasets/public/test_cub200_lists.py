"""The lists of CUB-200-2011, which are held against one another: errors name file and line."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from rateval.api import Context
from rateval_datasets.public.cub200 import make_cub200
from rateval_datasets.public.params import Cub200Params


def renumber(path: Path, column: int, by: int) -> None:
    rows = [line.split(maxsplit=1) for line in path.read_text().splitlines()]
    for row in rows:
        row[column] = str(int(row[column]) + by)
    path.write_text("".join(" ".join(row) + "\n" for row in rows))


def cub200(root: Path, **params: Any) -> Any:
    return make_cub200(Cub200Params(root=root, **params), Context())


WRONG_IN_CUB = {
    "labels from 0": ("image_class_labels.txt:1", "labels-0", '"0" is no number of a class'),
    "a label too many": ("image_class_labels.txt:4", (4, "4 3"), '"3" is no number of a class'),
    "a label of another class": (
        "image_class_labels.txt:2",
        (2, "2 2"),
        "the image 2 is 001.Black_footed_Albatross/Black_Footed_Albatross_0009_34.jpg, but its "
        "class 2 is 002.Laysan_Albatross in classes.txt",
    ),
    "a missing class": ("classes.txt", (1, None), "is no number of a class in classes.txt"),
    "a missing label": (
        "image_class_labels.txt",
        (3, None),
        "/images.txt:3: the image 3 is not in image_class_labels.txt",
    ),
    "a missing image": (
        "images.txt",
        (5, None),
        "/image_class_labels.txt:5: the image 5 is not in images.txt",
    ),
    "a flag of 2": ("train_test_split.txt:4", (4, "4 2"), '"2" is neither 0 (test) nor 1 (train)'),
    "a flag of -1": ("train_test_split.txt:4", (4, "4 -1"), '"-1" is neither'),
    "a flag in words": ("train_test_split.txt:4", (4, "4 train"), '"train" is neither'),
    "a flag with a point": ("train_test_split.txt:1", (1, "1 1.0"), '"1.0" is neither'),
    "a number twice": ("train_test_split.txt:5", (5, "4 1"), "line 4 has the number 4, too"),
    "a line of 300,000 characters": ("classes.txt:1", (1, "x" * 300_000), "xxx … xxx"),
    "a number of 5,000 digits": (
        "train_test_split.txt:5",
        (5, "4" * 5000 + " 1"),
        'is not "number value"',
    ),
    "an image twice": (
        "images.txt:3",
        (3, "3 001.Black_footed_Albatross/Black_Footed_Albatross_0009_34.jpg"),
        "stands in line 2, too",
    ),
    "a backslash": (
        "images.txt:1",
        (1, "1 001.Black_footed_Albatross\\Black_Footed_Albatross_0046_18.jpg"),
        'write "/" in place of the backslash',
    ),
    "a path out of the folder": ("images.txt:1", (1, "1 ../a.jpg"), "is not <class>/<name>.jpg"),
    "an absolute path": ("images.txt:1", (1, "1 /etc/a.jpg"), "is not <class>/<name>.jpg"),
    "no value": ("classes.txt:2", (2, "2"), 'the line "2" is not "number value"'),
}


@pytest.mark.parametrize("name", WRONG_IN_CUB)
@pytest.mark.parametrize("protocol", ["matched", "aaai25"])
def test_cub_holds_its_lists_against_one_another(
    tools: Any, cub: Path, name: str, protocol: str
) -> None:
    where, change, what = WRONG_IN_CUB[name]
    path = cub / "CUB_200_2011" / where.partition(":")[0]
    if isinstance(change, str):
        renumber(path, 1, -1)
    else:
        tools.edit(path, change)
    message = tools.refusal(lambda: cub200(cub, protocol=protocol))
    assert what in message
    if ":" in where:
        assert f"/{where}: " in message


def test_cub_numbered_from_0_throughout_is_read_by_its_own_numbers(tools: Any, cub: Path) -> None:
    before = cub200(cub)
    expected = tools.labels(before, before.test)
    base = cub / "CUB_200_2011"
    for name in ("images.txt", "image_class_labels.txt", "train_test_split.txt", "classes.txt"):
        renumber(base / name, 0, -1)
    renumber(base / "image_class_labels.txt", 1, -1)
    after = cub200(cub)
    assert after.classes == before.classes
    assert tools.labels(after, after.test) == expected


def test_cub_cut_to_a_training_split_says_so(tools: Any, cub: Path) -> None:
    path = cub / "CUB_200_2011" / "train_test_split.txt"
    path.write_text("".join(f"{n} 1\n" for n in range(1, 6)))
    assert f"{path} has no image for testing (0)" in tools.refusal(lambda: cub200(cub))


def name_classes(cub: Path, first: str, second: str) -> None:
    base = cub / "CUB_200_2011"
    images = (base / "images.txt").read_text()
    for old, new in (("001.Black_footed_Albatross", first), ("002.Laysan_Albatross", second)):
        images = images.replace(f"{old}/", f"{new}/")
    (base / "images.txt").write_text(images)
    (base / "classes.txt").write_text(f"1 {first}\n2 {second}\n")


@pytest.mark.parametrize(
    ("folder", "name"),
    [
        ("001.St._Bernard", "st. bernard"),
        ("St._Bernard", "st. bernard"),
        ("12.v1.5_model", "v1.5 model"),
        ("plain", "plain"),
    ],
)
def test_names_keep_their_dots(cub: Path, folder: str, name: str) -> None:
    name_classes(cub, folder, "002.Laysan_Albatross")
    assert cub200(cub).classes == (name, "laysan albatross")


@pytest.mark.parametrize("second", ["002.heart", "002.Heart", "heart"])
def test_cub_with_equal_names_is_refused(tools: Any, cub: Path, second: str) -> None:
    name_classes(cub, "001.heart", second)
    message = tools.refusal(lambda: cub200(cub))
    assert "class names occur twice: heart; make them differ" in message
    assert "classes.txt:1, " in message
    assert "classes.txt:2)" in message


ENCODINGS = {
    "UTF-16": ":1: no UTF-8 text: the byte 0xff; it may be UTF-16: save it as UTF-8",
    "latin-1": ":2: no UTF-8 text: the byte 0xe9; it may be Latin-1: save it as UTF-8",
    "UTF-16-LE": ":2: no UTF-8 text: the byte 0xe9; it may be UTF-16: save it as UTF-8",
}


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_lists_that_are_no_utf8_are_refused(tools: Any, cub: Path, encoding: str) -> None:
    for path in (cub / "CUB_200_2011" / "images.txt", cub / "CUB_200_2011" / "classes.txt"):
        before = path.read_bytes()
        first, _, rest = before.decode().partition("\n")
        path.write_bytes(f"{first}\n2é{rest}".encode(encoding))
        assert f"{path}{ENCODINGS[encoding]}" in tools.refusal(lambda: cub200(cub))
        path.write_bytes(before)


def test_control_characters_are_refused(tools: Any, cub: Path) -> None:
    path = cub / "CUB_200_2011" / "classes.txt"
    text = path.read_text()
    path.write_bytes(text.encode("UTF-16-BE"))
    assert f"{path}:1: control character U+0000; " in tools.refusal(lambda: cub200(cub))
    path.write_text(text.replace("002.Laysan", "002.\x1b[31mLaysan"))
    assert f"{path}:2: control character U+001B; " in tools.refusal(lambda: cub200(cub))


def test_a_mark_at_the_beginning_and_lines_of_windows_are_read(tools: Any, cub: Path) -> None:
    expected = cub200(cub).test.identity
    for path in (cub / "CUB_200_2011").glob("*.txt"):
        path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
    assert cub200(cub).test.identity == expected


@pytest.mark.parametrize("name", ["a" * 300, "a/" * 5000, "a\0b"])
def test_paths_that_no_system_takes_are_refused(tools: Any, cub: Path, name: str) -> None:
    message = tools.refusal(lambda: cub200(cub / name))
    assert "cannot be opened: " in message or "no such folder" in message


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes with names here")
def test_a_pipe_as_a_list_does_not_hang(tools: Any, cub: Path) -> None:
    path = cub / "CUB_200_2011" / "classes.txt"
    path.unlink()
    os.mkfifo(path)
    assert f"no such file: {path}" in tools.refusal(lambda: cub200(cub))


def test_the_command_says_so_and_exits_with_2(tools: Any, cub: Path, tmp_path: Path) -> None:
    tools.edit(cub / "CUB_200_2011" / "train_test_split.txt", (2, "2 7"))
    spec = tmp_path / "spec.toml"
    spec.write_text(
        f'[study]\nname = "x"\n[[dataset]]\nuse = "cub200"\nroot = "{cub}"\n'
        '[[model]]\nuse = "clip"\n[[finetune]]\nuse = "zs"\n'
    )
    command = [sys.executable, "-m", "rateval", "run", str(spec), "--output", str(tmp_path / "out")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    flat = "".join((done.stdout + done.stderr).split())
    assert 'train_test_split.txt:2:"7"isneither0(test)nor1(train)' in flat
