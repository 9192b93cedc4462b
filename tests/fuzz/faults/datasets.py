"""Small sound copies of the public datasets, as their official archives unpack."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

_GOLDEN = Path(__file__).parents[2] / "golden" / "mat5"
_SIZE = (40, 50)
"""Rows and columns of every image."""
_BIRDS = ("001.Black_footed_Albatross", "002.Laysan_Albatross")
_DOGS = {
    "train": (
        "n02085620-Chihuahua/n02085620_1",
        "n02085620-Chihuahua/n02085620_20",
        "n02086240-Shih-Tzu/n02086240_3",
        "n02089078-black-and-tan_coonhound/n02089078_4",
    ),
    "test": (
        "n02085620-Chihuahua/n02085620_5",
        "n02086240-Shih-Tzu/n02086240_6",
        "n02086240-Shih-Tzu/n02086240_7",
        "n02089078-black-and-tan_coonhound/n02089078_8",
        "n02089078-black-and-tan_coonhound/n02089078_9",
    ),
}
"""What the lists among the golden files name."""
_SYNSETS = {"n01440764": "tench, Tinca tinca", "n02012849": "crane", "n03710721": "maillot, suit"}


def draw(path: Path, size: tuple[int, int] = _SIZE) -> None:
    """Save an image of (rows, columns) whose pixels depend on its name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(list(path.name.encode()))
    Image.fromarray(rng.integers(0, 256, (*size, 3), dtype=np.uint8)).save(path)


def _annotate(path: Path, name: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        "<annotation>\n<folder>x</folder>\n<size><width>50</width><height>40</height>"
        "<depth>3</depth></size>\n"
        f"<object><name>{name}</name><bndbox><xmin>5</xmin><ymin>6</ymin><xmax>30</xmax>"
        "<ymax>31</ymax></bndbox></object>\n</annotation>\n"
    )


def _list(path: Path, values: Sequence[object]) -> None:
    path.write_text("".join(f"{number} {value}\n" for number, value in enumerate(values, 1)))


def make_cub(root: Path) -> dict[str, Any]:
    """Make CUB-200-2011: four lists, images, and a segmentation for each."""
    base = root / "CUB_200_2011"
    images = [f"{name}/{name[4:]}_{at:04d}_{at}.jpg" for name in _BIRDS for at in range(1, 5)]
    rng = np.random.default_rng(3)
    for image in images:
        draw(base / "images" / image)
        mask = root / "segmentations" / Path(image).with_suffix(".png")
        mask.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 6, _SIZE, dtype=np.uint8) * np.uint8(51)).save(mask)
    _list(base / "images.txt", images)
    _list(base / "image_class_labels.txt", [int(image[:3]) for image in images])
    _list(base / "train_test_split.txt", [at % 2 for at in range(len(images))])
    _list(base / "classes.txt", _BIRDS)
    return {"use": "cub200", "root": str(root)}


def make_caltech(root: Path) -> dict[str, Any]:
    """Make Caltech-101 with contours in MATLAB's format."""
    for name, folder in {"Motorbikes": "Motorbikes_16", "water_lilly": "water_lilly"}.items():
        for at in range(1, 5):
            draw(root / "101_ObjectCategories" / name / f"image_{at:04d}.jpg")
            contours = root / "Annotations" / folder / f"annotation_{at:04d}.mat"
            contours.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(_GOLDEN / ("outline.mat" if at % 2 else "star.mat"), contours)
    return {"use": "caltech101", "root": str(root), "train_per_class": 2}


def make_dogs(root: Path) -> dict[str, Any]:
    """Make Stanford Dogs with boxes in XML and lists in MATLAB's format."""
    for part, names in _DOGS.items():
        for name in names:
            draw(root / "Images" / f"{name}.jpg")
            _annotate(root / "Annotation" / name, "dog")
        shutil.copy(_GOLDEN / f"{part}_list.mat", root)
    return {"use": "stanford-dogs", "root": str(root)}


def make_kaggle(root: Path) -> dict[str, Any]:
    """Make ImageNet as Kaggle's archive unpacks."""
    base, rows = root / "ILSVRC", ["ImageId,PredictionString"]
    for at, wnid in enumerate([*_SYNSETS, *_SYNSETS], 1):
        stem = f"ILSVRC2012_val_{at:08d}"
        draw(base / "Data" / "CLS-LOC" / "val" / f"{stem}.JPEG")
        _annotate(base / "Annotations" / "CLS-LOC" / "val" / f"{stem}.xml", wnid)
        rows.append(f"{stem},{wnid} 5 6 30 31 ")
        draw(base / "Data" / "CLS-LOC" / "train" / wnid / f"{wnid}_{at}.JPEG")
        _annotate(base / "Annotations" / "CLS-LOC" / "train" / wnid / f"{wnid}_{at}.xml", wnid)
    (root / "LOC_val_solution.csv").write_text("\n".join(rows) + "\n")
    synsets = "".join(f"{wnid} {names}\n" for wnid, names in _SYNSETS.items())
    (root / "LOC_synset_mapping.txt").write_text(synsets)
    return {"use": "imagenet", "root": str(root)}


def make_imagenet_c(root: Path) -> dict[str, Any]:
    """Make one corruption of ImageNet-C, with ImageNet's boxes beside it."""
    names = ["tench", "crane", "maillot"]
    for at, wnid in enumerate([*_SYNSETS, *_SYNSETS], 1):
        stem = f"ILSVRC2012_val_{at:08d}"
        draw(root / "fog" / "3" / wnid / f"{stem}.JPEG", (224, 224))
        _annotate(root / "boxes" / "val" / f"{stem}.xml", wnid)
    (root / "names.txt").write_text("\n".join(names) + "\n")
    dataset = {"use": "imagenet-c", "root": str(root), "corruption": "fog", "severity": 3}
    paths = {"annotations": str(root / "boxes"), "class_names": str(root / "names.txt")}
    return dataset | paths


def make_cvat(root: Path) -> dict[str, Any]:
    """Make an export of CVAT with outlines, boxes and masks, for datumaro."""
    shapes = (
        '<polygon label="{}" points="5.0,6.0;30.0,6.0;20.0,31.0"/>',
        '<box label="{}" xtl="5.0" ytl="6.0" xbr="30.0" ybr="31.0"/>',
        '<mask label="{}" rle="2,3,1" left="5" top="6" width="3" height="2"/>',
    )
    images = []
    for at in range(6):
        label, shape = ("kettle", "mug")[at % 2], shapes[at // 2]
        draw(root / "images" / f"{at}.jpg")
        images.append(
            f'<image id="{at}" name="{at}.jpg" width="50" height="40">{shape.format(label)}</image>'
        )
    labels = "".join(f"<label><name>{name}</name></label>" for name in ("kettle", "mug"))
    meta = f"<meta><task><labels>{labels}</labels></task></meta>"
    (root / "annotations.xml").write_text(
        "\n".join(["<annotations>", meta, *images, "</annotations>"]) + "\n"
    )
    return {"use": "datumaro", "root": str(root), "format": "cvat"}


def make_coco(root: Path) -> dict[str, Any]:
    """Make a COCO file with outlines, boxes, and runs of both kinds."""
    shapes: list[dict[str, Any]] = [
        {"segmentation": [[5.0, 6.0, 30.0, 6.0, 20.0, 31.0]], "bbox": [5, 6, 25, 25]},
        {"bbox": [5, 6, 25, 25]},
        {"segmentation": {"size": [40, 50], "counts": [205, 30, 1765]}, "iscrowd": 1},
        {"segmentation": {"size": [40, 50], "counts": "]6n0Ug1"}},
    ]
    images, annotations = [], []
    for at in range(8):
        name = f"{('kettle', 'mug')[at % 2]}/{at}.jpg"
        draw(root / name)
        images.append({"id": at, "file_name": name, "width": 50, "height": 40})
        shape = shapes[at // 2]
        annotations.append({"id": at, "image_id": at, "category_id": at % 2, **shape})
    categories = [{"id": at, "name": name} for at, name in enumerate(("kettle", "mug"))]
    content = {"images": images, "annotations": annotations, "categories": categories}
    (root / "a.json").write_text(json.dumps(content, indent=1))
    return {"use": "coco", "annotations": str(root / "a.json")}


def make_table(root: Path) -> dict[str, Any]:
    """Make a table with a mask, boxes, outlines, and photos without any of them."""
    lines = ["image,label,mask,box,polygon,split,site"]
    for at in range(8):
        draw(root / f"{at}.jpg")
        mask = f"{at}.png" if at < 2 else ""
        box = '"[[5, 6, 30, 31]]"' if at in (2, 3) else ""
        outline = "5 6 30 6 20 31" if at in (4, 5) else ""
        label = ("kettle", "mug")[at % 2]
        lines.append(f"{at}.jpg,{label},{mask},{box},{outline},test,{'ns'[at // 4]}")
    for at in range(2):
        Image.fromarray(np.eye(*_SIZE, dtype=np.uint8) * 255).save(root / f"{at}.png")
    (root / "photos.csv").write_text("\n".join(lines) + "\n")
    return {"use": "table", "file": str(root / "photos.csv")}


MAKERS: dict[str, Callable[[Path], dict[str, Any]]] = {
    "cub200": make_cub,
    "caltech101": make_caltech,
    "coco": make_coco,
    "datumaro": make_cvat,
    "stanford-dogs": make_dogs,
    "imagenet": make_kaggle,
    "imagenet-c": make_imagenet_c,
    "table": make_table,
}
"""Name to what makes a copy in a folder and returns its table of a spec."""
TRAINS = ("cub200", "caltech101", "stanford-dogs", "imagenet")
"""Those with a training split."""
