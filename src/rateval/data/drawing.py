"""Some of many samples, drawn by class and by digest: the same ones wherever that is done."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from heapq import nsmallest

_TEXT = "rateval draws"
"""Beginning of everything that is digested: with another one, other samples would be drawn."""


def draw(ids: Sequence[str], labels: Sequence[int], count: int) -> list[int]:
    """Return the positions, rising, of ``count`` samples in proportion to their classes.

    Each class with a sample is among them where ``count`` allows, as ``apportion`` has it. Within a
    class, digests of the ids decide; the order of the samples never matters.

    >>> draw(["a", "b", "c", "d", "e"], [0, 0, 0, 0, 1], 3)
    [2, 3, 4]
    """
    if count >= len(ids):
        return list(range(len(ids)))
    members: dict[int, list[int]] = {}
    for at, label in enumerate(labels):
        members.setdefault(label, []).append(at)
    shares = apportion({label: len(found) for label, found in members.items()}, count)
    digests = [_digest(f"sample {name}") for name in ids]
    return sorted(
        at
        for label, share in shares.items()
        for at in nsmallest(share, members[label], key=digests.__getitem__)
    )


def apportion(sizes: Mapping[int, int], count: int) -> dict[int, int]:
    """Divide ``count`` among classes in proportion to their sizes, by the largest remainders.

    A class whose part is below one gets one. With fewer to divide than classes, digests of the
    labels decide which classes get one. ``count`` is at most the sum of the sizes.

    >>> apportion({0: 60, 1: 39, 2: 1}, 10)
    {0: 5, 1: 4, 2: 1}
    """
    if count < len(sizes):
        return dict.fromkeys(sorted(sizes, key=_digest_class)[:count], 1)
    rest, single = dict(sizes), dict[int, int]()
    while True:
        total, left = sum(rest.values()), count - len(single)
        small = [label for label, size in rest.items() if left * size < total]
        if not small:
            break
        for label in small:
            single[label] = 1
            del rest[label]
    shares = {label: left * size // total for label, size in rest.items()}
    by_remainder = sorted(
        rest, key=lambda label: (-(left * rest[label] % total), _digest_class(label))
    )
    for label in by_remainder[: left - sum(shares.values())]:
        shares[label] += 1
    return shares | single


def _digest_class(label: int) -> bytes:
    return _digest(f"class {label}")


def _digest(text: str) -> bytes:
    # Names of files that are no valid Unicode reach us as surrogates.
    return hashlib.sha256(f"{_TEXT} {text}".encode("utf-8", "surrogatepass")).digest()
