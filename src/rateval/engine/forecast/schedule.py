"""How long steps take on several workers: the same order as an executor's, without the work."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace


@dataclass(frozen=True, slots=True)
class Task:
    """A step, or a shard of one, as far as time goes."""

    name: str
    seconds: float
    needs: tuple[str, ...] = ()
    """Names of tasks, those of others are there already."""
    device: bool = False
    """Whether it computes on a device."""
    loads: Mapping[str, float] = field(default_factory=dict)
    """Seconds of what a worker has to load for it, once for each worker."""


def list_schedule(tasks: Sequence[Task], workers: int, devices: int | None = None) -> float:
    """Return the seconds until the last of ``tasks`` has ended.

    A worker that is free takes the first task, in their order, whose needs have ended; of those
    with ``device`` as many go on at once as there are ``devices``, where that is bounded.

    >>> first, second = Task("a", 2.0), Task("b", 1.0, needs=("a",))
    >>> list_schedule([first, second, Task("c", 2.0)], workers=2)
    3.0
    >>> list_schedule([replace(first, device=True), Task("d", 3.0, device=True)], 2, devices=1)
    5.0
    """
    return _Simulation(tasks, workers, devices).run()


class _Simulation:
    """Workers that take tasks, and the time on their clock."""

    def __init__(self, tasks: Sequence[Task], workers: int, devices: int | None) -> None:
        names = {task.name for task in tasks}
        self._tasks = tasks
        self._wanting = {task.name: set(task.needs) & names for task in tasks}
        self._needed_by: dict[str, list[int]] = {}
        for place, task in enumerate(tasks):
            for needed in self._wanting[task.name]:
                self._needed_by.setdefault(needed, []).append(place)
        self._ready = [at for at, task in enumerate(tasks) if not self._wanting[task.name]]
        self._free = list(range(workers))
        self._devices = len(tasks) if devices is None else devices
        self._loaded: dict[int, set[str]] = {worker: set() for worker in self._free}
        self._running: list[tuple[float, int, int]] = []
        """When it ends, the place of the task, and its worker."""

    def run(self) -> float:
        """Let the clock go on until nothing is left; return what it shows."""
        now = 0.0
        self._hand_out(now)
        while self._running:
            now = self._running[0][0]
            while self._running and self._running[0][0] == now:  # all that end at once
                _, place, worker = heapq.heappop(self._running)
                heapq.heappush(self._free, worker)
                self._devices += self._tasks[place].device
                self._end(self._tasks[place].name)
            self._hand_out(now)
        return now

    def _end(self, name: str) -> None:
        for place in self._needed_by.get(name, ()):
            wanting = self._wanting[self._tasks[place].name]
            wanting.discard(name)
            if not wanting:
                heapq.heappush(self._ready, place)

    def _hand_out(self, now: float) -> None:
        waiting = []
        while self._free and self._ready:
            place = heapq.heappop(self._ready)
            task = self._tasks[place]
            if task.device and not self._devices:
                waiting.append(place)
                continue
            self._devices -= task.device
            worker = heapq.heappop(self._free)
            seconds = task.seconds + sum(
                needed for what, needed in task.loads.items() if what not in self._loaded[worker]
            )
            self._loaded[worker] |= task.loads.keys()
            heapq.heappush(self._running, (now + seconds, place, worker))
        for place in waiting:
            heapq.heappush(self._ready, place)


def longest_path(tasks: Sequence[Task]) -> float:
    """Return the seconds of the longest chain of needs: no number of workers does it faster.

    >>> longest_path([Task("a", 2.0), Task("b", 1.0, needs=("a",)), Task("c", 2.5)])
    3.0
    """
    by_name = {task.name: task for task in tasks}
    ends: dict[str, float] = {}
    for task in tasks:  # each stands after those that it needs
        begins = max((ends[name] for name in task.needs if name in by_name), default=0.0)
        ends[task.name] = begins + task.seconds
    return max(ends.values(), default=0.0)


def least_seconds(tasks: Sequence[Task], workers: int) -> float:
    """Return what no order can go below: the longest chain, or all work shared out evenly.

    >>> least_seconds([Task("a", 2.0), Task("b", 2.0), Task("c", 2.0)], workers=2)
    3.0
    """
    return max(longest_path(tasks), sum(task.seconds for task in tasks) / workers)


def divide(task: Task, shards: int) -> Iterable[Task]:
    """Yield a task as so many shards, and what joins them under the name of the whole.

    >>> [part.seconds for part in divide(Task("a", 3.0), 3)]
    [1.0, 1.0, 1.0, 0.0]
    """
    if shards <= 1:
        yield task
        return
    parts = [f"{task.name} {at}" for at in range(shards)]
    for name in parts:
        yield replace(task, name=name, seconds=task.seconds / shards)
    yield Task(task.name, 0.0, (*task.needs, *parts))
