"""What the run's process and the one that speaks to the cluster say to each other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Event = tuple[Literal["begin"], int] | tuple[Literal["advance"], int, str]
"""What a step told its monitor: a method and its arguments."""


@dataclass(frozen=True, slots=True)
class Ask:
    """What a worker asks of one node."""

    cpus: int
    gpus: float
    memory: int | None
    """Bytes; None for no word about it."""


@dataclass(frozen=True, slots=True)
class Orders:
    """All that is needed to reach a cluster and to make workers on it."""

    address: str | None
    folder: str
    """Of a cluster of its own: where it keeps its sockets and logs."""
    work: bytes
    """The pickled Work."""
    ask: Ask
    workers: int | None
    retries: int
    paths: tuple[str, ...]
    """Folders from which workers import besides their own."""


@dataclass(frozen=True, slots=True)
class Task:
    """A step as the cluster sees it."""

    identity: str
    payload: bytes
    """The pickled Step."""
    affinity: str | None
    """What is loaded for it."""
    ask: Ask | None = None
    """What it asks of one node if that is more than others ask."""


@dataclass(frozen=True, slots=True)
class Ready:
    """The cluster is there, with room for so many steps at once."""

    slots: int


@dataclass(frozen=True, slots=True)
class Told:
    """How far a step is."""

    identity: str
    events: tuple[Event, ...]


@dataclass(frozen=True, slots=True)
class Ended:
    """What the work returned for a step, pickled."""

    identity: str
    payload: bytes


@dataclass(frozen=True, slots=True)
class Raised:
    """What the work raised, pickled; it never should."""

    identity: str
    payload: bytes


@dataclass(frozen=True, slots=True)
class Failed:
    """A step that the cluster could not do, and why."""

    identity: str
    seconds: float
    reason: str


@dataclass(frozen=True, slots=True)
class Refused:
    """Why the run can't go on at all: what is wrong and what to do next."""

    reason: str


@dataclass(frozen=True, slots=True)
class Alive:
    """Nothing happened, and nothing hangs."""


Message = Alive | Ready | Told | Ended | Raised | Failed | Refused
"""What comes from the process that speaks to the cluster; it is sent steps, and None to end."""
