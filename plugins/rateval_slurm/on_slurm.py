"""Jobs on Slurm itself, and which of them are over."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import submitit
from submitit.slurm.slurm import SlurmInfoWatcher

from rateval.api import RatevalError
from rateval_slurm.bundle import Bundle
from rateval_slurm.jobs import Job, parameters_of, submit_all
from rateval_slurm.params import SlurmParams

PROGRAMS = ("sbatch", "srun", "squeue", "scancel")
FINAL = frozenset(
    (
        *("BOOT_FAIL", "CANCELLED", "COMPLETED", "DEADLINE", "FAILED", "NODE_FAIL"),
        *("OUT_OF_MEMORY", "PREEMPTED", "REVOKED", "TIMEOUT"),
    )
)
"""States of which a job doesn't come back by itself, once the queue has it no more."""
MISSING_S = 120.0
"""Seconds for which neither queue nor accounting may know of a job before it counts as gone."""
SILENT_S = 3600.0
"""Seconds for which Slurm may not answer at all before its jobs count as gone."""
_PATIENCE_S = 60.0


def require_slurm() -> None:
    """Raise RatevalError unless this is a computer that jobs can be submitted from."""
    missing = [program for program in PROGRAMS if shutil.which(program) is None]
    if missing:
        raise RatevalError(
            f'executor.cluster = "slurm": there is no {", ".join(missing)} on the PATH here; start '
            "the run on a computer that jobs are submitted from, such as the cluster's login node; "
            'to try the spec here, set executor.cluster = "local"'
        )


class Watcher(SlurmInfoWatcher):
    """submitit's watcher, which asks accounting for the jobs that somebody still waits for.

    submitit's own takes a job that is suspended for one that is over, and one whose node failed
    that comes back later for one that needn't be asked for any more.
    """

    def __init__(self) -> None:
        super().__init__()
        self.through: set[str] = set()
        """Jobs that nobody waits for."""

    def is_done(self, job_id: str, mode: str = "standard") -> bool:
        """Return whether nobody waits for a job."""
        return job_id in self.through


class OnSlurm:
    """Arrays of jobs on Slurm; its queue and accounting are asked every ``params.poll`` seconds."""

    at_once: int | None = None
    lingers = True
    grace_s = 15.0

    def __init__(
        self, params: SlurmParams, folder: Path, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.pause_s = min(1.0, params.poll)
        self._params, self._folder, self._clock = params, folder, clock
        self._watcher = Watcher()
        self._submitted: set[str] = set()
        self._asked = float("-inf")
        self._answered = clock()
        """When the queue answered last."""
        self._gone: dict[str, float] = {}
        """Jobs that the queue has no more, and since when."""
        self._over: dict[str, str] = {}

    def submit(self, bundles: Sequence[Bundle], processes: int) -> Sequence[Job]:
        """Submit an array."""
        executor = submitit.SlurmExecutor(self._folder, max_num_timeout=self._params.requeue)
        executor.update_parameters(**parameters_of(self._params, processes))
        jobs = submit_all(executor, bundles, self._folder)
        for job in jobs:
            self._watcher.register_job(job.job_id)
        self._submitted |= {job.job_id for job in jobs}
        return jobs

    def look(self, jobs: Sequence[Job]) -> Mapping[str, str]:
        """Return the last states of those that are over."""
        waited = {job.job_id for job in jobs}
        self._watcher.through |= self._submitted - waited
        if self._clock() - self._asked >= self._params.poll:
            self._asked = self._clock()
            self._watcher.update()
            self._compare(waited - self._over.keys(), list_queue())
        for job in jobs:
            # Its python has ended, as all jobs say that end by themselves.
            if job.job_id not in self._over and job.paths.result_pickle.exists():
                self._over[job.job_id] = self._state(job.job_id, "ended")
        return {job: state for job, state in self._over.items() if job in waited}

    def cancel(self, jobs: Sequence[Job], processes: Sequence[int]) -> None:
        """Cancel all at once."""
        ids = sorted({job.job_id.partition("_")[0] for job in jobs})
        if ids:
            with suppress(OSError, subprocess.TimeoutExpired):
                _run("scancel", *ids)

    def _compare(self, jobs: set[str], queue: set[str] | None) -> None:
        """Find out which jobs are over, by what is in the queue and what accounting says."""
        now = self._clock()
        if queue is not None:
            self._answered = now
        for job in jobs:
            state = self._state(job, "UNKNOWN")
            if queue is None:
                silent = now - self._answered >= SILENT_S
                if silent:
                    self._over[job] = f"{state}, and squeue has not answered for an hour"
            elif job in queue:
                self._gone.pop(job, None)
            elif state in FINAL:
                self._over[job] = state
            elif now - self._gone.setdefault(job, now) >= MISSING_S:
                self._over[job] = f"{state}, and the queue has it no more"

    def _state(self, job: str, otherwise: str) -> str:
        said = str(self._watcher.get_state(job, mode="cache")).upper()
        state = said.split()[0].rstrip("+") if said.split() else "UNKNOWN"  # CANCELLED by 1000
        return otherwise if state == "UNKNOWN" else state


def list_queue() -> set[str] | None:
    """Return the ids of this user's jobs that are in the queue or at work; None for no answer."""
    try:
        done = _run("squeue", "--noheader", "--array", "--format=%i", f"--user={os.getuid()}")
    except (OSError, subprocess.TimeoutExpired):
        return None
    return set(done.stdout.split()) if done.returncode == 0 else None


def _run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603  # Slurm's own programs, and ids that it gave
        command, capture_output=True, text=True, check=False, timeout=_PATIENCE_S
    )
