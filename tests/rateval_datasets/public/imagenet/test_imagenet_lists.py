"""The lists of ImageNet, which are held against one another: errors name file and line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from rateval.api import Context
from rateval_datasets.public.imagenet import make_imagenet
from rateval_datasets.public.params import ImageNetParams


def imagenet(root: Path, **params: Any) -> Any:
    return make_imagenet(ImageNetParams(root=root, **params), Context())


STEM = "ILSVRC2012_val_0000000"
WRONG_IN_IMAGENET = {
    "an image twice": (6, f"{STEM}5,n01440764 1 1 2 2", f"{STEM}5 stands in line 2, too"),
    "an open quote": (2, f'"{STEM}5,n01440764 1 1 2 2', "no row of a CSV file: unexpected end"),
    "a row without label": (2, f"{STEM}5,", 'is not "id,wnid x y x y …"'),
    "a row of one cell": (2, f"{STEM}5", 'is not "id,wnid x y x y …"'),
    "a row of three": (2, f"{STEM}5,n01440764 1 1 2 2,x", 'is not "id,wnid x y x y …"'),
    "a box of three": (2, f"{STEM}5,n01440764 1 1 2", 'is not "id,wnid x y x y …"'),
    "a class of no list": (2, f"{STEM}5,n9 1 1 2 2", "no class is called n9"),
    "a cell without end": (2, f"{STEM}5,{'n ' * 200_000}", "field larger than field limit"),
}


@pytest.mark.parametrize("name", WRONG_IN_IMAGENET)
def test_imagenet_holds_its_labels_against_its_classes(tools: Any, kaggle: Path, name: str) -> None:
    line, text, what = WRONG_IN_IMAGENET[name]
    path = tools.edit(kaggle / "LOC_val_solution.csv", (line, text))
    message = tools.refusal(lambda: imagenet(kaggle))
    assert what in message
    assert f"{path}:{line}: " in message
    assert len(message) < 1000


def test_imagenet_without_a_heading_loses_no_image(tools: Any, kaggle: Path) -> None:
    before = imagenet(kaggle)
    tools.edit(kaggle / "LOC_val_solution.csv", (1, None))
    after = imagenet(kaggle)
    assert tools.labels(after, after.test) == tools.labels(before, before.test)


def test_imagenet_refuses_a_class_twice_and_an_empty_list(tools: Any, kaggle: Path) -> None:
    path = tools.edit(kaggle / "LOC_synset_mapping.txt", (3, "n02012849 crane, again"))
    assert f"{path}:3: n02012849 stands in line 2, too" in tools.refusal(lambda: imagenet(kaggle))
    path.write_text("\n\n")
    assert f"{path} lists nothing" in tools.refusal(lambda: imagenet(kaggle))


def test_imagenet_names_lines_of_equal_names(tools: Any, kaggle: Path, tmp_path: Path) -> None:
    (tmp_path / "names.txt").write_text("a\n\nb\nc\nb\nd\n")
    message = tools.refusal(lambda: imagenet(kaggle, class_names=tmp_path / "names.txt"))
    assert "class names occur twice: b; make them differ" in message
    assert "names.txt:3, " in message
    assert "names.txt:5)" in message


def test_synsets_may_be_parted_by_tabs(kaggle: Path) -> None:
    expected = imagenet(kaggle).classes
    path = kaggle / "LOC_synset_mapping.txt"
    lines = (line.replace(" ", "\t", 1) for line in path.read_text().splitlines())
    path.write_text("\n".join(lines))
    assert imagenet(kaggle).classes == expected


ENCODINGS = {
    "UTF-16": ":1: no UTF-8 text: the byte 0xff; it may be UTF-16: save it as UTF-8",
    "latin-1": ":2: no UTF-8 text: the byte 0xe9; it may be Latin-1: save it as UTF-8",
    "UTF-16-LE": ":2: no UTF-8 text: the byte 0xe9; it may be UTF-16: save it as UTF-8",
}


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_lists_that_are_no_utf8_are_refused(tools: Any, kaggle: Path, encoding: str) -> None:
    for path in (kaggle / "LOC_val_solution.csv", kaggle / "LOC_synset_mapping.txt"):
        before = path.read_bytes()
        first, _, rest = before.decode().partition("\n")
        path.write_bytes(f"{first}\n2é{rest}".encode(encoding))
        assert f"{path}{ENCODINGS[encoding]}" in tools.refusal(lambda: imagenet(kaggle))
        path.write_bytes(before)
