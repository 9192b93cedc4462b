"""Memory that a process keeps once it has freed it, for the batches to come."""

from __future__ import annotations

import ctypes
import os
import sys

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # numbers of malloc.h
_KEPT = 2**31 - 1
_FROM_HEAP = 2**30


def keep_freed_memory() -> None:
    """Let this process keep up to 2 GB that it frees, where the GNU C library says how.

    By itself that gives large blocks back at once, and each batch pays anew for every page of the
    next ones. Who has chosen otherwise by the environment is left alone, and other systems are.
    """
    chosen = ("MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_", "GLIBC_TUNABLES", "LD_PRELOAD")
    if sys.platform != "linux" or any(name in os.environ for name in chosen):
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_MMAP_THRESHOLD, _FROM_HEAP)
        mallopt(_TRIM_THRESHOLD, _KEPT)
