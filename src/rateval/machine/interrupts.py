"""Interrupts that must not get lost: each Ctrl-C is remembered.

Python raises KeyboardInterrupt wherever the main thread happens to be. In a ``__del__``, in a
callback of a weak reference or in a hook that C code calls, nobody can catch it: Python says
"Exception ignored in …" and goes on. A thread pool that has ended runs such a callback, and
training makes a pool for each epoch. So a press is remembered as well as raised, and a long step
asks from time to time whether it missed one.
"""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

INTERRUPTED = 130
"""Exit code after Ctrl-C, as shells have it."""


class _Memory:
    # Not a threading.Event: its lock could be held by the very code that a signal interrupts.
    pressed = False


@contextmanager
def remembered_interrupts() -> Iterator[None]:
    """Remember each Ctrl-C within the context; it still raises KeyboardInterrupt, every time.

    Does nothing outside the main thread, or where somebody else handles or ignores the signal.
    """
    in_main = threading.current_thread() is threading.main_thread()
    if not in_main or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield
        return
    hook = sys.unraisablehook

    def report(unraisable: sys.UnraisableHookArgs) -> None:
        # A lost interrupt is raised again, so that nobody has to read of it.
        if not issubclass(unraisable.exc_type, KeyboardInterrupt):
            hook(unraisable)

    signal.signal(signal.SIGINT, _remember)
    sys.unraisablehook = report
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        sys.unraisablehook = hook
        _Memory.pressed = False


def raise_missed_interrupt() -> None:
    """Raise KeyboardInterrupt if Ctrl-C was pressed and the work goes on nevertheless."""
    if _Memory.pressed:
        raise KeyboardInterrupt


def _remember(number: int, frame: FrameType | None) -> None:
    _Memory.pressed = True
    raise KeyboardInterrupt
