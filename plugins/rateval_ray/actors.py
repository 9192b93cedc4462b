"""What lives on the cluster: workers that do steps, and the one that hears how far they are."""

from __future__ import annotations

import os
import pickle
import traceback
from dataclasses import dataclass
from typing import Any, Literal

from rateval_ray.messages import Event
from rateval_ray.telling import TellingMonitor

_PATIENCE_S = 10.0
"""How long a message about a step may take before no more are sent."""


@dataclass(frozen=True, slots=True)
class Done:
    """What a worker returns for a step."""

    kind: Literal["ended", "raised"]
    payload: bytes
    """The pickled StepEnd, or what was raised."""
    told: int
    """Messages about it that the hub has got."""
    events: tuple[Event, ...]
    """What the step told last, which the hub has not got."""


class Hub:
    """An actor that keeps what workers tell until the run's process takes it."""

    def __init__(self) -> None:
        self._told: list[tuple[str, int, tuple[Event, ...]]] = []

    def tell(self, token: str, number: int, events: tuple[Event, ...]) -> None:
        """Keep a message about a step's attempt."""
        self._told.append((token, number, events))

    def take(self) -> list[tuple[str, int, tuple[Event, ...]]]:
        """Return what has come since the last time."""
        told, self._told = self._told, []
        return told


class StepActor:
    """An actor that does steps, one by one, and keeps what it loaded for them."""

    def __init__(self, work: bytes, hub: Any) -> None:
        self._work, self._hub = pickle.loads(work), hub  # noqa: S301 - the run's own

    def greet(self) -> str:
        """Say that it can take a step, and in which process."""
        return f"{os.uname().nodename}:{os.getpid()}"

    def do(self, payload: bytes, token: str) -> Done:
        """Do a pickled step; what the work raises is returned, so that it looks like no loss."""
        monitor = TellingMonitor(lambda number, events: self._tell(token, number, events))
        kind: Literal["ended", "raised"] = "ended"
        try:
            result = pickle.dumps(self._work(pickle.loads(payload), monitor))  # noqa: S301
        except BaseException as error:
            kind, result = "raised", pickle_error(error)
        return Done(kind, result, *monitor.close())

    def _tell(self, token: str, number: int, events: tuple[Event, ...]) -> bool:
        import ray

        try:
            ray.get(self._hub.tell.remote(token, number, events), timeout=_PATIENCE_S)
        except Exception:  # progress is for the eye: its loss must end no step
            return False
        return True


def pickle_error(error: BaseException) -> bytes:
    """Return an error pickled, with its traceback as a note; in words where it can't be.

    >>> pickle.loads(pickle_error(ValueError("boom")))
    ValueError('boom')
    """
    trace = "".join(traceback.format_exception(error))
    try:
        error.add_note(trace)
        pickled = pickle.dumps(error)
        pickle.loads(pickled)  # noqa: S301 - made a line above; many can't be made again
    except Exception:
        return pickle.dumps(RuntimeError(trace))
    return pickled
