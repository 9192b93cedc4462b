"""Steps that were handed over and have not ended, and how they are parted into jobs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from rateval.api import Monitor, Step
from rateval_slurm.desk import Desk, Listening
from rateval_slurm.jobs import Job


@dataclass
class OpenStep:
    """A step that has not ended, and what its job said of it."""

    number: int
    step: Step
    monitor: Monitor
    heard: Listening
    process: int | None = None
    """Id of the process that works on it, on the computer where that runs; None before."""

    def listen(self) -> None:
        """Show the monitor what the job has said since."""
        for kind, *values in self.heard.told():
            if kind == "work":
                self.process = values[0]
            elif kind == "begin":
                self.monitor.begin(*values)
            else:
                self.monitor.advance(*values)


@dataclass
class OpenJob:
    """A job that is not over, as far as is known, and those of its steps that have not ended."""

    job: Job
    number: int
    steps: list[OpenStep]
    lingers: bool
    """Whether it waits for more steps when it has none left."""
    turn: int = 0
    """How many times it was given more."""
    affinity: str | None = None
    """What it has loaded, by the steps that it was given last."""
    over_since: float | None = field(default=None)
    """When it was found to be over."""

    @property
    def is_idle(self) -> bool:
        """Whether it waits for more steps, as far as is known."""
        return self.lingers and not self.steps and self.over_since is None


def open_step(number: int, step: Step, monitor: Monitor, desk: Desk) -> OpenStep:
    """Return a step that was just handed over."""
    return OpenStep(number, step, monitor, Listening(desk.progress(number)))


def affinity_of(step: OpenStep) -> str | None:
    """Return what names that which is loaded for a step; None where nothing does."""
    affinity: str | None = getattr(step.step.demand, "affinity", None)
    return affinity


def choose_idle(idle: Sequence[OpenJob], affinity: str | None) -> OpenJob | None:
    """Return the job that more steps are given to: one that has loaded what they need, if any."""
    same = [job for job in idle if affinity is not None and job.affinity == affinity]
    return next(iter((*same, *idle)), None)


def part(steps: Sequence[OpenStep], most: int, jobs: int) -> dict[int, list[list[OpenStep]]]:
    """Return the steps of each job, by the processes that it has to have room for.

    A job gets ``most`` steps at the most, and no more than it takes to keep ``jobs`` jobs busy;
    steps with one affinity come together. A step that several processes share is alone.
    """
    alone = [step for step in steps if step.step.demand.processes > 1]
    together: dict[str | None, list[OpenStep]] = {}
    for step in steps:
        if step.step.demand.processes == 1:
            together.setdefault(affinity_of(step), []).append(step)
    size = min(most, math.ceil(sum(map(len, together.values())) / jobs))
    parts: dict[int, list[list[OpenStep]]] = {}
    for group in together.values():
        parts.setdefault(1, []).extend(
            group[start : start + size] for start in range(0, len(group), size)
        )
    for step in alone:
        parts.setdefault(step.step.demand.processes, []).append([step])
    return parts
