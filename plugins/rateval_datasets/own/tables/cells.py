"""Cells of a table as text, boxes and outlines, whatever kind of file they come from."""

from __future__ import annotations

import datetime
import decimal
import json
import math
import re
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rateval_datasets.asking import explain_text
from rateval_datasets.layout import printable
from rateval_datasets.own.formats.boxes import boxes_of
from rateval_datasets.own.formats.shapes import Outline, require_near
from rateval_datasets.own.params import BoxFormat

_SCALARS = (
    *(str, bool, int, float, decimal.Decimal),
    *(datetime.date, datetime.time, datetime.timedelta),
)
_BETWEEN = re.compile(r"[\s,]+")


def is_scalar(value: Any) -> bool:
    """Return whether a cell is empty or holds what can be a group: neither list, table nor bytes.

    >>> is_scalar("north"), is_scalar(2.5), is_scalar([1])
    (True, True, False)
    """
    return value is None or isinstance(value, _SCALARS)


def text_of(value: Any) -> str | None:
    """Return a scalar cell as text without blanks at its ends; None where it is empty.

    >>> text_of(" kettle "), text_of(7), text_of(True), text_of(" "), text_of(float("nan"))
    ('kettle', '7', 'true', None, None)
    """
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return printable(text.strip()) or None


def word_of(value: Any) -> str | None:
    """Return a cell of labels, ids, splits or paths as text. Raises ValueError for other kinds.

    >>> word_of(7), word_of(None)
    ('7', None)
    """
    if isinstance(value, float) and not math.isnan(value):
        raise ValueError(f"must be text or a whole number, not {value!r}; save it as such")
    if not is_scalar(value):
        raise ValueError(f"must be text or a whole number, not a {type(value).__name__}")
    return text_of(value)


def answers_in(value: Any) -> tuple[str, ...]:
    """Return the answers of a cell, none where it is empty. Raises ValueError when they are none.

    Text is JSON, one answer, or several parted by "|".

    >>> answers_in("red|dark red"), answers_in(["2", 2]), answers_in(None)
    (('red', 'dark red'), ('2', '2'), ())
    """
    if isinstance(value, str) and value.lstrip().startswith("["):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError) as error:
            raise ValueError(f"{value:.60} is no JSON: {error}") from error
    elif isinstance(value, str):
        value = value.split("|") if value.strip() else []
    elif not isinstance(value, list):
        value = [] if text_of(value) is None else [value]
    answers = tuple(word_of(one) or "" for one in value)
    for at, answer in enumerate(answers, 1):
        if why := explain_text(answer):
            raise ValueError(f"answer {at} of {len(answers)} {why}; mend it, or take it away")
    return answers


def boxes_in(value: Any, form: BoxFormat) -> list[Outline]:
    """Return the boxes of a cell, none where it is empty. Raises ValueError when they are none.

    Text is JSON, or numbers parted by blanks or commas, with ";" between boxes.

    >>> [box.points.tolist() for box in boxes_in("1 2 3 4", "xyxy")]
    [[[1.0, 2.0], [3.0, 4.0]]]
    >>> [len(boxes_in(cell, "xyxy")) for cell in ("[[1, 2, 3, 4]]", "1 2 3 4; 5 6 7 8")]
    [1, 2]
    """
    what = "a box has four numbers, such as [10, 20, 30, 40]"
    found = _list_in(value, what)
    return boxes_of(_as_array(found, what), form) if found else []


def outlines_in(value: Any) -> list[Outline]:
    """Return the outlines of a cell, none where it is empty. Raises ValueError when they are none.

    One outline is a list of pairs x, y or of numbers x, y, x, y, …; several are a list of those.
    Text is JSON, or numbers parted by blanks or commas, with ";" between outlines.

    >>> [outline.points.tolist() for outline in outlines_in("0 0 9 0 0 9")]
    [[[0.0, 0.0], [9.0, 0.0], [0.0, 9.0]]]
    >>> len(outlines_in([[0, 0], [9, 0], [0, 9]])), len(outlines_in([[0, 0, 9, 0, 0, 9]] * 2))
    (1, 2)
    """
    what = "an outline has pairs of numbers, such as [[10, 20], [30, 20], [30, 40]]"
    found = _list_in(value, what)
    if not found:
        return []
    is_one = not isinstance(found[0], list) or all(map(_is_pair, found))
    outlines = []
    for one in [found] if is_one else found:
        points = _as_array(one, what)
        if points.ndim == 1 and points.size % 2 == 0:
            points = points.reshape(-1, 2)
        if points.ndim != 2 or points.shape[1] != 2:
            raise ValueError(what)
        require_near(points)
        outlines.append(Outline(points))
    return outlines


def _is_pair(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 2 and not isinstance(value[0], list)


def _list_in(value: Any, what: str) -> list[Any]:
    """Return a cell's list, whatever is in it; an empty one where the cell is empty."""
    if isinstance(value, str):
        value = _parse(value.strip(), what)
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return []
    if not isinstance(value, list):
        raise ValueError(what)
    return value


def _parse(text: str, what: str) -> Any:
    if not text:
        return None
    if text.startswith("["):
        try:
            return json.loads(text)
        except (ValueError, RecursionError) as error:
            raise ValueError(f"{what}; {text:.60} is no JSON: {error}") from error
    try:
        parts = [_BETWEEN.split(part.strip()) for part in text.split(";") if part.strip()]
        found = [[float(word) for word in words if word] for words in parts]
    except ValueError as error:
        raise ValueError(f"{what}; not {text:.60}") from error
    return found[0] if len(found) == 1 else found


def _as_array(value: Any, what: str) -> NDArray[np.float64]:
    try:
        return np.asarray(value, np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError(what) from error
