"""How far a step is, on its way from a worker: a few messages a second, and nothing lost."""

from __future__ import annotations

import threading
from collections.abc import Callable

from rateval_ray.messages import Event

FLUSH_S = 0.4
"""Seconds between two messages about a step."""


def add_event(events: list[Event], event: Event) -> None:
    """Add what a step told to what it told before; samples that follow each other make one event.

    An advance without samples is a line of its own, and stays one.

    >>> events = []
    >>> for event in ("begin", 9), ("advance", 1, "a"), ("advance", 2, "b"), ("advance", 0, "c"):
    ...     add_event(events, event)
    >>> events
    [('begin', 9), ('advance', 3, 'b'), ('advance', 0, 'c')]
    """
    before = events[-1] if events else None
    if before is not None and before[0] == "advance" == event[0] and before[1] > 0 and event[1] > 0:
        events[-1] = ("advance", before[1] + event[1], event[2] or before[2])
    else:
        events.append(event)


class TellingMonitor:
    """A monitor that sends on what it is told, from a thread of its own, now and then.

    ``send`` gets the number of the message and its events; it returns whether they arrived. What
    did not is kept, and ``close`` returns it.
    """

    def __init__(self, send: Callable[[int, tuple[Event, ...]], bool]) -> None:
        self._send = send
        self._events: list[Event] = []
        self._lock = threading.Lock()
        self._something, self._closing = threading.Event(), threading.Event()
        self._sent = 0
        self._works = True
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def begin(self, total: int) -> None:
        """Send the number of samples."""
        self._add(("begin", int(total)))

    def advance(self, samples: int, note: str = "") -> None:
        """Send the number of samples that are done."""
        self._add(("advance", int(samples), str(note)))

    def close(self) -> tuple[int, tuple[Event, ...]]:
        """Return how many messages have arrived, and the events that are in none of them."""
        self._closing.set()
        self._something.set()
        self._thread.join()
        return self._sent, tuple(self._events)

    def _add(self, event: Event) -> None:
        with self._lock:
            add_event(self._events, event)
        self._something.set()

    def _run(self) -> None:
        while not self._closing.is_set():
            self._something.wait()
            self._something.clear()
            if self._works and not self._closing.is_set():
                self._flush()
                self._closing.wait(FLUSH_S)

    def _flush(self) -> None:
        with self._lock:
            events, self._events = self._events, []
        if not events:
            return
        if self._send(self._sent, tuple(events)):
            self._sent += 1
            return
        self._works = False  # whether they arrived is not known, and is asked no more
        with self._lock:
            self._events = [*events, *self._events]
