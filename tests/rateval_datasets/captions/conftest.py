"""Small copies of datasets of captions, in the formats of their official files."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

SIZE = (40, 50)
"""Rows and columns of the photos."""
CATEGORIES = {1: "person", 3: "car", 18: "dog", 88: "teddy bear"}
TRIANGLE = [10, 5, 40.5, 5, 10, 35.5]
CROWD = np.zeros(SIZE, dtype=np.bool_)
CROWD[30:38, 2:20] = True

COCO_CAPTIONS: dict[str, dict[int, list[str]]] = {
    "val2017": {
        139: ["A man walks a dog.", " Two  dogs\n", "", "a puppy", "A dog and a person", "a walk"],
        285: ["A crowd stands there."],
        632: ["An empty bed."],
        724: [],
    },
    "train2017": {9: ["a car"], 25: ["a teddy bear"]},
}


def photo(path: Path, size: tuple[int, int] = SIZE) -> None:
    """Save a photo of (rows, columns)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(len(path.name)).integers(0, 256, (*size, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path)


def write(path: Path, content: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")
    return path


def runs_of(mask: np.ndarray[Any, np.dtype[np.bool_]]) -> list[int]:
    """Count the pixels of each stretch, down the columns, beginning with those outside."""
    runs, inside = [0], False
    for pixel in mask.T.ravel():
        if pixel != inside:
            inside = not inside
            runs.append(0)
        runs[-1] += 1
    return runs


def instance(
    number: int, image: int, category: int, segmentation: object, crowd: int = 0
) -> dict[str, Any]:
    return {
        "id": number,
        "image_id": image,
        "category_id": category,
        "segmentation": segmentation,
        "iscrowd": crowd,
        "bbox": [0, 0, 1, 1],
        "area": 1.0,
    }


@pytest.fixture
def coco(tmp_path: Path) -> Path:
    """Make COCO: outlines of one class in two parts, a crowd, a photo without any instance."""
    root = tmp_path / "coco"
    square = [2, 2, 8, 2, 8, 8, 2, 8]
    crowd = {"size": [*SIZE], "counts": runs_of(CROWD)}
    instances = {
        "val2017": [
            instance(1, 139, 18, [TRIANGLE]),
            instance(2, 139, 18, [square]),
            instance(3, 139, 1, [[30, 20, 49, 20, 49, 39, 30, 39]]),
            instance(4, 285, 1, crowd, crowd=1),
        ],
        "train2017": [instance(5, 9, 3, [square]), instance(6, 25, 88, [square])],
    }
    for part, captions in COCO_CAPTIONS.items():
        images = [
            {"id": number, "file_name": f"{number:012d}.jpg", "height": 40, "width": 50}
            for number in captions
        ]
        for image in images:
            photo(root / part / str(image["file_name"]))
        told = [
            {"image_id": number, "id": 100 * number + at, "caption": text}
            for number, texts in captions.items()
            for at, text in enumerate(texts)
        ]
        head = {"info": {"year": 2017}, "licenses": [{"id": 1}], "images": images}
        write(root / "annotations" / f"captions_{part}.json", {**head, "annotations": told})
        categories = [
            {"supercategory": "x", "id": number, "name": name}
            for number, name in CATEGORIES.items()
        ]
        content = {**head, "annotations": instances[part], "categories": categories}
        write(root / "annotations" / f"instances_{part}.json", content)
    return root


SENTENCES = {
    "101": [
        "[/EN#1/people Two young men] in [/EN#2/clothing black shirts] play on "
        "[/EN#0/notvisual it] .",
        "[/EN#1/people A group of guys] near [/EN#3/scene a street] .",
        "[/EN#4/people The taller man] has [/EN#5/other a ball] .",
    ],
    "102": [
        "[/EN#11/animals/other A dog] runs .",
        "[/EN#11/animals Some dogs] in [/EN#12/scene the street] .",
    ],
    "103": ["[/EN#21/people A man] waits ."],
    "104": ["Nothing is marked here ."],
}
"""Captions of four photos to test on, as their files have them."""
BOXES: dict[str, list[tuple[tuple[str, ...], tuple[int, int, int, int] | str]]] = {
    "101": [
        (("1",), (3, 5, 12, 30)),
        (("1", "4"), (20, 5, 31, 33)),
        (("2",), (4, 12, 11, 20)),
        (("3",), "scene"),
        (("5",), "nobndbox"),
    ],
    "102": [(("11",), (1, 1, 50, 40)), (("12",), "scene")],
    "104": [],
}
"""Chains and corners, counted from 1; photo 103 has no file."""


def annotate(path: Path, size: tuple[int, int], objects: Any) -> None:
    """Write an XML file as the dataset has it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    parts = []
    for names, where in objects:
        named = "".join(f"<name>{name}</name>" for name in names)
        if isinstance(where, str):
            flags = {"scene": 0, "nobndbox": 0} | {where: 1}
            said = "".join(f"<{key}>{value}</{key}>" for key, value in flags.items())
        else:
            sides = zip(("xmin", "ymin", "xmax", "ymax"), where, strict=True)
            said = f"<bndbox>{''.join(f'<{key}>{at}</{key}>' for key, at in sides)}</bndbox>"
        parts.append(f"<object>{named}{said}</object>")
    rows, columns = size
    path.write_text(
        f"<annotation><filename>{path.stem}.jpg</filename><size><width>{columns}</width>"
        f"<height>{rows}</height><depth>3</depth></size>{''.join(parts)}</annotation>"
    )


@pytest.fixture
def flickr(tmp_path: Path) -> Path:
    """Make Flickr30k Entities: four photos to test on, one to train on."""
    root = tmp_path / "flickr30k"
    sentences = {**SENTENCES, "201": ["[/EN#31/people A man] and [/EN#32/animals a cat] ."]}
    for name, lines in sentences.items():
        photo(root / "flickr30k-images" / f"{name}.jpg")
        path = root / "Sentences" / f"{name}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    for name, objects in {**BOXES, "201": [(("31",), (1, 1, 9, 9))]}.items():
        annotate(root / "Annotations" / f"{name}.xml", SIZE, objects)
    for part, names in {"test": [*SENTENCES], "train": ["201"], "val": ["201"]}.items():
        (root / f"{part}.txt").write_text("".join(f"{name}\n" for name in names))
    return root


@pytest.fixture(scope="session")
def rewrite() -> Callable[[Path, Callable[[Any], None]], None]:
    """Return what changes a JSON file."""

    def change(path: Path, edit: Callable[[Any], None]) -> None:
        found = json.loads(path.read_text(encoding="utf-8"))
        edit(found)
        write(path, found)

    return change
