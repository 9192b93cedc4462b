"""Work behind the training: when it is worth its time, and the thread that does it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

Clock = Callable[[], float]
"""Seconds since some moment."""

APART = 50
"""How many times as long as a state takes to be kept must pass before the next one is."""
DISK, MEMORY = 200e6, 2e9
"""Bytes a second at which the first state is taken to be kept; later ones take as long as those
before."""


class Pace:
    """When to keep a state: so seldom that it takes 2 % of the time at most.

    >>> now = [0.0]
    >>> pace = Pace(lambda: now[0])
    >>> pace.is_due(10**9)  # taken to last 5 seconds
    False
    >>> now[0] = 250.0
    >>> pace.is_due(10**9)
    True
    """

    def __init__(self, clock: Clock = time.monotonic, bytes_per_s: float = DISK) -> None:
        self._clock, self._bytes_per_s = clock, bytes_per_s
        self._begun = self._kept = clock()
        self._took: float | None = None

    def is_due(self, size: int, *, last: bool = False) -> bool:
        """Return whether to keep a state of ``size`` bytes now.

        The ``last`` one of a training is kept if the whole of it took long enough for one.
        """
        cost = size / self._bytes_per_s if self._took is None else self._took
        since = self._begun if last else self._kept
        return self._clock() - since >= APART * cost

    def timed(self, work: Callable[[], None]) -> None:
        """Keep a state by calling ``work``, and remember how long that took."""
        begun = self._clock()
        work()
        self._kept = self._clock()
        self._took = self._kept - begun


class Behind:
    """One piece of work at a time in a thread of its own.

    A process that is killed or leaves does not wait for it.
    """

    def __init__(self) -> None:
        self._thread: threading.Thread | None = None
        self._error: BaseException | None = None

    @property
    def is_busy(self) -> bool:
        """Whether there is work that has not ended."""
        return self._thread is not None and self._thread.is_alive()

    def start(self, work: Callable[[], None]) -> None:
        """Begin to work, once the work before has ended. Raises what that raised."""
        self.finish()

        def run() -> None:
            try:
                work()
            except BaseException as error:
                self._error = error

        self._thread = threading.Thread(target=run, name="keeps a training's state", daemon=True)
        self._thread.start()

    def require_success(self) -> None:
        """Raise what work that has ended raised, once."""
        if self._error is not None and not self.is_busy:
            error, self._error = self._error, None
            raise error

    def finish(self) -> None:
        """Wait for the work to end. Raises what it raised, once."""
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        self.require_success()
