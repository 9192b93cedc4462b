"""How many shards a step over a large test split falls into."""

from __future__ import annotations

SHARD_SIZE = 512
"""Images of a shard where a spec doesn't say."""


def count_shards(units: int, shard_size: int, batch_size: int) -> int:
    """Return the shards of a step over ``units``, which hold whole batches but for the last one.

    A step over no more than ``shard_size`` is one. A shard holds as many batches as it takes to
    reach ``shard_size``.

    >>> [count_shards(units, 512, 64) for units in (0, 512, 513, 1024, 1025)]
    [0, 1, 2, 2, 3]
    >>> count_shards(1000, 512, 300)
    2
    """
    if units <= shard_size:
        return int(units > 0)
    return -(-units // (-(-shard_size // batch_size) * batch_size))
