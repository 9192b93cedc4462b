"""The lists of Stanford Dogs, which are held against one another and the folders."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.io import savemat

from rateval.api import Context
from rateval_datasets.public.params import StanfordDogsParams
from rateval_datasets.public.stanford_dogs import make_stanford_dogs


def stanford(root: Path, **params: Any) -> Any:
    return make_stanford_dogs(StanfordDogsParams(root=root, **params), Context())


CHIHUAHUA = "n02085620-Chihuahua/n02085620"
TEST_LIST = [
    f"{CHIHUAHUA}_5.jpg",
    "n02086240-Shih-Tzu/n02086240_6.jpg",
    "n02086240-Shih-Tzu/n02086240_7.jpg",
    "n02089078-black-and-tan_coonhound/n02089078_8.jpg",
    "n02089078-black-and-tan_coonhound/n02089078_9.jpg",
]


def write_list(path: Path, files: list[Any], labels: Any = None) -> None:
    cells = np.empty((len(files), 1), dtype=object)
    cells[:, 0] = files
    content = {"file_list": cells}
    savemat(path, content if labels is None else content | {"labels": np.array(labels)})
    # scipy writes a space in place of NUL.
    path.write_bytes(path.read_bytes().replace(b"NUL", b"\0\0\0"))


WRONG_IN_DOGS: dict[str, tuple[list[Any], Any, str]] = {
    "an image twice": ([*TEST_LIST, TEST_LIST[1]], None, "file_list 6: n02086240-Shih-Tzu/n0208"),
    "an image of the training": (
        [*TEST_LIST, f"{CHIHUAHUA}_1.jpg"],
        None,
        f"{CHIHUAHUA}_1.jpg stands in ",
    ),
    "a backslash": ([TEST_LIST[0].replace("/", "\\")], None, "file_list 1: n02085620-Chihuahua\\"),
    "a number": ([*TEST_LIST[:2], 1.5], None, "file_list 3 is no text of one line"),
    "two lines": ([np.array(["a/b.jpg", "c/d.jpg"])], None, "file_list 1 is no text of one line"),
    "a breed of no folder": (["n1-Tosa/n1_1.jpg"], None, "the lists name folders that "),
    "NUL in a folder": (["n1-ToNULsa/n1_1.jpg"], None, "the lists name folders that "),
    "too few labels": (TEST_LIST, [1, 2, 2, 3], "it has 5 files but 4 labels"),
    "a label of another breed": (TEST_LIST, [1, 2, 3, 3, 3], "labels 3: 3, but earlier images of"),
    "one label for all": (TEST_LIST, [9, 9, 9, 9, 9], "labels 1: 9, but earlier images of n02085"),
}


@pytest.mark.parametrize("name", WRONG_IN_DOGS)
def test_dogs_hold_their_lists_against_one_another(tools: Any, dogs: Path, name: str) -> None:
    files, labels, what = WRONG_IN_DOGS[name]
    write_list(dogs / "test_list.mat", files, labels)
    assert what in tools.refusal(lambda: stanford(dogs))


def test_dogs_whose_breeds_share_a_label_are_refused(tools: Any, dogs: Path) -> None:
    write_list(dogs / "train_list.mat", [f"{CHIHUAHUA}_1.jpg"], [7])
    write_list(dogs / "test_list.mat", TEST_LIST, [7, 7, 7, 8, 8])
    assert "test_list.mat give two classes one label" in tools.refusal(lambda: stanford(dogs))


def test_a_nul_in_the_name_of_one_image_skips_it(tools: Any, dogs: Path) -> None:
    write_list(dogs / "test_list.mat", [*TEST_LIST, f"{CHIHUAHUA}_NUL.jpg"])
    dataset = stanford(dogs)
    name = f"{CHIHUAHUA}_\0\0\0.jpg"
    assert tools.skipped(dataset.test) == {name: "unreadable image: embedded null byte"}


def test_dogs_without_labels_in_their_lists_are_read(dogs: Path) -> None:
    expected = stanford(dogs).test.identity
    write_list(dogs / "test_list.mat", TEST_LIST)
    assert stanford(dogs).test.identity == expected


def rename_breed(dogs: Path, name: str) -> None:
    for folder in ("Images", "Annotation"):
        (dogs / folder / "n02085620-Chihuahua").rename(dogs / folder / name)
    for part in ("train", "test"):
        path = dogs / f"{part}_list.mat"
        files = [f"{name}/n02085620_{n}.jpg" for n in ((1, 20) if part == "train" else (5,))]
        write_list(
            path, [*files, "n02086240-Shih-Tzu/n02086240_3.jpg"][: 9 if part == "train" else 1]
        )


@pytest.mark.parametrize(("folder", "what"), [("n1-", "is empty"), ("Chihuahua", "is empty")])
def test_a_breed_without_a_name_is_refused(tools: Any, dogs: Path, folder: str, what: str) -> None:
    rename_breed(dogs, folder)
    assert f"of the folder {folder} {what}; rename it" in tools.refusal(lambda: stanford(dogs))


def test_breeds_of_equal_names_are_refused_unless_published(tools: Any, dogs: Path) -> None:
    rename_breed(dogs, "n02085620-shih_tzu")
    stanford(dogs)
    rename = dogs / "Images" / "n02085620-shih_tzu"
    rename.rename(rename.with_name("n02085620-Chihuahua"))
    (dogs / "Annotation" / "n02085620-shih_tzu").rename(dogs / "Annotation/n02085620-Chihuahua")
    rename_breed(dogs, "n02085620-SHIH-tzu")
    assert "class names occur twice: shih-tzu;" in tools.refusal(lambda: stanford(dogs))
    stanford(dogs, protocol="aaai25")
