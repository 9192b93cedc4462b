"""The groups that a split puts its samples in: what reports slice by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

from rateval.api.protocols import Split
from rateval.wording import list_some

Groups = Mapping[str, Sequence[str | None]]
"""Name to one value per sample, in the order of the split; None where it is not known."""

LONGEST_NAME = 64
"""Characters of a group's name at most: it heads a table."""


def list_groups(split: Split) -> Groups:
    """Return the groups of a split that has some, as a ``rateval.api.ListedSplit`` does; else {}.

    They are those of a checked split, or of a part of one: nothing is checked here.
    """
    return cast("Groups", getattr(split, "groups", None) or {})


def find_group_fault(groups: object, count: int) -> tuple[str, str] | None:
    """Return what the groups of ``count`` samples must do that they don't, and what was got.

    >>> find_group_fault({"camera": ["a", None]}, 2)
    >>> find_group_fault({"camera": ["a"]}, 2)
    ("list as many values of the group 'camera' as samples", '1')
    """
    if not isinstance(groups, Mapping):
        return "have groups that are a mapping of names to values", type(groups).__name__
    odd = [repr(name) for name in groups if not _is_name(name)]
    if odd:
        asked = f"name its groups by one line of text of 1 to {LONGEST_NAME} characters"
        return asked, list_some(odd)
    for name, values in groups.items():
        if isinstance(values, str) or not isinstance(values, Sequence):
            return f"list the values of the group {name!r}", type(values).__name__
        if len(values) != count:
            return f"list as many values of the group {name!r} as samples", f"{len(values)}"
        wrong = [repr(value)[:80] for value in _find_distinct(values) if not _is_value(value)]
        if wrong:
            return f"give text or None as values of the group {name!r}", list_some(wrong)
    return None


def _find_distinct(values: Sequence[object]) -> list[object]:
    try:
        return list(dict.fromkeys(values))
    except TypeError:  # what can't be hashed is no text either
        return [value for value in values if not isinstance(value, str)]


def _is_name(name: object) -> bool:
    if not isinstance(name, str) or not name.strip() or len(name) > LONGEST_NAME:
        return False
    return _is_value(name) and len(name.splitlines()) == 1


def _is_value(value: object) -> bool:
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError:  # half of a pair, which no file can hold
            return False
        return True
    return value is None
