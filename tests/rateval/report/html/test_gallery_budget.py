"""A gallery that is too large loses what is missed least, and is whole in what it keeps."""

from __future__ import annotations

import base64
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from rateval.report.html.gallery_budget import FLOOR, fit, size


def data_of(
    *, tests: int, images: int, cells: int, picture: int, patches: tuple[int, int]
) -> dict[str, Any]:
    """Make up the data of a gallery; cells take the tests in turn."""
    chance = np.random.default_rng(0)

    def text(count: int) -> str:
        return base64.b64encode(chance.bytes(count)).decode()

    def cell(at: int) -> dict[str, Any]:
        return {
            "label": f"cell <{at}>",
            "test": at % tests,
            "trained": at > 0,
            "cut": [],
            "columns": {
                "label": [1] * images,
                "map": [text(patches[0] * patches[1]) for _ in range(images)],
            },
            "verdicts": {"mass": {"score": [0.5] * images, "valid": [1] * images}},
            "curves": {"mass": {"correct": list(range(1001)), "wrong": list(range(1001))}},
        }

    return {
        "tests": [
            {
                "name": f"test {at}",
                "images": [{"id": f"{n} > é", "data": text(picture)} for n in range(images)],
                "dropped": 0,
            }
            for at in range(tests)
        ],
        "cells": [cell(at) for at in range(cells)],
        "transitions": [
            {"against": at, "counts": {"RR>RW": 3}} for at in range(cells) for _ in range(at)
        ],
        "cut": [],
    }


@pytest.mark.parametrize("budget", [3_000_000, 900_000, 300_000, 90_000, 40_000])
def test_a_budget_is_kept_and_what_was_cut_is_said(budget: int) -> None:
    data = data_of(tests=2, images=200, cells=8, picture=6_000, patches=(24, 24))
    whole = size(data)
    fit(data, budget)
    assert size(data) <= budget < whole
    for number, test in enumerate(data["tests"]):
        assert test["dropped"] == 200 - len(test["images"])
        for cell in data["cells"]:
            if cell["test"] == number:
                lengths = {len(values) for values in cell["columns"].values()}
                lengths |= {len(v) for found in cell["verdicts"].values() for v in found.values()}
                assert lengths == {len(test["images"])}
                assert ("maps" in cell["cut"]) == ("map" not in cell["columns"])
                assert ("counts" in cell["cut"]) == (not cell["curves"])


def test_images_go_first_then_maps_of_the_last_cells_then_counts() -> None:
    def cut(budget: int) -> tuple[int, int, int]:
        data = data_of(tests=1, images=200, cells=8, picture=6_000, patches=(24, 24))
        fit(data, budget)
        maps = [at for at, cell in enumerate(data["cells"]) if "map" in cell["columns"]]
        counts = [at for at, cell in enumerate(data["cells"]) if cell["curves"]]
        assert maps == list(range(len(maps)))
        assert counts == list(range(len(counts)))
        return len(data["tests"][0]["images"]), len(maps), len(counts)

    found = [cut(budget) for budget in range(3_000_000, 0, -60_000)]
    assert found[0][1:] == (8, 8)
    for (images, maps, counts), (fewer, less, left) in pairwise(found):
        assert fewer <= images and less <= maps and left <= counts
        assert less == maps or fewer <= FLOOR
        assert left == counts or (less == 0 and fewer == 0)
    assert any(maps < 8 and images == FLOOR for images, maps, _ in found)


def test_every_test_keeps_its_share() -> None:
    data = data_of(tests=3, images=200, cells=3, picture=6_000, patches=(8, 8))
    data["tests"][2]["images"] = data["tests"][2]["images"][:10]
    for cell in data["cells"]:
        if cell["test"] == 2:
            for columns in (cell["columns"], *cell["verdicts"].values()):
                for values in columns.values():
                    del values[10:]
    fit(data, 800_000)
    counts = [len(test["images"]) for test in data["tests"]]
    assert counts[0] == counts[1] > 10 == counts[2]


def test_transitions_of_many_pairs_are_those_from_zero_shot_at_most() -> None:
    def left(budget: int) -> tuple[int, int]:
        data = data_of(tests=1, images=0, cells=40, picture=0, patches=(8, 8))
        data["transitions"] += [{"against": 0, "counts": {"RR>RW": 3}}] * 5
        fit(data, budget)
        assert (data["cut"] == ["transitions"]) == (budget < 1_000_000)
        return len(data["transitions"]), len([x for x in data["transitions"] if x["against"]])

    assert left(1_000_000) == (40 * 39 // 2 + 5, 40 * 39 // 2)
    assert left(100_000) == (5, 0)
    assert left(1_000) == (0, 0)


def test_single_tokens_go_before_anything_else() -> None:
    data = data_of(tests=1, images=50, cells=3, picture=2_000, patches=(7, 7))
    for cell in data["cells"]:
        count = len(cell["columns"]["label"])
        cell["columns"]["tokens"] = [[["red", "A" * 200]] * 3] * count
    whole = size(data)
    fit(data, whole - 1)
    assert [cell["cut"] for cell in data["cells"]][-1] == ["tokens"]
    assert "tokens" in data["cells"][0]["columns"]
    assert all("map" in cell["columns"] for cell in data["cells"])
    assert not any(test["dropped"] for test in data["tests"])
    assert size(data) < whole
