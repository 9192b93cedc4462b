"""Small copies of the datasets, in the formats of their official archives."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from torchvision.transforms import CenterCrop, Resize

from rateval.api import Dataset, RatevalError, Sample, Skipped, Split

GOLDEN = Path(__file__).parent.parent / "golden"
Box = tuple[str, int, int, int, int]


def draw(path: Path, size: tuple[int, int] = (40, 50), mode: str = "RGB") -> Path:
    """Save an image of (rows, columns) whose pixels depend on its name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(list(path.name.encode()))
    noise = rng.integers(0, 256, (*size, 4), dtype=np.uint8)
    kind = "PNG" if mode == "RGBA" else None
    Image.fromarray(noise, "RGBA" if mode == "RGBA" else None).convert(mode).save(path, kind)
    return path


def annotate(path: Path, boxes: Sequence[Box], size: tuple[int, int] | None = (40, 50)) -> Path:
    """Write PASCAL VOC's XML; ``size`` is (rows, columns)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    seen = "" if size is None else f"<width>{size[1]}</width><height>{size[0]}</height>"
    objects = "".join(
        f"<object><name>{name}</name><pose>Unspecified</pose><bndbox><xmin>{x1}</xmin>"
        f"<ymin>{y1}</ymin><xmax>{x2}</xmax><ymax>{y2}</ymax></bndbox></object>\n"
        for name, x1, y1, x2, y2 in boxes
    )
    path.write_text(f"<annotation>\n<size>{seen}<depth>3</depth></size>\n{objects}</annotation>\n")
    return path


def box_mask(boxes: Sequence[Box], size: tuple[int, int] = (40, 50)) -> NDArray[np.bool_]:
    """Draw the union of boxes pixel by pixel."""
    mask = np.zeros(size, dtype=np.bool_)
    for row in range(size[0]):
        for column in range(size[1]):
            mask[row, column] = any(
                x1 <= column <= x2 and y1 <= row <= y2 for _, x1, y1, x2, y2 in boxes
            )
    return mask


def outline_mask(points: Sequence[tuple[float, float]], size: tuple[int, int]) -> NDArray[np.bool_]:
    """Fill an outline pixel by pixel: count the edges that a ray to the right meets."""
    mask = np.zeros(size, dtype=np.bool_)
    ends = [*points[1:], points[0]]
    for row in range(size[0]):
        for column in range(size[1]):
            inside = False
            for (x1, y1), (x2, y2) in zip(points, ends, strict=True):
                if min(y1, y2) <= row < max(y1, y2):
                    inside ^= x1 + (row - y1) * (x2 - x1) / (y2 - y1) > column
            mask[row, column] = inside
    return mask


def show(image: Image.Image | NDArray[np.bool_], shorter: int) -> NDArray[Any]:
    """Resize and crop an image, or a mask as zeros and ones, by torchvision with its defaults."""
    picture = Image.fromarray(image.astype(np.uint8)) if isinstance(image, np.ndarray) else image
    shown = np.asarray(CenterCrop(224)(Resize(shorter)(picture)))
    return shown == 1 if isinstance(image, np.ndarray) else shown


class Tools:
    """Hand the functions above to the tests, which cannot import this file."""

    golden = GOLDEN
    draw = staticmethod(draw)
    annotate = staticmethod(annotate)
    box_mask = staticmethod(box_mask)
    outline_mask = staticmethod(outline_mask)
    show = staticmethod(show)

    @staticmethod
    def sample(split: Split, name: str) -> Sample:
        """Return the sample of that id."""
        (found,) = [s for s in split.samples(range(len(split))) if s.id == name]
        assert isinstance(found, Sample), found
        return found

    @staticmethod
    def skipped(split: Split) -> dict[str, str]:
        """Return ids and reasons of what is skipped."""
        every = split.samples(range(len(split)))
        return {s.id: s.reason for s in every if isinstance(s, Skipped)}

    @staticmethod
    def ids(split: Split | None) -> list[str]:
        """Return all ids, in order."""
        assert split is not None
        return [s.id for s in split.samples(range(len(split)))]

    @staticmethod
    def labels(dataset: Dataset, split: Split | None) -> dict[str, str]:
        """Map ids to class names."""
        assert split is not None
        every = split.samples(range(len(split)))
        return {s.id: dataset.classes[s.label] for s in every if isinstance(s, Sample)}

    @staticmethod
    def refusal(make: Callable[[], object]) -> str:
        """Return why a dataset is refused."""
        with pytest.raises(RatevalError) as raised:
            make()
        return str(raised.value)

    @staticmethod
    def edit(path: Path, *changes: tuple[int, str | None]) -> Path:
        """Replace lines, numbered from 1; None takes one away."""
        lines: list[str | None] = list(path.read_text().splitlines())
        for number, line in changes:
            lines[number - 1] = line
        path.write_text("".join(f"{line}\n" for line in lines if line is not None))
        return path


@pytest.fixture(scope="session")
def tools() -> Tools:
    return Tools()


CALTECH = {
    "BACKGROUND_Google": 3,
    "Faces": 4,
    "Faces_easy": 5,
    "Motorbikes": 3,
    "airplanes": 4,
    "water_lilly": 3,
}
CALTECH_ANNOTATIONS = {
    "Faces": "Faces_2",
    "Faces_easy": "Faces_3",
    "Motorbikes": "Motorbikes_16",
    "airplanes": "Airplanes_Side_2",
}


@pytest.fixture
def caltech(tmp_path: Path) -> Path:
    """Make Caltech-101; odd images have one contour, even ones another."""
    root = tmp_path / "caltech-101"
    for name, count in CALTECH.items():
        for number in range(1, count + 1):
            draw(root / "101_ObjectCategories" / name / f"image_{number:04d}.jpg")
            if name == "BACKGROUND_Google":
                continue
            folder = root / "Annotations" / CALTECH_ANNOTATIONS.get(name, name)
            folder.mkdir(parents=True, exist_ok=True)
            kind = "outline" if number % 2 else "star"
            shutil.copy(GOLDEN / "mat5" / f"{kind}.mat", folder / f"annotation_{number:04d}.mat")
    return root


CUB_IMAGES = [
    "001.Black_footed_Albatross/Black_Footed_Albatross_0046_18.jpg",
    "001.Black_footed_Albatross/Black_Footed_Albatross_0009_34.jpg",
    "001.Black_footed_Albatross/Black_Footed_Albatross_0002_55.jpg",
    "002.Laysan_Albatross/Laysan_Albatross_0033_658.jpg",
    "002.Laysan_Albatross/Laysan_Albatross_0002_1027.jpg",
]
CUB_TRAIN = [1, 0, 0, 1, 0]


@pytest.fixture
def cub(tmp_path: Path) -> Path:
    """Make CUB-200-2011 beside its segmentations, whose grey values are multiples of 51."""
    root = tmp_path / "cub"
    base = root / "CUB_200_2011"
    rng = np.random.default_rng(3)
    for path in CUB_IMAGES:
        draw(base / "images" / path)
        mask = root / "segmentations" / Path(path).with_suffix(".png")
        mask.parent.mkdir(parents=True, exist_ok=True)
        grey = rng.integers(0, 6, (40, 50), dtype=np.uint8) * np.uint8(51)
        Image.fromarray(grey).save(mask)
    lines: dict[str, Sequence[object]] = {
        "images.txt": CUB_IMAGES,
        "image_class_labels.txt": [path[2] for path in CUB_IMAGES],
        "train_test_split.txt": CUB_TRAIN,
        "classes.txt": ["001.Black_footed_Albatross", "002.Laysan_Albatross"],
    }
    for name, values in lines.items():
        text = "".join(f"{number} {value}\n" for number, value in enumerate(values, 1))
        (base / name).write_text(text)
    return root


DOGS = {
    "train": [
        "n02085620-Chihuahua/n02085620_1.jpg",
        "n02085620-Chihuahua/n02085620_20.jpg",
        "n02086240-Shih-Tzu/n02086240_3.jpg",
        "n02089078-black-and-tan_coonhound/n02089078_4.jpg",
    ],
    "test": [
        "n02085620-Chihuahua/n02085620_5.jpg",
        "n02086240-Shih-Tzu/n02086240_6.jpg",
        "n02086240-Shih-Tzu/n02086240_7.jpg",
        "n02089078-black-and-tan_coonhound/n02089078_8.jpg",
        "n02089078-black-and-tan_coonhound/n02089078_9.jpg",
    ],
}
DOG_BOXES: dict[str, list[Box]] = {
    "n02085620_5": [("Chihuahua", 5, 6, 30, 31)],
    "n02086240_6": [("Shih-Tzu", 0, 0, 10, 10), ("Shih-Tzu", 30, 20, 44, 39)],
    "n02086240_7": [("Shih-Tzu", 1, 2, 3, 4)],
    "n02089078_8": [("black-and-tan_coonhound", 12, 0, 70, 20)],
    "n02089078_9": [("black-and-tan_coonhound", 4, 4, 40, 35)],
}


@pytest.fixture
def dogs(tmp_path: Path) -> Path:
    """Make Stanford Dogs; n02086240_7 is grey and n02089078_9 a PNG with alpha."""
    root = tmp_path / "dogs"
    modes = {"n02086240_7": "L", "n02089078_9": "RGBA"}
    for path in (*DOGS["train"], *DOGS["test"]):
        stem = Path(path).stem
        draw(root / "Images" / path, mode=modes.get(stem, "RGB"))
        boxes = DOG_BOXES.get(stem, [("dog", 0, 0, 5, 5)])
        annotate(root / "Annotation" / Path(path).with_suffix(""), boxes)
    for part in DOGS:
        shutil.copy(GOLDEN / "mat5" / f"{part}_list.mat", root)
    return root
