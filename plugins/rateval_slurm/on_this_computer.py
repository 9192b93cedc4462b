"""Jobs without Slurm: in processes of this computer, or in this very process."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import submitit

from rateval_slurm.bundle import Bundle
from rateval_slurm.jobs import Job, submit_all
from rateval_slurm.params import SlurmParams

_PATIENCE_S = 5.0
"""What a process may take to end once its work has."""


class InProcesses:
    """Jobs that are processes of this computer, by submitit's ``local``."""

    lingers = True
    grace_s = 0.0

    def __init__(self, params: SlurmParams, folder: Path) -> None:
        self.at_once: int | None = params.jobs
        self.pause_s = min(0.1, params.poll)
        self._params, self._folder = params, folder
        self._running: list[submitit.LocalJob[None]] = []

    def submit(self, bundles: Sequence[Bundle], processes: int) -> Sequence[Job]:
        """Start a process for each bundle."""
        # What keeps the jobs says on Ctrl-C where it was; the screen is not the place.
        log = self._folder / "local.err"
        executor = submitit.LocalExecutor(self._folder, max_num_timeout=self._params.requeue)
        executor.update_parameters(
            timeout_min=self._params.time,
            gpus_per_node=self._params.gpus * processes,
            setup=[*self._params.setup, f"exec 2>>{shlex.quote(str(log))}"],
        )
        jobs = submit_all(executor, bundles, self._folder)
        self._running += [job for job in jobs if isinstance(job, submitit.LocalJob)]
        return jobs

    def look(self, jobs: Sequence[Job]) -> Mapping[str, str]:
        """Return the last states of those that have ended."""
        self._running = [job for job in self._running if not job.done()]
        states = {job.job_id: str(job.state) for job in jobs}
        return {job: state for job, state in states.items() if state != "RUNNING"}

    def cancel(self, jobs: Sequence[Job], processes: Sequence[int]) -> None:
        """Kill what works, then what waits for it."""
        wanted = {job.job_id for job in jobs}
        alive = [job for job in self._running if not job.done()]
        if any(job.job_id in wanted for job in alive):
            for process in processes:
                with suppress(OSError):
                    os.kill(process, signal.SIGKILL)
        for job in alive:
            if job.job_id in wanted:
                job.cancel()
        for job in alive:
            _end(job._process)
        self._running.clear()


class InThisProcess:
    """Jobs that are done here when somebody asks how they are, by submitit's ``debug``."""

    at_once: int | None = None
    lingers = False
    grace_s = 0.0
    pause_s = 0.0

    def __init__(self, params: SlurmParams, folder: Path) -> None:
        self._folder = folder
        self._over: dict[str, str] = {}

    def submit(self, bundles: Sequence[Bundle], processes: int) -> Sequence[Job]:
        """Keep the bundles."""
        jobs = submit_all(submitit.DebugExecutor(self._folder), bundles, self._folder)
        for job in jobs:  # named by its address, which a job of before may have had
            self._over.pop(job.job_id, None)
        return jobs

    def look(self, jobs: Sequence[Job]) -> Mapping[str, str]:
        """Do the first bundle that is not done."""
        job = next((job for job in jobs if job.job_id not in self._over), None)
        if job is not None:
            error = job.exception()  # does it; wait() and done() would open a debugger
            said = "DONE" if error is None else f"{type(error).__name__}: {error}"
            self._over[job.job_id] = said
        return self._over

    def cancel(self, jobs: Sequence[Job], processes: Sequence[int]) -> None:
        """Do nothing: what has not been asked for is not done."""


def _end(process: subprocess.Popen[bytes] | None) -> None:
    if process is None:
        return
    try:
        process.wait(_PATIENCE_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
