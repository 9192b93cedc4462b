"""A run's folder: its record, a line for each step, and the tracebacks of those that failed."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from rateval.api.training import Monitor
from rateval.records.run import LOG_NAME, STEPS_NAME, RunRecord
from rateval.records.step import Step
from rateval.store.disk import writing
from rateval.store.remote.runs import Publisher

INTERVAL_S = 10.0
"""Seconds between two writings of the record while steps are done."""
_SHARE = 20
"""How many times longer than the last writing took the next one waits at least."""


class Journal:
    """What is written while a run goes on, so that one which dies is still a run.

    ``make_record`` returns the record as it is at the moment, ``spec`` is the text of the spec's
    copy. Raises StudyError when the folder cannot be written to.
    """

    def __init__(self, folder: Path, make_record: Callable[[], RunRecord], spec: str = "") -> None:
        self.folder = folder
        self._spec = spec
        self._make_record = make_record
        self._next = 0.0
        self._publisher = Publisher(folder)
        self.save()

    def save(self) -> RunRecord:
        """Write the record as it is now, in place of the one before."""
        clock = time.monotonic()
        record = self._make_record()
        with writing(self.folder):
            record.save(self.folder, self._spec)
        self.publish()
        now = time.monotonic()
        self._next = now + max(INTERVAL_S, _SHARE * (now - clock))
        return record

    def publish(self) -> None:
        """Upload what changed in the folder, where the output is a URL."""
        self._publisher.publish()

    def save_now_and_then(self) -> None:
        """Write the record if some time has passed since it was written last."""
        if time.monotonic() >= self._next:
            self.save()

    def note(self, step: Step, status: str, seconds: float, error: str | None = None) -> None:
        """Append a line about a step that ended: done, reused, failed, or dropped."""
        line = {
            "at": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "stage": step.stage,
            "label": step.label,
            "identity": step.identity,
            "status": status,
            "seconds": seconds,
        }
        self._append(STEPS_NAME, json.dumps(line | ({"error": error} if error else {})) + "\n")

    def log(self, step: Step, traceback: str) -> None:
        """Append the traceback of a step that failed."""
        self._append(LOG_NAME, f"{step.stage} {step.label} ({step.identity})\n{traceback}\n")

    def _append(self, name: str, text: str) -> None:
        with (
            writing(self.folder),
            (self.folder / name).open("a", encoding="utf-8", errors="backslashreplace") as file,
        ):
            file.write(text)


class SavingMonitor:
    """A monitor in whose calls the record is written now and then: a step may take for ever."""

    def __init__(self, monitor: Monitor, journal: Journal) -> None:
        self._monitor, self._journal = monitor, journal

    def begin(self, total: int) -> None:
        """Pass on the number of samples."""
        self._monitor.begin(total)

    def advance(self, samples: int, note: str = "") -> None:
        """Pass on the samples that are done."""
        self._monitor.advance(samples, note)
        self._journal.save_now_and_then()
