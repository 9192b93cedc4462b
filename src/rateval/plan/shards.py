"""How large test splits are cut into shards, which are done one by one and kept meanwhile."""

from __future__ import annotations

from collections.abc import Iterator


def align(shard_size: int, batch_size: int) -> int:
    """Return the units of a shard: at least ``shard_size``, and whole batches.

    So a batch holds the same units whatever the size of shards, and gives the same bits.

    >>> align(512, 64), align(512, 100), align(2, 64)
    (512, 600, 64)
    """
    return -(-shard_size // batch_size) * batch_size


def cut(units: int, size: int) -> Iterator[range]:
    """Yield the shards of ``units`` units, each but the last of ``size``.

    >>> list(cut(5, 2))
    [range(0, 2), range(2, 4), range(4, 5)]
    """
    for start in range(0, units, size):
        yield range(start, min(start + size, units))


def count_shards(units: int, shard_size: int, batch_size: int) -> int:
    """Return the shards of a step over ``units``.

    >>> [count_shards(units, 512, 64) for units in (0, 512, 513, 1024, 1025)]
    [0, 1, 2, 2, 3]
    >>> count_shards(1000, 512, 300)
    2
    """
    return -(-units // align(shard_size, batch_size))
