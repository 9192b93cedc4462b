"""Shards are counted as they would be cut."""

from __future__ import annotations

from hypothesis import given, strategies as st

from rateval.plan.shards import count_shards


@given(st.integers(0, 3000), st.integers(1, 700), st.integers(1, 300))
def test_shards_are_as_many_as_are_cut(units: int, shard_size: int, batch_size: int) -> None:
    pieces: list[int] = []
    left = units
    while left and units > shard_size:
        piece = 0
        while piece < shard_size:
            piece += batch_size
        pieces.append(min(piece, left))
        left -= pieces[-1]
    expected = len(pieces) if units > shard_size else int(units > 0)
    assert count_shards(units, shard_size, batch_size) == expected
