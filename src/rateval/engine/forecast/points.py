"""What was measured over a few images, and what follows for many."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rateval.modelkit.swapping import POOL


@dataclass(frozen=True, slots=True)
class Point:
    """A step done once over some images."""

    units: int
    seconds: float
    bytes: int
    per_unit: float | None = None
    """Seconds of an image by the median batch; None where there were too few batches."""


def extend_seconds(points: Sequence[Point], units: int, *, lends: bool = False) -> float:
    """Return the seconds of a step over ``units`` images, by what fewer of them and more took.

    Where the batches were timed, what is left besides stays as it is; of a step that ``lends``
    backgrounds it grows up to the images that lend one. Else a line goes through both points.

    >>> extend_seconds([Point(10, 2.0, 0), Point(20, 3.0, 0)], 100)
    11.0
    >>> extend_seconds([Point(10, 2.0, 0), Point(40, 5.0, 0, per_unit=0.1)], 100)
    11.0
    """
    first, last = points[0], points[-1]
    if last.units >= units:
        return last.seconds * (1 if last.units == units else units / last.units)
    if last.per_unit is None:
        return _line(_Pair(first.units, first.seconds), _Pair(last.units, last.seconds), units)
    few, many = (max(0.0, one.seconds - last.per_unit * one.units) for one in (first, last))
    if lends:
        at = [min(count, POOL) for count in (first.units, last.units, units)]
        many = _line(_Pair(at[0], few), _Pair(at[1], many), at[2])
    return many + last.per_unit * units


def extend_bytes(points: Sequence[Point], units: int) -> int:
    """Return the bytes of a step over ``units`` images, by what fewer of them and more took.

    >>> extend_bytes([Point(10, 0.0, 1000), Point(20, 0.0, 1500)], 100)
    5500
    """
    first, last = points[0], points[-1]
    if last.units == units:
        return last.bytes
    return round(_line(_Pair(first.units, first.bytes), _Pair(last.units, last.bytes), units))


@dataclass(frozen=True, slots=True)
class _Pair:
    units: int
    value: float


def _line(first: _Pair, last: _Pair, units: int) -> float:
    """Return the value at ``units`` of the line through both, which falls nowhere."""
    if last.units == first.units:
        return last.value
    slope = max(0.0, (last.value - first.value) / (last.units - first.units))
    return max(0.0, last.value - slope * last.units) + slope * units
