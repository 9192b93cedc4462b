"""What was found out about an installation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Device:
    """A device, and the formats that it computes in."""

    name: str
    hardware: str
    memory: int | None
    """Its own bytes; None for a processor, and where they aren't told."""
    precisions: tuple[str, ...]
    """In which it computes at least as fast as in float32."""
    broken: str | None
    """Why one product of two numbers failed there; None when it went well."""


@dataclass(frozen=True, slots=True)
class Library:
    """A distribution that rateval or one of its extras asks for."""

    name: str
    version: str | None
    """None when it isn't installed."""
    wanted: str
    """Versions that are asked for; empty where any will do."""
    fits: bool
    """Whether the version is one of those; False when it isn't installed."""


@dataclass(frozen=True, slots=True)
class Extra:
    """An extra of rateval: libraries that some of its components need."""

    name: str
    libraries: tuple[Library, ...]

    @property
    def lacking(self) -> tuple[str, ...]:
        """What isn't installed, or has a version that isn't wanted."""
        return tuple(one.name for one in self.libraries if not one.fits)


@dataclass(frozen=True, slots=True)
class Place:
    """A folder that fills up: a cache, or the runs."""

    what: str
    path: str
    there: bool
    bytes: int
    """Of its files; at least so many where not all were ``counted``."""
    counted: bool
    free: int | None
    """Bytes that are free on its disk; None where nobody can tell."""
    writable: bool


@dataclass(frozen=True, slots=True)
class Plugins:
    """The plugins and components that were found."""

    working: tuple[str, ...]
    slow: tuple[str, ...]
    usable: int
    """Components that have all they need."""
    lacking: Mapping[str, str]
    """Kind and name of each other one, to what it lacks."""


@dataclass(frozen=True, slots=True)
class Examination:
    """All that was found out."""

    version: str
    python: str
    executable: str
    platform: str
    torch: str | None
    """None where it can't be imported."""
    threads: int | None
    devices: tuple[Device, ...]
    required: tuple[Library, ...]
    extras: tuple[Extra, ...]
    plugins: Plugins | None
    """None where they contradict one another, so that no command would start."""
    places: tuple[Place, ...]
    problems: tuple[str, ...]
    """What was asked to work and doesn't, each with what to do."""
