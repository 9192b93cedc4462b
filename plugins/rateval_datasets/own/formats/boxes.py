"""Boxes of a table's columns, in the forms that tables have them."""

from __future__ import annotations

from typing import Any

import numpy as np

from rateval_datasets.own.formats.shapes import Outline
from rateval_datasets.own.params import BoxFormat


def boxes_of(value: Any, form: BoxFormat) -> list[Outline]:
    """Return one box, four numbers, or a list of boxes as outlines.

    Raises ValueError when they are no boxes.

    >>> boxes_of([1, 2, 3, 4], "xywh")[0].points.tolist()
    [[1.0, 2.0], [4.0, 6.0]]
    """
    boxes = np.asarray(value, np.float64)
    boxes = boxes[None] if boxes.ndim == 1 else boxes
    if boxes.ndim != 2 or boxes.shape[1] != 4 or not np.isfinite(boxes).all():
        raise ValueError("a box has four numbers")
    first, second = boxes[:, :2], boxes[:, 2:]
    if form == "cxcywh":
        first = first - second / 2
    if form != "xyxy":
        second = first + second
    if (second < first).any():
        raise ValueError(f'a box ends before it begins; is box_format = "{form}" right?')
    return [Outline(np.stack(corners), is_box=True) for corners in zip(first, second, strict=True)]
