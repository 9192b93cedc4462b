"""Steps in several processes of this computer, each with a model of its own at hand."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass

from rateval.api.execution import Work
from rateval.api.training import Monitor
from rateval.engine.executors.places import Place
from rateval.engine.executors.process import Process
from rateval.machine.interrupts import raise_missed_interrupt
from rateval.machine.processes import POLL_S, pass_on
from rateval.machine.readers import count_cores
from rateval.records.step import Step, StepEnd


class InProcesses:
    """An executor with a process for each place, which is made anew when it dies."""

    def __init__(self, places: Sequence[Place]) -> None:
        self.capacity = len(places)
        self._places = places
        self._workers: list[_Worker] = []
        self._suspects: deque[tuple[Step, Monitor]] = deque()
        """Steps that were lost beside others: each is done once more alone, to see whether it was
        itself that took what there is."""
        self._held: deque[tuple[Step, Monitor]] = deque()
        """Steps that wait for a worker, or until there is no suspect left."""
        self._lost = False
        """Whether a process was ever lost: memory may be short."""

    def start(self, work: Work) -> None:
        """Keep what does a step; processes start with the first steps."""
        self._workers = [_Worker(work, place, self.capacity) for place in self._places]

    def prefers(self, step: Step) -> bool:
        """Return whether a free worker has loaded what a step needs."""
        return any(worker.loaded == step.demand.affinity for worker in self._free)

    def submit(self, step: Step, monitor: Monitor) -> None:
        """Give a step to a free worker, best one that has loaded what it needs."""
        if self._suspects or not self._free:
            self._held.append((step, monitor))
        else:
            self._begin(step, monitor)

    def _begin(self, step: Step, monitor: Monitor) -> None:
        asked = step.demand.affinity
        # Else one that has loaded nothing yet, so that others keep what they have.
        worker = min(self._free, key=lambda one: (one.loaded != asked, one.loaded is not None))
        worker.begin(step, monitor)

    def collect(self) -> Sequence[StepEnd]:
        """Wait for a step to end; meanwhile monitors show how far the others are."""
        while self._running or self._suspects or self._held:
            self._begin_waiting()
            self._prepare_others()
            futures = [worker.future for worker in self._running]
            wait(filter(None, futures), timeout=POLL_S, return_when=FIRST_COMPLETED)
            raise_missed_interrupt()
            for worker in self._running:
                worker.tell_monitor()
                worker.end_if_broken()
            done = [worker for worker in self._running if worker.done]
            alone = len(self._running) == 1
            if ends := [end for one in done if (end := self._end(one, alone)) is not None]:
                return ends
        return []

    def _begin_waiting(self) -> None:
        if self._suspects:
            if not self._running:
                self._begin(*self._suspects.popleft())
            return
        while self._held and self._free:
            self._begin(*self._held.popleft())

    def _prepare_others(self) -> None:
        """Start processes for what follows a step that needs something loaded.

        That takes them as long as it took the one that does the step. No more are started ahead
        than there are cores for it, nor where something is done alone because memory may be short.
        """
        in_work = [worker.in_work.step for worker in self._running]
        loading = next((step for step in in_work if step.demand.affinity is not None), None)
        if loading is None or self._lost:
            return
        ahead = max(0, count_cores() - len(in_work))
        for worker in self._free[:ahead]:
            worker.prepare(loading)

    def _end(self, worker: _Worker, alone: bool) -> StepEnd | None:
        work = worker.in_work
        try:
            return worker.end()
        except BrokenProcessPool:
            cause, self._lost = worker.bury(), True
            if not alone:
                self._suspects.append((work.step, work.monitor))
                return None
            return StepEnd(
                work.step.identity,
                round(time.perf_counter() - work.since, 3),
                reused=False,
                error=f"BrokenProcessPool: {cause} with no other step in work; "
                "perhaps memory ran out: use fewer executor.workers or a lower run.batch_size, and "
                "run the study again for what is missing. A script that calls "
                'rateval.run with several workers does so under `if __name__ == "__main__":`',
            )

    def stop(self) -> None:
        """Kill the processes."""
        for worker in self._workers:
            worker.kill()
        for worker in self._workers:
            worker.forget()
        for steps in (self._suspects, self._held):
            steps.clear()

    @property
    def _running(self) -> list[_Worker]:
        return [worker for worker in self._workers if worker.future is not None]

    @property
    def _free(self) -> list[_Worker]:
        return [worker for worker in self._workers if worker.future is None]


@dataclass(frozen=True, slots=True)
class _InWork:
    step: Step
    monitor: Monitor
    since: float


class _Worker:
    """A process that does one step at a time, and is started anew after it died."""

    def __init__(self, work: Work, place: Place, workers: int) -> None:
        self._given = work, place, workers
        self.loaded: str | None = None
        """What the last step needed that needed something loaded."""
        self.future: Future[StepEnd] | None = None
        """The step in work."""
        self._process: Process | None = None

    def begin(self, step: Step, monitor: Monitor) -> None:
        """Do a step."""
        self.in_work = _InWork(step, monitor, time.perf_counter())
        if self._process is None:
            self._process = Process(*self._given)
        try:
            self.future = self._process.submit(step)
        except BrokenProcessPool:  # while nobody looked
            self.bury()
            self._process = Process(*self._given)
            self.future = self._process.submit(step)
        self.loaded = step.demand.affinity or self.loaded

    def prepare(self, step: Step) -> None:
        """Start the process, unless there is one, and let it get ready for what follows a step."""
        if self._process is None:
            self._process = Process(*self._given)
            self._process.prepare(step)

    @property
    def done(self) -> bool:
        """Whether its step has ended."""
        return self.future is not None and self.future.done()

    def end(self) -> StepEnd:
        """Return how its step ended. Raises BrokenProcessPool where the process did first."""
        assert self.future is not None
        future, self.future = self.future, None
        return future.result()

    def tell_monitor(self) -> None:
        """Show how far its step is."""
        if self._process is not None:
            for progress in self._process.told():
                pass_on(self.in_work.monitor, *progress)

    def end_if_broken(self) -> None:
        """Let the pool notice that its process has died."""
        if self._process is not None:
            self._process.end_if_broken()

    def bury(self) -> str:
        """Let go of a process that died; return how it did."""
        assert self._process is not None
        process, self._process, self.loaded = self._process, None, None
        return process.bury()

    def kill(self) -> None:
        """End the process at once, without waiting for it to be gone."""
        if self._process is not None:
            self._process.kill()

    def forget(self) -> None:
        """Wait for a process that is killed to be gone, and let go of it."""
        if self._process is not None:
            self._process.forget()
        self._process = self.future = self.loaded = None
