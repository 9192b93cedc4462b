"""Attributes of a photo and its objects as the groups that it is in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

_NO_GROUPS = frozenset(
    {"id", "frame", "score", "username", "track_id", "keyframe", "outside", "box_id", "is_crowd"}
)
"""Attributes by which tools keep their books."""


def groups_of(tables: Iterable[Mapping[str, Any]]) -> dict[str, str | None]:
    """Return attributes of a photo, its label and its objects; None where they contradict.

    >>> groups_of([{"site": "north", "worn": True}, {"worn": False, "score": 0.3}])
    {'site': 'north', 'worn': None}
    """
    found: dict[str, set[str]] = {}
    for table in tables:
        for key, value in table.items():
            if key not in _NO_GROUPS and isinstance(value, str | bool | int | float):
                text = str(value).lower() if isinstance(value, bool) else str(value)
                found.setdefault(str(key), set()).add(text)
    return {key: values.pop() if len(values) == 1 else None for key, values in found.items()}
