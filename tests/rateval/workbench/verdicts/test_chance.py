"""Pairs of masks and other images' maps, drawn by the digests of ids."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

from rateval.workbench.verdicts.chance import draw_pairs


def digest(name: str) -> bytes:
    return hashlib.sha256(f"rateval pairs {name}".encode("utf-8", "surrogatepass")).digest()


@pytest.mark.parametrize("count", [0, 1, 2, 500])
def test_the_circle_is_in_the_order_of_the_digests(count: int) -> None:
    ids = [f"{at:04}\udcff.png" for at in range(count)]
    circle = sorted(range(count), key=lambda at: digest(ids[at]))
    found = draw_pairs(ids, count)
    assert found.shape == (count if count > 1 else 0, 2)
    if count > 1:
        assert found[:, 0].tolist() == circle
        assert found[:, 1].tolist() == np.roll(circle, -1).tolist()


def test_digests_with_zeros_at_their_end_keep_their_order() -> None:
    # numpy drops these from text; one of 256 digests ends so.
    ids = [str(at) for at in range(3000)]
    assert any(digest(name).endswith(b"\0") for name in ids)
    circle = sorted(range(len(ids)), key=lambda at: digest(ids[at]))
    assert draw_pairs(ids, len(ids))[:, 0].tolist() == circle
