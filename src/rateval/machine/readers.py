"""How many threads read images: as asked for, or as many as this process may use cores."""

from __future__ import annotations

import os
from typing import Literal

MOST = 8
"""Readers at most where nobody asks for a number: a model is seldom quicker than so many."""


class _Sharing:
    """How many processes of this computer the run is divided among."""

    processes = 1


def share_cores(processes: int) -> None:
    """Leave this process its share of the cores, as one of so many that work side by side."""
    _Sharing.processes = processes


def resolve_readers(asked: int | Literal["auto"]) -> int:
    """Return the readers of this process: ``asked``, or as many as it has cores, at most ``MOST``.

    >>> resolve_readers(3), 1 <= resolve_readers("auto") <= MOST
    (3, True)
    """
    if asked != "auto":
        return asked
    return max(1, min(count_cores(), MOST) // _Sharing.processes)


def share_readers(asked: int | Literal["auto"], readers: int, processes: int) -> int:
    """Return the readers of each of ``processes``, which take the place of one with ``readers``.

    >>> share_readers("auto", 8, 3), share_readers("auto", 1, 2), share_readers(4, 4, 2)
    (2, 1, 4)
    """
    return max(1, readers // processes) if asked == "auto" else asked


def limit_threads(asked: int) -> int:
    """Return the threads that this process computes with: ``asked``, or its share of the cores.

    More than there are cores spin on one another's.

    >>> limit_threads(1)
    1
    """
    return max(1, min(asked, count_cores() // _Sharing.processes))


def count_cores() -> int:
    """Return the cores that this process may use: a scheduler or ``taskset`` may leave it few."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # where the system doesn't tell
        return os.cpu_count() or 1
