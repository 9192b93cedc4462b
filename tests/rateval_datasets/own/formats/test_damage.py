"""Annotations damaged at random: refused, skipped with a reason, or read; never a traceback."""

from __future__ import annotations

import random
import shutil
import warnings
from pathlib import Path
from typing import Any

import pytest

from rateval.api import RatevalError, Sample, Skipped

FORMS = [
    ("cvat", ["polygon"]),
    ("cvat", ["mask", "label"]),
    ("coco_instances", ["polygon"]),
    ("voc", ["mask", "outer box", "label"]),
    ("yolo", ["box"]),
    ("label_me", ["polygon"]),
    ("datumaro", ["polygon", "mask", "label"]),
    ("open_images", ["label", "mask", "outer box"]),
]
_ENDINGS = (".xml", ".json", ".txt", ".csv", ".meta", ".data", ".names")
_WORDS = (
    b"",
    b"0",
    b"-1",
    b"7",
    b"1e999",
    b"nan",
    b"null",
    b"[]",
    b"{}",
    b"x",
    b"<",
    b'"',
    b"\xff",
)


def mutate(data: bytes, dice: random.Random) -> bytes:
    """Replace a number or a stretch, or leave the end out."""
    if not data:
        return b"x"
    start = dice.randrange(len(data))
    end = start + dice.choice([0, 1, 1, 2, 5, len(data)])
    return data[:start] + dice.choice(_WORDS) + data[end:]


@pytest.mark.parametrize(("form", "kinds"), FORMS, ids=lambda value: str(value)[:30])
def test_damaged_annotations_end_well(
    tmp_path: Path, make: Any, forms: Any, form: str, kinds: list[str]
) -> None:
    sound = forms.export(tmp_path / "sound", form, kinds)
    ends = []
    for seed in range(40):
        dice = random.Random(seed)
        root = tmp_path / "damaged"
        shutil.copytree(sound, root)
        files = sorted(path for path in root.rglob("*") if path.suffix in _ENDINGS)
        file = dice.choice(files)
        file.write_bytes(mutate(file.read_bytes(), dice))
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                dataset = make(root, format=form)
                rows = forms.read(dataset.test)
            assert all(isinstance(row, Sample | Skipped) for row in rows)
            ends.append("read")
        except RatevalError as error:
            assert "\n" not in str(error)
            ends.append("refused")
        shutil.rmtree(root)
    assert {"read", "refused"} == set(ends)
