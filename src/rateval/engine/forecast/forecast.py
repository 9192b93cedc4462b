"""What a run would do, take and keep, as values that can be printed or written as JSON."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class StageForecast:
    """The steps of one stage."""

    stage: str
    steps: int
    """Of the cells that are asked for."""
    stored: int
    """Steps whose result is there and would be reused."""
    to_do: int
    units: int
    """Images that the steps to do go over, all together; of trainings once, whatever the epochs."""
    shards: int | None
    """Pieces of work that the steps to do fall into; None where a step is one piece."""
    bytes: int | None
    """That would be stored; None is not known."""
    bytes_whole: bool
    """Whether that is all; else it is the least."""
    seconds: float | None
    """Of all steps to do, one after the other; None is not known."""
    seconds_whole: bool
    """Whether that is all; else it is the least."""
    why: str
    """Why something is not known; empty where everything is."""


@dataclass(frozen=True, slots=True)
class Peak:
    """Memory that was held at most."""

    model: str
    doing: str
    bytes: int


@dataclass(frozen=True, slots=True)
class Measured:
    """What a trial says of the whole run."""

    device: str
    threads: int
    """Threads that torch computes with in each worker."""
    workers: int
    devices: int | None
    """None where steps share the cores."""
    work: float
    """Seconds of all steps to do, one after the other, with loading each model once."""
    wall: float
    """Seconds of the run by ``workers``."""
    least: float
    """Seconds that no number of workers, or no order, can go below."""
    whole: bool
    """Whether every step was measured; else these are the least."""
    longest: str
    """Label of the longest step that cannot be spread over workers."""
    longest_seconds: float
    peaks: tuple[Peak, ...]
    available: int | None
    """Bytes of memory that steps may hold; None where nobody tells."""
    trial: float
    """Seconds that the trial took."""
    unfinished: int
    """Bytes that trainings in work keep on disk at most, until they are done."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """What a run would do, take and keep."""

    study: str
    grid: str
    cells: int
    selected: int
    """Cells that are asked for."""
    stages: tuple[StageForecast, ...]
    bytes: int
    bytes_whole: bool
    """Whether that is all; else it is the least."""
    free: int
    """Bytes on the disk of the output."""
    output: str
    measured: Measured | None
    risks: tuple[str, ...]
