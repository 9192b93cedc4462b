"""The table of docs/shifts.md is what the code goes by."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest

from rateval_shifts.corruptions import constants
from rateval_shifts.corruptions.shift import CORRUPTIONS

TEXT = (Path(__file__).parents[3] / "docs/shifts.md").read_text(encoding="utf-8")
ROWS = {row[0]: row[2:] for row in re.findall(r"^\| `(\w+)`" + r" \| ([^|]+)" * 6, TEXT, re.M)}


def used(kind: str) -> list[list[float]]:
    found = getattr(constants, kind.upper())
    rows = [list(row) if isinstance(row, Iterable) else [row] for row in found]
    if kind == "zoom_blur":
        return [[float(np.arange(1, *row)[-1]), row[1]] for row in rows]
    if kind == "brightness":
        return [[row[0] / 10] for row in rows]
    if kind == "defocus_blur":
        return [row[:2] for row in rows]
    return rows


def test_the_table_has_all_types() -> None:
    assert tuple(ROWS) == tuple(CORRUPTIONS)


@pytest.mark.parametrize("kind", CORRUPTIONS)
def test_the_table_has_the_constants(kind: str) -> None:
    told = [[float(number) for number in cell.split(",")] for cell in ROWS[kind]]
    assert len(told) == 5
    for said, is_so in zip(told, used(kind), strict=True):
        assert said == pytest.approx(is_so, rel=1e-6)
