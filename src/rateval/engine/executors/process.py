"""One process that does steps and tells how far they are."""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from multiprocessing.process import BaseProcess
from typing import Any, TypeVar

from rateval.api.execution import Work
from rateval.engine.executors.places import Place
from rateval.machine.allocation import keep_freed_memory
from rateval.machine.nursery import find_context
from rateval.machine.processes import Progress, TellingMonitor, serve_parent
from rateval.machine.readers import share_cores
from rateval.records.step import Step, StepEnd

_T = TypeVar("_T")


class Process:
    """A process that does steps and tells how far they are: a pool of one."""

    def __init__(self, work: Work, place: Place, workers: int) -> None:
        starting = find_context()
        # What a process put into it is there before the end of its step is; nothing in between.
        self._told = starting.SimpleQueue()
        self._members: list[BaseProcess] = []
        self._executor = ProcessPoolExecutor(
            1, starting, initializer=_begin, initargs=(work, self._told, place, workers)
        )

    def submit(self, step: Step) -> Future[StepEnd]:
        """Do a step once those before it have ended. Raises BrokenProcessPool if it has died."""
        return self._submit(_do, step)

    def prepare(self, step: Step) -> None:
        """Get ready, before any step comes, for what follows one that is in work elsewhere."""
        with suppress(BrokenProcessPool):  # the step that comes will find out
            self._submit(_prepare, step)

    def _submit(self, act: Callable[[Step], _T], step: Step) -> Future[_T]:
        others = set(multiprocessing.active_children())
        try:
            return self._executor.submit(act, step)
        finally:  # the process starts here and nowhere else
            self._members += set(multiprocessing.active_children()) - others

    def told(self) -> list[Progress]:
        """Return what it has told since it was asked last."""
        found = []
        while not self._told.empty():
            found.append(self._told.get())
        return found

    def end_if_broken(self) -> None:
        """Let the pool notice that the process has died."""
        # The pool watches a process from the next result on, which may be a long time away.
        if any(member.exitcode is not None for member in self._members):
            for member in self._members:
                member.terminate()

    def kill(self) -> None:
        """End it at once, without waiting for it to be gone."""
        for member in self._members:
            member.kill()

    def forget(self) -> None:
        """Wait for a process that is killed to be gone."""
        self._executor.shutdown(wait=True, cancel_futures=True)
        for member in self._members:
            member.join()

    def bury(self) -> str:
        """Wait for the process to be gone; return how it ended."""
        self._executor.shutdown()
        codes = [member.exitcode for member in self._members]
        own = [code for code in codes if code not in (None, 0, -signal.SIGTERM)]
        return "a worker process ended" + (f" with code {own[0]}" if own else "")


class _Here:
    """What this process was given when it began, where it is one of an executor's."""

    work: Work
    told: Any
    """Queue of progress."""


def _begin(work: Work, told: Any, place: Place, workers: int) -> None:
    serve_parent()
    keep_freed_memory()
    place.take()
    share_cores(1 if place.cores else workers)
    _Here.work, _Here.told = work, told


def _do(step: Step) -> StepEnd:
    return _Here.work(step, TellingMonitor(_Here.told.put))


def _prepare(step: Step) -> None:
    prepare = getattr(_Here.work, "prepare", None)
    if prepare is not None:
        prepare(step)
