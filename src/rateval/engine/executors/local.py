"""Steps in this process, or in several processes of this computer."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from rateval.api import Context
from rateval.api.execution import Executor, Work
from rateval.api.training import Monitor
from rateval.engine.executors.params import LocalParams
from rateval.engine.executors.places import Place, find_places
from rateval.engine.executors.processes import InProcesses
from rateval.records.step import Step, StepEnd


def make_local(params: LocalParams, context: Context) -> Executor:
    """Return an executor in this process, or one that shares the work among several."""
    places = find_places(context.device, params.devices, params.workers)
    return InThisProcess() if places == [Place()] else InProcesses(places)


class InThisProcess:
    """An executor that does one step after the other, whenever it is asked what has ended."""

    capacity = 1

    def __init__(self) -> None:
        self._waiting: deque[tuple[Step, Monitor]] = deque()

    def start(self, work: Work) -> None:
        """Keep what does a step."""
        self._work = work

    def submit(self, step: Step, monitor: Monitor) -> None:
        """Queue a step."""
        self._waiting.append((step, monitor))

    def collect(self) -> Sequence[StepEnd]:
        """Do the step that has waited longest."""
        return [self._work(*self._waiting.popleft())] if self._waiting else []

    def stop(self) -> None:
        """Forget what waits."""
        self._waiting.clear()
