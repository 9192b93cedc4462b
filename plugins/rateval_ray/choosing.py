"""Which step goes to which free worker."""

from __future__ import annotations

from collections.abc import Sequence


def match(wanted: Sequence[str | None], kept: Sequence[str | None]) -> list[tuple[int, int]]:
    """Return pairs (place of a step, place of a free worker), as many as there can be.

    ``wanted`` holds what each step that waits needs loaded, the longest wait first; ``kept`` what
    each free worker loaded last, the longest rest first. Steps go first to workers that have what
    they need; the others, in their order, to one that nothing is lost on, if there is one.

    >>> match(["a", "b", None], ["b", None])
    [(1, 0), (0, 1)]
    >>> match([None, "c"], ["a", None, "b"])
    [(0, 1), (1, 0)]
    """
    free = dict(enumerate(kept))
    pairs = []
    for place, affinity in enumerate(wanted):
        fits = [worker for worker, has in free.items() if affinity is not None and has == affinity]
        if fits:
            pairs.append((place, fits[0]))
            del free[fits[0]]
    settled = {place for place, _ in pairs}
    for place in range(len(wanted)):
        if place not in settled and free:
            # One that holds nothing goes first, so that what others hold stays.
            worker = next((worker for worker, has in free.items() if has is None), min(free))
            pairs.append((place, worker))
            del free[worker]
    return pairs
