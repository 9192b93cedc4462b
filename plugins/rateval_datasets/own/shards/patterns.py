"""Names of shards: patterns with braces, and what they stand for."""

from __future__ import annotations

import re
from itertools import product

MOST = 100_000
"""Shards that a pattern may name."""
_BRACES = re.compile(r"\{([^{}]*)\}")
_RANGE = re.compile(r"(\d+)\.\.(\d+)")


def expand(pattern: str) -> list[str]:
    """Return the names that a pattern stands for, in its order, as shells and webdataset do.

    Raises ValueError where its braces are none, or stand for too many names.

    >>> expand("a-{008..010}.tar")
    ['a-008.tar', 'a-009.tar', 'a-010.tar']
    >>> expand("{train,val}-{0..1}.tar")
    ['train-0.tar', 'train-1.tar', 'val-0.tar', 'val-1.tar']
    """
    parts = _BRACES.split(pattern)
    if any(sign in text for text in parts[::2] for sign in "{}"):
        raise ValueError(
            f'"{pattern}": a brace stands alone or in another; write "name-{{000..012}}.tar" or '
            '"{one,two}.tar"'
        )
    choices = [_choices(part, pattern) for part in parts[1::2]]
    count = 1
    for names in choices:
        count *= len(names)
    if count > MOST:
        raise ValueError(f'"{pattern}": stands for {count:,} shards, of at most {MOST:,}')
    return [
        "".join(text + name for text, name in zip(parts[::2], (*chosen, ""), strict=True))
        for chosen in product(*choices)
    ]


def _choices(inside: str, pattern: str) -> list[str]:
    found = _RANGE.fullmatch(inside)
    if found is None:
        if "," not in inside:
            raise ValueError(
                f'"{pattern}": {{{inside}}} is no range such as {{000..012}}, and no list such as '
                "{one,two}"
            )
        return inside.split(",")
    first, last = int(found[1]), int(found[2])
    if first > last:
        raise ValueError(f'"{pattern}": {{{inside}}} counts down; give the lower number first')
    if last - first >= MOST:
        raise ValueError(f'"{pattern}": {{{inside}}} stands for more than {MOST:,} shards')
    width = len(found[1]) if found[1].startswith("0") else 0
    return [str(number).zfill(width) for number in range(first, last + 1)]
