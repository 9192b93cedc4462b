"""Changes under shifts and relative errors, as tables and sentences write them."""

from __future__ import annotations

from rateval.records.scores.comparisons import DifferenceRecord
from rateval.records.scores.shifts import MeanErrorRecord, RelativeErrorRecord


def write_mean(mean: MeanErrorRecord) -> str:
    """Return a mean of relative errors in percent, with how many types it is of.

    >>> write_mean(MeanErrorRecord(value=0.9, low=0.85, high=0.95, types=18, of=19))
    '90.0 (85.0 to 95.0; 18 of 19 types)'
    """
    types = f"{mean.types} of {mean.of} types"
    if mean.value is None:
        return f"undefined ({types})"
    ends = write_ends(mean)
    return f"{100 * mean.value:.1f} ({f'{ends}; ' if ends else ''}{types})".replace("-", "−")


def write_ends(found: RelativeErrorRecord) -> str:
    """Return an interval in percent; empty where there is none, or it is a point."""
    if found.low is None or found.high is None or found.low == found.high:
        return ""
    return f"{100 * found.low:.1f} to {100 * found.high:.1f}".replace("-", "−")


def write_difference(change: DifferenceRecord) -> str:
    """Return a difference in points with its interval.

    >>> few = {"metric": "pt", "p": 0.01, "p_corrected": None, "few": False, "over": "images"}
    >>> write_difference(DifferenceRecord(value=-0.2, low=-0.3, high=-0.1, **few))
    '−20.0 (−30.0 to −10.0)'
    """
    return write_points(change) + write_bounds(change)


def write_points(change: DifferenceRecord) -> str:
    """Return a difference in points, with its sign."""
    points = round(100 * change.value, 1)
    return f"{points:+.1f}".replace("-", "−") if points else "±0.0"


def write_bounds(change: DifferenceRecord) -> str:
    """Return the interval of a difference in points, to follow it; nothing where there is none."""
    if change.low is None or change.high is None:
        return ""
    low, high = (round(100 * end, 1) + 0.0 for end in (change.low, change.high))
    sign = "+" if low < 0 < high else ""
    return f" ({low:.1f} to {high:{sign}.1f})".replace("-", "−")


def mark(change: DifferenceRecord) -> str:
    """Return an arrow where the interval of a difference leaves out 0, else a blank."""
    if not change.excludes_0:
        return " "
    return "↑" if change.value > 0 else "↓"
