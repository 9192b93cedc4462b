"""Splits told of what will be asked for soon, so that what lies elsewhere is on its way."""

from __future__ import annotations

from collections.abc import Sequence

from rateval.api.protocols import Split


def look_ahead(split: Split, indices: Sequence[int]) -> None:
    """Tell a split which samples will be asked for soon, if it has ``look_ahead`` to be told.

    It may begin to fetch them, and must return at once; what goes wrong shows when they are read.
    """
    ahead = getattr(split, "look_ahead", None)
    if ahead is not None:
        ahead(indices)
