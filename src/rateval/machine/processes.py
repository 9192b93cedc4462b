"""What processes that work for this one have in common: their end, and their progress."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable
from typing import Any, Literal

from rateval.api.training import Monitor

POLL_S = 0.2
"""Seconds between two looks at what processes send."""

Progress = tuple[Literal["begin"], int] | tuple[Literal["advance"], int, str]
"""What a process sends about a step: a method of ``Monitor`` and its arguments."""


def serve_parent() -> None:
    """Make this spawned process deaf to Ctrl-C, and let it end as soon as its parent is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent ends this process
    threading.Thread(target=end_with_parent, daemon=True).start()


def end_with_parent() -> None:
    """Wait for the parent to end, then end this process at once."""
    # A parent that is killed ends nobody, and the others would work on for nothing.
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def share_threads(processes: int) -> None:
    """Leave this process its share of the threads that it would compute with alone."""
    import torch

    torch.set_num_threads(max(1, torch.get_num_threads() // processes))


class TellingMonitor:
    """A monitor in one process that sends to another one, which passes it on to a real one."""

    def __init__(self, send: Callable[[Progress], object]) -> None:
        self._send = send

    def begin(self, total: int) -> None:
        """Send the number of samples."""
        self._send(("begin", total))

    def advance(self, samples: int, note: str = "") -> None:
        """Send the number of samples that are done."""
        self._send(("advance", samples, note))


def pass_on(monitor: Monitor, kind: str, *values: Any) -> bool:
    """Show a monitor what a process sent; return False when that was no progress."""
    if kind == "begin":
        monitor.begin(*values)
    elif kind == "advance":
        monitor.advance(*values)
    else:
        return False
    return True
