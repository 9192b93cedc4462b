"""Jobs of one cluster: submitted, looked at, and cancelled."""

from __future__ import annotations

import contextlib
import io
import logging
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import submitit
from submitit.core.utils import FailedJobError, FailedSubmissionError

from rateval.api import RatevalError
from rateval_slurm.bundle import Bundle
from rateval_slurm.params import SlurmParams

Job = submitit.Job[None]

logging.getLogger("submitit").setLevel(logging.CRITICAL)  # it would write between lines of progress


NOTICE_S = 120
"""Seconds before its time is up at which a job is told."""


class Cluster(Protocol):
    """What takes bundles and says when their jobs are over."""

    at_once: int | None
    """Jobs that it may be given at once; None where a queue sees to that."""
    lingers: bool
    """Whether jobs work beside the run, and so can wait for more steps."""
    grace_s: float
    """Seconds after the end of a job in which the last files that it wrote may still appear."""
    pause_s: float
    """Seconds between two looks at what jobs wrote."""

    def submit(self, bundles: Sequence[Bundle], processes: int) -> Sequence[Job]:
        """Submit a job for each bundle, each with room for so many processes."""
        ...

    def look(self, jobs: Sequence[Job]) -> Mapping[str, str]:
        """Return the last state of those jobs that are over, by their ids."""
        ...

    def cancel(self, jobs: Sequence[Job], processes: Sequence[int]) -> None:
        """End jobs at once; ``processes`` are those that say they work on a step."""
        ...


class RefusedError(RatevalError):
    """Jobs that the cluster did not take, and what it said; ``passing`` if it may take them yet."""

    def __init__(self, said: str, folder: Path) -> None:
        super().__init__(
            f"sbatch refuses the jobs: {' '.join(said.split()) or 'without a word'}; its script is "
            f"in {folder}; mend executor.partition, account, time, gpus or what else it names, and "
            "run the study again"
        )
        self.passing = re.search(
            r"timed out|temporar|unable to contact|connection refused|try again",
            said,
            re.IGNORECASE,
        )


def submit_all(
    executor: submitit.Executor, bundles: Sequence[Bundle], folder: Path
) -> Sequence[Job]:
    """Submit bundles as one array; raises RefusedError where that fails."""
    jobs: list[Any] = []
    said = io.StringIO()
    try:
        with (
            contextlib.redirect_stderr(said),
            submitit.helpers.clean_env(),
            executor.batch(),
        ):
            jobs += [executor.submit(bundle) for bundle in bundles]
    except (FailedJobError, FailedSubmissionError, OSError) as error:
        raise RefusedError(str(error) or said.getvalue(), folder) from error
    return jobs


def parameters_of(params: SlurmParams, processes: int) -> dict[str, Any]:
    """Return what submitit is to write into the script of jobs for so many processes each."""
    extra: dict[str, Any] = dict(params.options)
    extra["requeue" if params.requeue else "no-requeue"] = True
    return {
        "job_name": "rateval",
        "partition": params.partition,
        "account": params.account,
        "qos": params.qos,
        "constraint": params.constraint,
        "time": params.time,
        "nodes": 1,
        "ntasks_per_node": 1,
        "cpus_per_task": params.cpus * processes,
        "gpus_per_node": params.gpus * processes or None,
        "mem": _multiply(params.memory, processes),
        "setup": list(params.setup) or None,
        "signal_delay_s": NOTICE_S,
        "array_parallelism": params.jobs,
        "additional_parameters": extra,
        "wckey": None,  # submitit's own is refused where keys are checked
    }


def _multiply(memory: str | None, processes: int) -> str | None:
    """Return the memory of several processes.

    >>> _multiply("32G", 2), _multiply(None, 2)
    ('64G', None)
    """
    return None if memory is None else f"{int(memory[:-1]) * processes}{memory[-1]}"
