"""Some of many samples, drawn by class and by digest: the same ones wherever that is done."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from heapq import nsmallest

_TEXT = "rateval draws"
"""Beginning of everything that is digested: with another one, other samples would be drawn."""


def draw(
    ids: Sequence[str],
    labels: Sequence[int],
    count: int,
    shares_of: Callable[[Mapping[int, int], int], dict[int, int]] | None = None,
) -> list[int]:
    """Return the positions, rising, of ``count`` samples: as many of each class as ``shares_of``.

    That is ``apportion``, in proportion to the classes, unless something else is given. Within a
    class, digests of the ids decide; the order of the samples never matters.

    >>> draw(["a", "b", "c", "d", "e"], [0, 0, 0, 0, 1], 3)
    [2, 3, 4]
    """
    if count >= len(ids):
        return list(range(len(ids)))
    members: dict[int, list[int]] = {}
    for at, label in enumerate(labels):
        members.setdefault(label, []).append(at)
    sizes = {label: len(found) for label, found in members.items()}
    shares = (shares_of or apportion)(sizes, count)
    digests = [digest(f"sample {name}") for name in ids]
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


def level(sizes: Mapping[int, int], count: int) -> dict[int, int]:
    """Divide ``count`` among classes equally; one that is smaller than its part gives all it has.

    The parts differ by one where it doesn't come out even; digests of the labels decide, then and
    with fewer to divide than classes. ``count`` is at most the sum of the sizes.

    >>> level({0: 60, 1: 39, 2: 1}, 10)
    {0: 5, 1: 4, 2: 1}
    """
    rest, left, whole = dict(sizes), count, dict[int, int]()
    while small := [label for label, size in rest.items() if size * len(rest) <= left]:
        for label in small:
            whole[label] = rest.pop(label)
            left -= whole[label]
    part, over = divmod(left, max(1, len(rest)))
    ones = set(sorted(rest, key=_digest_class)[:over])
    shares = {label: part + (label in ones) for label in rest}
    return {label: share for label, share in (shares | whole).items() if share}


def _digest_class(label: int) -> bytes:
    return digest(f"class {label}")


def digest(text: str) -> bytes:
    """Return what decides which samples are drawn."""
    # Names of files that are no valid Unicode reach us as surrogates.
    return hashlib.sha256(f"{_TEXT} {text}".encode("utf-8", "surrogatepass")).digest()
