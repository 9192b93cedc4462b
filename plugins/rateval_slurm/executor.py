"""Steps as jobs of a Slurm cluster, and how each ended."""

from __future__ import annotations

import dataclasses
import secrets
import time
from collections.abc import Mapping, Sequence
from typing import Any

from rateval.api import Context, Monitor, RatevalError, Step, StepEnd, Work
from rateval_slurm.bundle import Bundle
from rateval_slurm.desk import Desk, make_folder
from rateval_slurm.jobs import Cluster, RefusedError
from rateval_slurm.lost import end_of_lost
from rateval_slurm.on_slurm import OnSlurm, require_slurm
from rateval_slurm.on_this_computer import InProcesses, InThisProcess
from rateval_slurm.open_steps import (
    OpenJob,
    OpenStep,
    affinity_of,
    choose_idle,
    open_step,
    part,
)
from rateval_slurm.params import SlurmParams

_TRIES = 10
"""Times that Slurm is asked again to take jobs when it is out of reach for a while."""


def make_slurm(params: SlurmParams, context: Context) -> SlurmJobs:
    """Return an executor by jobs; raises RatevalError where there is no Slurm to submit to."""
    if params.cluster == "slurm":
        require_slurm()
    return SlurmJobs(params)


class SlurmJobs:
    """An executor whose steps are done by jobs, several to a job and many jobs to an array.

    What becomes ready together is submitted together, whenever somebody waits for an end. A job
    says by files how its steps ended, each as soon as it has.
    """

    def __init__(self, params: SlurmParams) -> None:
        self.capacity = params.capacity
        self._params = params
        self._number = 0
        self._waiting: list[OpenStep] = []
        """Steps that are in no job yet."""
        self._jobs: list[OpenJob] = []
        self._number_of_jobs = 0
        self._tries, self._next_try = 0, 0.0
        self._cluster: Cluster | None = None

    def start(self, work: Work) -> None:
        """Make the folder of this run; raises RatevalError where that can't be done."""
        self._here = work
        self._work = work if self._params.device is None else _move(work, self._params.device)
        name = f"{time.strftime('%Y%m%d-%H%M%S')}-{secrets.token_hex(3)}"
        folder = make_folder(self._params.folder, name)
        self._desk = Desk(folder / "steps")
        self._desk.make()
        kinds = {"slurm": OnSlurm, "local": InProcesses, "debug": InThisProcess}
        self._cluster = kinds[self._params.cluster](self._params, folder)

    def submit(self, step: Step, monitor: Monitor) -> None:
        """Keep a step until somebody waits for an end."""
        self._waiting.append(open_step(self._number, step, monitor, self._desk))
        self._number += 1

    def collect(self) -> Sequence[StepEnd]:
        """Wait until a step has ended; jobs are submitted before."""
        cluster = self._cluster
        while cluster is not None and (self._waiting or self._open):
            here = self._take_light()
            self._submit_waiting(cluster)
            states = cluster.look([open_.job for open_ in self._jobs])
            ends = self._read()  # after the states: what a job wrote before its end is there now
            ends += [end for step in here for end in [self._here(step.step, step.monitor)]]
            ends += self._bury(cluster, states)
            if ends:
                return ends
            time.sleep(cluster.pause_s)
        return []

    def stop(self) -> None:
        """Cancel the jobs that have steps left, all at once, and send home those that linger."""
        if self._cluster is None:
            return
        self._desk.call_off()
        said = [_last_process(step) for open_ in self._open for step in open_.steps]
        processes = [process for process in said if process is not None]
        self._cluster.cancel([open_.job for open_ in self._open], processes)
        self._jobs.clear()
        self._waiting.clear()

    @property
    def _open(self) -> list[OpenJob]:
        return [open_ for open_ in self._jobs if open_.steps]

    def _take_light(self) -> list[OpenStep]:
        """Take a step that is done here, if there is one."""
        if self._params.light == "here":
            for step in self._waiting:
                if not step.step.demand.device:
                    self._waiting.remove(step)
                    return [step]
        return []

    def _submit_waiting(self, cluster: Cluster) -> None:
        light = [s for s in self._waiting if not self._is_for_job(s)]
        waiting = [s for s in self._waiting if self._is_for_job(s)]
        if not waiting or time.monotonic() < self._next_try:
            return
        left: list[OpenStep] = []
        parts = part(waiting, self._params.steps_per_job, self._params.jobs)
        self._give(parts.get(1, []))
        for processes, bundles in parts.items():
            room = len(bundles)
            if cluster.at_once is not None:
                room = max(0, min(room, cluster.at_once - len(self._jobs)))
            if bundles[:room] and not self._submit(cluster, bundles[:room], processes):
                room = 0
            left += [step for bundle in bundles[room:] for step in bundle]
        self._waiting = light + left

    def _give(self, bundles: list[list[OpenStep]]) -> None:
        """Give bundles to jobs that wait for more, and take them off the list."""
        idle = [open_ for open_ in self._jobs if open_.is_idle]
        for steps in list(bundles):
            affinity = affinity_of(steps[0])
            open_ = choose_idle(idle, affinity)
            if open_ is None:
                return
            idle.remove(open_)
            if self._desk.is_closed(open_.number):
                open_.lingers = False
                continue
            self._desk.give(open_.number, open_.turn, tuple((s.number, s.step) for s in steps))
            open_.turn, open_.affinity, open_.steps = open_.turn + 1, affinity, steps
            bundles.remove(steps)

    def _is_for_job(self, step: OpenStep) -> bool:
        return self._params.light == "job" or step.step.demand.device

    def _submit(self, cluster: Cluster, bundles: list[list[OpenStep]], processes: int) -> bool:
        """Submit an array; return whether the cluster took it."""
        lingers = cluster.lingers and self._params.linger > 0 and processes == 1
        try:
            jobs = cluster.submit(
                [
                    Bundle(
                        self._work,
                        self._number_of_jobs + index,
                        tuple((step.number, step.step) for step in steps),
                        self._desk,
                        self._params.requeue,
                        self._params.linger if lingers else 0.0,
                    )
                    for index, steps in enumerate(bundles)
                ],
                processes,
            )
        except RefusedError as error:
            # Those that are at work may be why there is no room; and Slurm may be away for a while.
            self._tries = 0 if self._jobs else self._tries + 1
            if not self._jobs and (not error.passing or self._tries > _TRIES):
                raise
            self._next_try = time.monotonic() + self._params.poll
            return False
        self._tries = 0
        for job, steps in zip(jobs, bundles, strict=True):
            affinity = affinity_of(steps[0])
            self._jobs.append(OpenJob(job, self._number_of_jobs, steps, lingers, affinity=affinity))
            self._number_of_jobs += 1
        return True

    def _read(self) -> list[StepEnd]:
        """Show monitors what is new, and return the ends that are."""
        ended = self._desk.ended()
        ends: list[StepEnd] = []
        for open_ in self._jobs:
            for step in list(open_.steps):
                step.listen()
                if step.number in ended:
                    open_.steps.remove(step)
                    ends.append(self._desk.read_end(step.number, step.step.identity))
        # Those that don't wait for more have nothing to tell any more.
        self._jobs = [open_ for open_ in self._jobs if open_.steps or open_.lingers]
        return ends

    def _bury(self, cluster: Cluster, states: Mapping[str, str]) -> list[StepEnd]:
        """Return the ends of steps whose jobs are over without them."""
        now = time.monotonic()
        ends: list[StepEnd] = []
        for open_ in list(self._jobs):
            state = states.get(open_.job.job_id)
            if state is None:
                open_.over_since = None
                continue
            if open_.over_since is None:
                open_.over_since = now
            if now - open_.over_since >= cluster.grace_s:
                self._jobs.remove(open_)
                ends += self._lose(open_, state)
        return ends

    def _lose(self, open_: OpenJob, state: str) -> list[StepEnd]:
        begun = [step for step in open_.steps if step.process is not None]
        if (begun or open_.turn) and not state.startswith("CANCELLED"):
            # What one step did to its job is no failure of those that it did not come to; and a
            # job that was given more may have been on its way out.
            self._waiting += [step for step in open_.steps if step.process is None]
            open_.steps = begun
        paths = open_.job.paths
        return [
            end_of_lost(
                step.step.identity,
                open_.job.job_id,
                state,
                (paths.stderr, paths.stdout),
                begun=step.process is not None,
            )
            for step in open_.steps
        ]


def _last_process(step: OpenStep) -> int | None:
    """Return the process that works on a step now, by what nobody has listened to yet."""
    said = [values[0] for kind, *values in step.heard.told() if kind == "work"]
    return said[-1] if said else step.process


def _move(work: Work, device: str) -> Work:
    """Return work that computes on another device than the one it was made for.

    Raises RatevalError where it doesn't say on which one it computes.
    """
    if dataclasses.is_dataclass(work) and not isinstance(work, type) and hasattr(work, "device"):
        moved: Any = dataclasses.replace(work, device=device)
        return moved
    raise RatevalError(
        f'executor.device = "{device}": these steps name no device that could be another one; '
        "leave it out"
    )
