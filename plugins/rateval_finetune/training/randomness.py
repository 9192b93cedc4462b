"""Random streams that depend on nothing but what they are for."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

import torch


def derive_seed(*parts: int | str) -> int:
    """Make a seed below 2**63 of a study's seed and the names of what it is drawn for.

    >>> derive_seed(0, "order", 1) == derive_seed(0, "order", 1) != derive_seed(0, "order", 2)
    True
    """
    text = "/".join(map(str, parts))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


def make_generator(*parts: int | str) -> torch.Generator:
    """Make a generator on the CPU, so that every device sees the same draws."""
    return torch.Generator().manual_seed(derive_seed(*parts))


@contextmanager
def own_randomness(device: str) -> Iterator[None]:
    """Give torch's global generators, which dropout uses, back as they were."""
    place = torch.device(device)
    with torch.random.fork_rng([place] if place.type == "cuda" else []):
        yield
