"""What steps told on the cluster, in its order, and before how they ended."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, Protocol

from rateval_ray.actors import Done
from rateval_ray.messages import Ended, Message, Raised, Told

_LOOK_S = 0.4
_PATIENCE_S = 5.0
"""Seconds that an end waits for what was told before; the hub may be lost."""


class Teller(Protocol):
    """What has the hub."""

    def take_told(self) -> Future[Any]:
        """Ask the hub what has come."""
        ...


class Hearing:
    """Messages of the hub passed on, and ends held back until all before them was."""

    def __init__(self, teller: Teller, say: Callable[[Message], object]) -> None:
        self._teller, self._say = teller, say
        self._asked: Future[Any] | None = None
        self._looked = 0.0
        self._heard: dict[str, int] = {}
        """Attempt at a step, to the messages of it that were passed on."""
        self._ends: dict[str, tuple[Done, Ended | Raised, float]] = {}
        self._forgotten: set[str] = set()

    def end(self, token: str, done: Done, end: Ended | Raised) -> None:
        """Pass on how an attempt ended, once all that it told was."""
        self._ends[token] = (done, end, time.monotonic())
        self._looked = 0.0
        self.look()

    def forget(self, token: str) -> None:
        """Pass on nothing more of an attempt that was lost."""
        self._forgotten.add(token)

    def look(self) -> None:
        """Pass on what has come; returns at once."""
        if self._asked is not None and self._asked.done():
            if self._asked.exception() is None:
                for message in self._asked.result():
                    self._pass_on(*message)
            self._asked = None
        now = time.monotonic()
        if self._asked is None and now - self._looked > _LOOK_S:
            self._looked = now
            self._asked = self._teller.take_told()
        for token, (done, end, since) in list(self._ends.items()):
            if self._heard.get(token, 0) >= done.told or now - since > _PATIENCE_S:
                self._say(Told(end.identity, done.events))
                self._say(end)
                del self._ends[token]
                self._heard.pop(token, None)
                self._forgotten.add(token)

    def _pass_on(self, token: str, number: int, events: Any) -> None:
        if token in self._forgotten or number != self._heard.get(token, 0):
            return
        ended = self._ends.get(token)
        if ended is not None and number >= ended[0].told:
            return  # its events come with the end
        self._heard[token] = number + 1
        self._say(Told(token.rpartition(":")[0], events))
