"""What several methods of a study need alike, kept as far as memory is given for it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Generic, Protocol, TypeVar


class Sized(Protocol):
    """Something that knows the bytes that it takes in memory."""

    @property
    def nbytes(self) -> int:
        """Bytes that it takes in memory."""
        ...


_T = TypeVar("_T", bound=Sized)


class Kept(Generic[_T]):
    """Series of things by the names of what determines them, as far as they fit into ``limit``.

    A study asks for its tests in turn, and for all of them once more by its next method. So what
    was used last goes first, except for the newest: were it the oldest, each would have gone by the
    time that it is asked for again. Where the ``group`` is another one, all of the last has gone.

    >>> kept: Kept[memoryview] = Kept(limit=5)
    >>> [one.nbytes for one in kept.each("a", map(memoryview, (b"12", b"3")))]
    [2, 1]
    >>> [one.nbytes for one in kept.each("a", iter(()))]  # kept, so that nothing is made again
    [2, 1]
    >>> [one.nbytes for one in kept.each("b", [memoryview(b"123456")])]  # more than is kept
    [6]
    >>> list(kept.each("b", []))
    []
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._group = ""
        self._kept: dict[str, list[_T]] = {}
        """In the order of their last use."""

    def each(self, name: str, made: Iterable[_T], group: str = "") -> Iterator[_T]:
        """Yield what is kept by a name, else what is ``made``, which is kept once it all was."""
        if group != self._group:
            self._group = group
            self._kept.clear()
        found = self._kept.pop(name, None)
        if found is not None:
            self._kept[name] = found
            yield from found
            return
        gathered: list[_T] = []
        size = 0
        for one in made:
            size += one.nbytes
            if size <= self._limit:
                gathered.append(one)
            else:
                gathered.clear()
            yield one
        if size <= self._limit:
            self._make_room(self._limit - size)
            self._kept[name] = gathered

    def _make_room(self, left: int) -> None:
        sizes = {name: sum(one.nbytes for one in series) for name, series in self._kept.items()}
        while sum(sizes.values()) > left:
            name, _ = self._kept.popitem()
            del sizes[name]
