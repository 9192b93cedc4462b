"""Steps done in this process."""

from __future__ import annotations

from collections.abc import Sequence

from rateval.api.protocols import Monitor, Work
from rateval.records.step import Step, StepEnd


class LocalExecutor:
    """One at a time."""

    capacity = 1

    def start(self, work: Work) -> None:
        """."""
        self.work = work
        self.q: list[tuple[Step, Monitor]] = []

    def submit(self, step: Step, monitor: Monitor) -> None:
        """."""
        self.q.append((step, monitor))

    def collect(self) -> Sequence[StepEnd]:
        """."""
        return [self.work(*self.q.pop(0))]

    def stop(self) -> None:
        """."""
