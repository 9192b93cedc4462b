"""COCO files damaged at random: refused, skipped with a reason, or read; never a traceback."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

from rateval.api import RatevalError, Sample, Skipped

WORDS = [b"", b"0", b"-1", b"7", b"1e999", b"NaN", b"null", b"[]", b"{}", b'"x"', b"true", b"<"]
WORDS += [b"\xff", b"\0", b'"', b"9" * 400, b'"\\ud800"', b'"../x"', b"[[[]]]", b",", b"\n"]


def mutate_text(data: bytes, dice: random.Random) -> bytes:
    start = dice.randrange(len(data))
    return data[:start] + dice.choice(WORDS) + data[start + dice.choice([0, 1, 2, 5]) :]


def mutate_value(data: bytes, dice: random.Random) -> bytes:
    """Replace a value anywhere in the file, which stays JSON."""
    content = json.loads(data)
    places: list[tuple[Any, Any]] = []

    def walk(value: Any) -> None:
        pairs = value.items() if isinstance(value, dict) else enumerate(value)
        for key, inner in list(pairs):
            places.append((value, key))
            if isinstance(inner, dict | list):
                walk(inner)

    walk(content)
    holder, key = dice.choice(places)
    holder[key] = dice.choice(
        [None, True, -1, 0, 1.5, 1e308, 10**400, "", "x", "\ud800", [], {}, [[]], [{}], [None]]
    )
    return json.dumps(content).encode()


@pytest.mark.parametrize("mutate", [mutate_text, mutate_value])
def test_damaged_files_end_well(tmp_path: Path, coco: Any, make: Any, mutate: Any) -> None:
    runs = {"size": [40, 60], "counts": coco.runs_of(coco.box_mask())}
    packed = {"size": [4, 6], "counts": "92="}
    path = coco.write(
        tmp_path / "a.json",
        {
            "a/x.png": [{"segmentation": [coco.triangle], "attributes": {"worn": True}}],
            "a/y.png": [{"segmentation": runs, "category_id": 2, "iscrowd": 1}],
            "b/z.png": [{"bbox": [10, 5, 21, 15], "category_id": 0}, {"segmentation": packed}],
        },
    )
    sound = path.read_bytes()
    ends = set()
    for seed in range(300):
        path.write_bytes(mutate(sound, random.Random(seed)))
        try:
            dataset = make(path, label=("annotations", "folder")[seed % 2])
            assert dataset.test.identity
            assert all(isinstance(row, Sample | Skipped) for row in coco.read(dataset.test))
            ends.add("read")
        except RatevalError as error:
            assert "\n" not in str(error)
            ends.add("refused")
    assert ends == {"read", "refused"}
