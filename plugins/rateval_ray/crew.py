"""The workers of a run on its cluster: made, given steps, lost and made anew."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

from rateval_ray.actors import Hub, StepActor
from rateval_ray.messages import Ask, Orders, Task


@dataclass(eq=False, slots=True)
class Member:
    """A worker: an actor of Ray, and the step that it has."""

    actor: Any
    ask: Ask
    alone_for: Task | None = None
    """The one step that it was made for, which asks for more than others."""
    ready: bool = False
    affinity: str | None = None
    """What it loaded last."""
    task: Task | None = None
    token: str = ""
    since: float = field(default_factory=time.monotonic)
    """When it was made, or got its step."""
    rested: float = 0.0

    @property
    def free(self) -> bool:
        """Whether it can take a step."""
        return self.ready and self.task is None and self.alone_for is None


Report = Callable[[Member, "Future[Any]"], object]


class Crew:
    """All workers of a run, and the hub that hears them.

    ``greeted`` and ``done`` are called from threads of Ray with a member and what came of what it
    was asked.
    """

    def __init__(self, orders: Orders, greeted: Report, done: Report) -> None:
        import ray

        self._orders, self._greeted, self._done = orders, greeted, done
        self._work = ray.put(orders.work)
        near = {} if (orders.address or "").startswith("ray://") else _near()
        making: Any = ray.remote(Hub)
        self._hub = making.options(num_cpus=0, **near).remote()
        self.members: list[Member] = []
        self._attempts = 0

    def add(self, task: Task | None = None) -> Member:
        """Make a worker: for one step alone, or for all that ask for what is usual."""
        import ray

        ask = task.ask if task is not None and task.ask is not None else self._orders.ask
        variables = {"OMP_NUM_THREADS": str(ask.cpus)}
        if self._orders.paths:
            variables["PYTHONPATH"] = ":".join((*self._orders.paths, "${PYTHONPATH}"))
        making: Any = ray.remote(StepActor)
        making = making.options(
            num_cpus=ask.cpus,
            num_gpus=math.ceil(ask.gpus) if ask.gpus > 1 else ask.gpus,
            memory=ask.memory,
            max_restarts=0,
            max_task_retries=0,
            scheduling_strategy="SPREAD",
            runtime_env={"env_vars": variables},
        )
        member = Member(making.remote(self._work, self._hub), ask, task)
        self.members.append(member)
        self._hear(member.actor.greet.remote(), member, self._greeted)
        return member

    def give(self, member: Member, task: Task) -> None:
        """Let a worker do a step."""
        self._attempts += 1
        member.task, member.token = task, f"{task.identity}:{self._attempts}"
        member.since = time.monotonic()
        if task.affinity is not None:
            member.affinity = task.affinity
        self._hear(member.actor.do.remote(task.payload, member.token), member, self._done)

    def dismiss(self, member: Member) -> None:
        """End a worker at once, whatever it does."""
        import ray

        if member in self.members:
            self.members.remove(member)
            ray.kill(member.actor)

    def take_told(self) -> Future[Any]:
        """Ask the hub what has come."""
        future: Future[Any] = self._hub.take.remote().future()
        return future

    def end(self) -> None:
        """End all workers and the hub."""
        import ray

        for member in list(self.members):
            self.dismiss(member)
        ray.kill(self._hub)

    def _hear(self, reference: Any, member: Member, report: Report) -> None:
        reference.future().add_done_callback(lambda future: report(member, future))


def _near() -> dict[str, Any]:
    """Return what keeps an actor on the node of this process."""
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    here = ray.get_runtime_context().get_node_id()
    return {"scheduling_strategy": NodeAffinitySchedulingStrategy(here, soft=True)}
