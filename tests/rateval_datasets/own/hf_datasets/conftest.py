"""Small tables of the library ``datasets``."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn, cast

import datasets
import numpy as np
import pytest
from PIL import Image

from rateval.api import Context, Dataset, RatevalError
from rateval_datasets.own.hf_datasets.dataset import make_huggingface
from rateval_datasets.own.hf_datasets.params import HuggingFaceParams

FEATURES = datasets.Features(
    {
        "image": datasets.Image(),
        "label": datasets.ClassLabel(names=["mug", "kettle"]),
        "mask": datasets.Image(),
        "box": datasets.List(datasets.Value("float32")),
        "objects": {
            "bbox": datasets.List(datasets.List(datasets.Value("float32"))),
            "category": datasets.List(datasets.ClassLabel(names=["mug", "kettle"])),
        },
        "text": datasets.Value("string"),
        "site": datasets.Value("string"),
        "year": datasets.Value("int64"),
        "sharp": datasets.Value("bool"),
        "weight": datasets.Value("float32"),
        "file": datasets.Value("string"),
    }
)


def photo(number: int) -> Image.Image:
    rng = np.random.default_rng(number)
    return Image.fromarray(rng.integers(0, 256, (40 + number, 60, 3), dtype=np.uint8))


def mask_of(number: int) -> np.ndarray[Any, Any]:
    mask = np.zeros((40 + number, 60), dtype=np.bool_)
    mask[5:20, 10:31] = True
    return mask


def rows(count: int) -> dict[str, list[Any]]:
    """Photo number n is of the class n % 2; the third one has no mask."""
    numbers = range(count)
    masks = [Image.fromarray(mask_of(n).astype(np.uint8) * 255) for n in numbers]
    return {
        "image": [photo(n) for n in numbers],
        "label": [n % 2 for n in numbers],
        "mask": [None if n == 2 else masks[n] for n in numbers],
        "box": [[10, 5, 31, 20]] * count,
        "objects": [
            {"bbox": [[10, 5, 31, 20], [0, 0, 9, 9]], "category": [n % 2, n % 2]} for n in numbers
        ],
        "text": [f"photo {n}" for n in numbers],
        "site": ["north", "south"] * (count // 2),
        "year": [2020 + n for n in numbers],
        "sharp": [n > 1 for n in numbers],
        "weight": [0.5] * count,
        "file": [f"f{n}.jpg" for n in numbers],
    }


def table(**changed: list[Any]) -> datasets.Dataset:
    return datasets.Dataset.from_dict({**rows(4), **changed}, features=FEATURES)


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: object, **options: object) -> NoReturn:
        raise AssertionError("the network was asked for")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)


class Tables:
    """What tests use of this module."""

    features = FEATURES
    mask_of = staticmethod(mask_of)
    photo = staticmethod(photo)
    rows = staticmethod(rows)
    table = staticmethod(table)


@pytest.fixture
def tables() -> Tables:
    datasets.disable_progress_bars()
    return Tables()


@pytest.fixture
def saved(tmp_path: Path, tables: Tables) -> Path:
    """A folder that save_to_disk wrote: two photos to train on, two to test on."""
    whole = table()
    made = datasets.DatasetDict(
        {"train": whole.select(range(2)), "validation": whole.select(range(2, 4))}
    )
    made.save_to_disk(str(tmp_path / "saved"))
    return tmp_path / "saved"


@pytest.fixture
def make(tmp_path: Path) -> Callable[..., Dataset]:
    def build(root: Path | None, **params: Any) -> Dataset:
        given = HuggingFaceParams(root=root, **{"cache": tmp_path / "cache", **params})
        return cast(Dataset, make_huggingface(given, cast(Context, None)))

    return build


@pytest.fixture
def refuse(make: Callable[..., Dataset]) -> Callable[..., str]:
    def message(root: Path | None, **params: Any) -> str:
        with pytest.raises(RatevalError) as caught:
            make(root, **params)
        return str(caught.value)

    return message
