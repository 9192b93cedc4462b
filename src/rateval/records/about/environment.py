"""What ``run.json`` says of the software and hardware of a run."""

from __future__ import annotations

from pydantic import Field

from rateval.records.base import Record


class GitRecord(Record):
    """The state of a checkout."""

    revision: str
    dirty: bool
    """True when tracked files differ from the revision."""


class EnvironmentRecord(Record):
    """The software and hardware of a run."""

    python: str
    platform: str
    processor: str
    cores: int
    threads: int
    """Threads that torch computes with."""
    readers: int | None = None
    """Threads that read images ahead; with ``run.readers = "auto"``, processes that work side by
    side share them. Null in records from before it was kept."""
    device: str
    """Resolved device, such as ``cpu`` or ``cuda:0 (NVIDIA H100)``."""
    distributions: dict[str, str]
    """Name to version of every distribution that was imported."""
    files: dict[str, str] = Field(default_factory=dict)
    """Path of each Python file that a component is from to the digest of its bytes."""
    git: GitRecord | None
    """Checkout that the spec lies in, if any."""
