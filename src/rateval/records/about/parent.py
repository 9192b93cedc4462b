"""What a run says of the run whose stored results it scores anew, and takes over from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rateval.records.about.dataset import DatasetRecord
from rateval.records.base import Record
from rateval.records.step import FailureRecord


class ParentRecord(Record):
    """The run whose predictions, maps and answers were judged and counted anew."""

    path: str
    """Its folder, as it was given."""
    started: str
    """UTC, ISO 8601."""
    digest: str
    """sha256 of its ``run.json``, in hex."""
    spec_name: str
    """As the parent's own: the spec's file, or the function that was called without one."""
    asked: tuple[str, ...] = ()
    """The options of ``rateval score`` that made this run; empty for a call from Python."""


@dataclass(frozen=True, slots=True)
class Basis:
    """What a run takes over from its parent, as its own record tells it."""

    parent: ParentRecord
    entries: Mapping[str, Sequence[Mapping[str, Any]]]
    """Tables of the resolved spec that are taken as they are."""
    datasets: tuple[DatasetRecord, ...]
    failures: tuple[FailureRecord, ...]
    """What went wrong before anything was judged."""
