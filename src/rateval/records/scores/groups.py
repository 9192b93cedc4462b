"""What run.json says of the groups that a dataset puts its images in: a camera, a site."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import (
    SerializationInfo,
    SerializerFunctionWrapHandler,
    field_serializer,
    field_validator,
)

from rateval.records.base import Record
from rateval.records.scores.estimate import Estimate, estimate_share

MOST_VALUES = 50
"""Different values that a group has at most: what has more of them names images, it is no group."""


class SliceRecord(Record):
    """One score of the images that have one value of a group."""

    value: str | None
    """Null for the images of which it is not known."""
    count: int | float
    """Images that have it; mean over the seeds."""
    score: Estimate


class GroupRecord(Record):
    """One score by one of the dataset's groups."""

    name: str
    """Such as ``camera``."""
    distinct: int
    """Different values that are known; the most of any seed."""
    slices: tuple[SliceRecord, ...]
    """One per value, in their order, the unknown one last; empty where there are so many that they
    rather name the images. JSON has a list per field of them, as there is a group for each metric
    of each validator of each cell."""

    @field_serializer("slices", mode="wrap")
    def _put_in_columns(
        self,
        slices: Sequence[SliceRecord],
        handler: SerializerFunctionWrapHandler,
        info: SerializationInfo,
    ) -> Any:
        return _to_columns(slices) if info.mode == "json" else handler(slices)

    @field_validator("slices", mode="before")
    @classmethod
    def _take_from_columns(cls, given: Any) -> Any:
        return _from_columns(given) if isinstance(given, dict) else given


_SHARE = ("numerator", "denominator")
"""What a share and its interval are made from."""


def _to_columns(slices: Sequence[SliceRecord]) -> dict[str, Any]:
    scores = [part.score for part in slices]
    shares = all(
        score.numerator is not None
        and score.denominator is not None
        and score == estimate_share(score.numerator, score.denominator)
        for score in scores
    )
    fields = _SHARE if shares else tuple(Estimate.model_fields)
    return {
        "value": [part.value for part in slices],
        "count": [part.count for part in slices],
        "score": {name: [getattr(score, name) for score in scores] for name in fields},
    }


def _from_columns(given: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the slices of columns. Raises ValueError, as validators may, when they don't fit."""
    try:
        score = dict(given["score"])
        whole = [dict(zip(score, row, strict=True)) for row in zip(*score.values(), strict=True)]
        if tuple(score) == _SHARE:
            whole = [estimate_share(**row).model_dump() for row in whole]
        rows = zip(given["value"], given["count"], whole, strict=True)
        return [{"value": value, "count": count, "score": one} for value, count, one in rows]
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise ValueError(f"columns of a group's slices that don't fit: {error}") from None
