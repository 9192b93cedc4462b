"""Steps in this process, or in several processes of this computer."""

from __future__ import annotations

import multiprocessing
import signal
import time
from collections import deque
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from typing import Any

from rateval.api import Context
from rateval.api.execution import Executor, Work
from rateval.api.training import Monitor
from rateval.engine.executors.params import LocalParams
from rateval.machine.interrupts import raise_missed_interrupt
from rateval.machine.processes import (
    POLL_S,
    Progress,
    TellingMonitor,
    pass_on,
    serve_parent,
)
from rateval.machine.readers import share_cores
from rateval.records.step import Step, StepEnd


def make_local(params: LocalParams, context: Context) -> Executor:
    """Return an executor in this process, or one that shares the work among several."""
    return InThisProcess() if params.workers == 1 else InProcesses(params.workers)


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


class InProcesses:
    """An executor with processes of its own, made anew when one of them dies."""

    def __init__(self, workers: int) -> None:
        self.capacity = workers
        self._running: dict[Future[StepEnd], _Running] = {}
        self._suspects: deque[tuple[Step, Monitor]] = deque()
        """Steps that were lost together: each is done once more alone, to see which one it is."""
        self._held: deque[tuple[Step, Monitor]] = deque()
        """Steps that wait until there is no suspect left."""
        self._pool: _Pool | None = None

    def start(self, work: Work) -> None:
        """Keep what does a step; processes start with the first steps."""
        self._work = work

    def submit(self, step: Step, monitor: Monitor) -> None:
        """Give a step to the processes, with those that it takes more."""
        if self._suspects:
            self._held.append((step, monitor))
        else:
            self._begin(step, monitor)

    def _begin(self, step: Step, monitor: Monitor) -> None:
        if self._pool is None:
            self._pool = _Pool(self.capacity, self._work)
        try:
            future = self._pool.submit(step)
        except BrokenProcessPool:  # while nobody looked; collect() tells of the steps it had
            self._pool.bury(sum(other.pool is self._pool for other in self._running.values()))
            self._pool = _Pool(self.capacity, self._work)
            future = self._pool.submit(step)
        self._running[future] = _Running(step, monitor, self._pool, time.perf_counter())

    def collect(self) -> Sequence[StepEnd]:
        """Wait for a step to end; meanwhile monitors show how far the others are."""
        while self._running or self._suspects or self._held:
            self._begin_waiting()
            wait(self._running, timeout=POLL_S, return_when=FIRST_COMPLETED)
            raise_missed_interrupt()
            self._tell_monitors()
            for pool in self._pools:
                pool.end_if_broken()
            done = [future for future in self._running if future.done()]
            if ends := [end for future in done if (end := self._end(future)) is not None]:
                return ends
        return []

    def _begin_waiting(self) -> None:
        if self._running:
            return
        if self._suspects:
            self._begin(*self._suspects.popleft())
        while self._held and not self._suspects and len(self._running) < self.capacity:
            self._begin(*self._held.popleft())

    def stop(self) -> None:
        """Kill the processes."""
        for pool in self._pools:
            pool.kill()
        for steps in (self._running, self._suspects, self._held):
            steps.clear()
        self._pool = None

    @property
    def _pools(self) -> set[_Pool]:
        broken = {running.pool for running in self._running.values()}
        return broken if self._pool is None else broken | {self._pool}

    def _tell_monitors(self) -> None:
        monitors = {running.step.identity: running.monitor for running in self._running.values()}
        for pool in self._pools:
            for identity, progress in pool.told():
                if identity in monitors:
                    pass_on(monitors[identity], *progress)

    def _end(self, future: Future[StepEnd]) -> StepEnd | None:
        running = self._running[future]
        in_work = sum(other.pool is running.pool for other in self._running.values())
        del self._running[future]
        try:
            return future.result()
        except BrokenProcessPool:
            cause = running.pool.bury(in_work)
            if self._pool is running.pool:
                self._pool = None
            if running.pool.lost > 1:
                self._suspects.append((running.step, running.monitor))
                return None
            return StepEnd(
                running.step.identity,
                round(time.perf_counter() - running.since, 3),
                reused=False,
                error=f"BrokenProcessPool: {cause} with no other step in work; "
                "perhaps memory ran out: use fewer executor.workers or a lower run.batch_size, and "
                "run the study again for what is missing. A script that calls "
                'rateval.run with several workers does so under `if __name__ == "__main__":`',
            )


@dataclass(frozen=True, slots=True)
class _Running:
    step: Step
    monitor: Monitor
    pool: _Pool
    since: float


class _Pool:
    """Processes that do steps and report them, until one dies or all are killed."""

    def __init__(self, workers: int, work: Work) -> None:
        spawning = multiprocessing.get_context("spawn")
        # What a process put into it is there before the end of its step is; nothing in between.
        self._told = spawning.SimpleQueue()
        self._members: list[BaseProcess] = []
        self._cause = ""
        self.lost = 0
        """Steps that were in work when a process died."""
        self._executor = ProcessPoolExecutor(
            workers, spawning, initializer=_begin, initargs=(work, self._told, workers)
        )

    def submit(self, step: Step) -> Future[StepEnd]:
        others = set(multiprocessing.active_children())
        try:
            return self._executor.submit(_do, step)
        finally:  # processes start here and nowhere else
            self._members += set(multiprocessing.active_children()) - others

    def told(self) -> list[tuple[str, Progress]]:
        found = []
        while not self._told.empty():
            found.append(self._told.get())
        return found

    def end_if_broken(self) -> None:
        # The pool watches a process from the next result on, which may be a long time away.
        if any(member.exitcode is not None for member in self._members):
            for member in self._members:
                member.terminate()

    def kill(self) -> None:
        for member in self._members:
            member.kill()
        self._executor.shutdown(wait=True, cancel_futures=True)
        for member in self._members:
            member.join()

    def bury(self, in_work: int) -> str:
        """Wait for all of a broken pool to end; return how the process that broke it did.

        ``in_work`` steps are lost with it.
        """
        if not self._cause:
            self.lost = in_work
            self._executor.shutdown()  # it terminates those that outlive the first one
            codes = [member.exitcode for member in self._members]
            own = [code for code in codes if code not in (None, 0, -signal.SIGTERM)]
            self._cause = "a worker process ended" + (f" with code {own[0]}" if own else "")
        return self._cause


class _Process:
    """What a process of a pool was given when it began."""

    work: Work
    told: Any
    """Queue of (identity of a step, progress)."""


def _begin(work: Work, told: Any, workers: int) -> None:
    serve_parent()
    share_cores(workers)
    _Process.work, _Process.told = work, told


def _do(step: Step) -> StepEnd:
    def tell(progress: Progress) -> None:
        _Process.told.put((step.identity, progress))

    return _Process.work(step, TellingMonitor(tell))
