"""Samples drawn such that rare kinds of them are seen first: the same ones wherever it is done."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rateval.data.drawing import digest


@dataclass(frozen=True, slots=True)
class Partition:
    """Samples divided into strata by one thing, such as a method's quadrants."""

    names: tuple[str, ...]
    """One per stratum."""
    codes: NDArray[np.int8]
    """(N,): the place of each sample's stratum among the names; negative for none."""


@dataclass(frozen=True, slots=True)
class Picked:
    """Samples that were drawn from strata."""

    places: list[int]
    """Of the samples, in the order in which they were drawn."""
    strata: list[str]
    """The stratum that each was drawn for."""
    chosen: dict[str, int]
    """Stratum to how many of its samples were drawn, for whichever; the rarest first."""
    there: dict[str, int]
    """Stratum to how many samples it has; those without any are left out."""


def pick(ids: Sequence[str], partitions: Sequence[Partition], count: int) -> Picked:
    """Draw ``count`` samples from the strata of all partitions, at most those that are in one.

    Next comes a stratum with samples left of which fewest were drawn so far, whatever they were
    drawn for; of several the rarest, then the first by name. It gives the sample whose id has the
    smallest digest. The order of samples and partitions never matters.

    >>> halves = Partition(("many", "one"), np.array([0, 0, 0, 1], dtype=np.int8))
    >>> picked = pick(["a", "b", "c", "d"], [halves], 2)
    >>> picked.strata, picked.places, picked.chosen
    (['one', 'many'], [3, 2], {'one': 1, 'many': 1})
    """
    by_digest = sorted(range(len(ids)), key=lambda at: digest(f"sample {ids[at]}"))
    strata = _Strata(partitions, np.array(by_digest, dtype=np.int64))
    places: list[int] = []
    names: list[str] = []
    while len(places) < count and (at := strata.next()) is not None:
        place = strata.take(at)
        places.append(place)
        names.append(strata.names[at])
    chosen, there = (
        dict(zip(strata.names, values.tolist(), strict=True))
        for values in (strata.drawn, strata.sizes)
    )
    return Picked(places, names, chosen, there)


class _Strata:
    """All strata that have samples, the rarest first, and what was drawn of them."""

    def __init__(self, partitions: Sequence[Partition], order: NDArray[np.int64]) -> None:
        self._partitions, self._order = partitions, order
        sizes = [
            np.bincount(one.codes[one.codes >= 0], minlength=len(one.names)) for one in partitions
        ]
        found = sorted(
            (int(size), one.names[code], number, code)
            for number, (one, counted) in enumerate(zip(partitions, sizes, strict=True))
            for code, size in enumerate(counted)
            if size
        )
        self.sizes = np.array([size for size, *_ in found], dtype=np.int64)
        self.names = [name for _, name, *_ in found]
        self._where = [(number, code) for *_, number, code in found]
        self._at = {where: at for at, where in enumerate(self._where)}
        self.drawn = np.zeros(len(found), dtype=np.int64)
        self._left: dict[int, list[int]] = {}
        self._taken: set[int] = set()

    def next(self) -> int | None:
        """Return the stratum whose turn it is; None when nothing is left."""
        left = np.flatnonzero(self.drawn < self.sizes)
        return int(left[np.argmin(self.drawn[left])]) if len(left) else None

    def take(self, at: int) -> int:
        """Draw a sample of a stratum that has some left."""
        if at not in self._left:
            number, code = self._where[at]
            members = self._order[self._partitions[number].codes[self._order] == code]
            self._left[at] = members[::-1].tolist()
        left = self._left[at]
        while (place := left.pop()) in self._taken:
            pass
        self._taken.add(place)
        for number, one in enumerate(self._partitions):
            code = int(one.codes[place])
            if code >= 0:
                self.drawn[self._at[number, code]] += 1
        return place
