"""The executor of Ray clusters."""

from __future__ import annotations

import os
import pickle
import sys
import sysconfig
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil
from pathlib import Path

from rateval.api import Context, Executor, Monitor, RatevalError, Step, StepEnd, Work
from rateval_ray.cluster import AGAIN
from rateval_ray.link import GoneError, Link
from rateval_ray.messages import Ask, Ended, Failed, Message, Orders, Raised, Refused, Task, Told
from rateval_ray.params import RayParams


def make_ray(params: RayParams, context: Context) -> Executor:
    """Return an executor that reaches its cluster, or makes one, with the first step.

    Raises RatevalError when the params ask for GPUs and the study computes on none.
    """
    device, _, index = context.device.partition(":")
    if params.gpus and device != "cuda":
        raise RatevalError(
            f"executor.gpus = {params.gpus:g}: the study computes on {context.device}, which was "
            "found on this computer, and so would every worker; start the run where there is a "
            "GPU, or leave gpus out"
        )
    if device == "cuda" and params.gpus != 0 and int(index or 0) > 0:
        raise RatevalError(
            f'run.device = "{context.device}": Ray gives each worker GPUs of its own, and the '
            'first of them is cuda:0; use run.device = "cuda"'
        )
    if os.name != "posix":
        raise RatevalError('executor.use = "ray" works on Linux and macOS; use "local" here')
    return RayExecutor(params, on_gpu=device == "cuda")


@dataclass(frozen=True, slots=True)
class _Running:
    monitor: Monitor
    since: float


class RayExecutor:
    """An executor that gives steps to workers on a Ray cluster, which keep what they load."""

    def __init__(self, params: RayParams, *, on_gpu: bool = False) -> None:
        self._params, self._on_gpu = params, on_gpu
        self._link: Link | None = None
        self._running: dict[str, _Running] = {}
        self._lost: deque[StepEnd] = deque()

    @property
    def capacity(self) -> int:
        """Number of steps that it takes at once; 1 until it knows the cluster."""
        slots = 1 if self._link is None else self._link.slots
        return self._params.in_flight or self._params.workers or slots

    def start(self, work: Work) -> None:
        """Keep what does a step; the cluster is reached with the first one."""
        self._work = work

    def submit(self, step: Step, monitor: Monitor) -> None:
        """Pass on a step; raises RatevalError when there is no cluster."""
        if self._link is None:
            self._link = Link(self._orders())
        self._running[step.identity] = _Running(monitor, time.perf_counter())
        task = Task(
            step.identity,
            pickle.dumps(step),
            getattr(step.demand, "affinity", None),
            self._ask(step.demand.processes) if step.demand.processes > 1 else None,
        )
        try:
            self._link.send(task)
        except GoneError:
            self._lose_all(self._link)

    def collect(self) -> Sequence[StepEnd]:
        """Wait for a step to end; meanwhile monitors show how far the others are."""
        while self._running and self._link is not None:
            try:
                message = self._link.receive()
            except GoneError:
                self._lose_all(self._link)
                break
            if message is not None and (ends := self._take(message)):
                return ends
        ends = list(self._lost)
        self._lost.clear()
        return ends

    def stop(self) -> None:
        """End the workers, and the cluster if it is the run's own."""
        self._running.clear()
        self._lost.clear()
        if self._link is not None:
            link, self._link = self._link, None
            link.stop()

    def _take(self, message: Message) -> list[StepEnd]:
        if isinstance(message, Refused):
            self._end_all(message.reason)
            ends = list(self._lost)
            self._lost.clear()
            return ends
        if isinstance(message, Told) and message.identity in self._running:
            monitor = self._running[message.identity].monitor
            for event in message.events:
                if event[0] == "begin":
                    monitor.begin(event[1])
                else:
                    monitor.advance(event[1], event[2])
        elif isinstance(message, Ended | Failed | Raised):
            del self._running[message.identity]
            if isinstance(message, Failed):
                return [StepEnd(message.identity, message.seconds, error=message.reason)]
            value = pickle.loads(message.payload)  # noqa: S301 - the run's own worker made it
            if isinstance(message, Raised):
                raise value
            return [value]
        return []

    def _lose_all(self, link: Link) -> None:
        self._end_all(
            "the Ray cluster was lost: the process that speaks to it ended: "
            f"{link.last_words()}; once the cluster is back, {AGAIN}"
        )

    def _end_all(self, reason: str) -> None:
        now = time.perf_counter()
        for identity, running in self._running.items():
            seconds = round(now - running.since, 3)
            self._lost.append(StepEnd(identity, seconds, error=reason, whole=True))
        self._running.clear()
        if self._link is not None:
            self._link.kill()
            self._link = None

    def _ask(self, processes: int = 1) -> Ask:
        """Return what a step asks of one node, if so many processes share it."""
        asked = self._params
        gpus = asked.gpus if asked.gpus is not None else float(self._on_gpu)
        memory = None if asked.memory is None else asked.memory * processes
        if processes > 1:
            gpus = ceil(gpus) * processes  # each computes on one of its own
        if asked.cpus is not None or gpus:
            return Ask((asked.cpus or 1) * processes, gpus, memory)
        # Processes that share a step share its threads, too.
        return Ask(max(getattr(self._work, "threads", 1), processes), gpus, memory)

    def _orders(self) -> Orders:
        return Orders(
            address=self._params.address,
            folder="",
            work=pickle.dumps(self._work),
            ask=self._ask(),
            workers=self._params.workers,
            retries=self._params.retries,
            paths=_own_paths(),
        )


def _own_paths() -> tuple[str, ...]:
    """Return the folders that this process imports from and another Python would not."""
    places = {sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    paths = (str(Path(path).absolute()) for path in sys.path if Path(path).is_dir())
    return tuple(path for path in paths if path not in places and "lib-dynload" not in path)
