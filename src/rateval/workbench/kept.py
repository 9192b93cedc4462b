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
    """Series of things by the names of what determines them, the latest that fit into ``limit``.

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
        self._kept: dict[str, list[_T]] = {}

    def each(self, name: str, made: Iterable[_T]) -> Iterator[_T]:
        """Yield what is kept by a name, else what is ``made``, which is kept once it all was."""
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
            self._kept[name] = gathered
            self._forget()

    def _forget(self) -> None:
        sizes = {name: sum(one.nbytes for one in series) for name, series in self._kept.items()}
        for name in list(self._kept):
            if sum(sizes.values()) <= self._limit:
                return
            del self._kept[name], sizes[name]
