"""Params of the executor of Slurm clusters."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints, model_validator

from rateval.api import Params

_TIME = re.compile(r"(?:(\d+)-(\d+)(?::(\d+))?(?::(\d+))?|(?:(\d+):)?(\d+):(\d+)|(\d+))")
_LONGEST = 365 * 24 * 60
_TAKEN = {
    "partition": "partition",
    "account": "account",
    "qos": "qos",
    "constraint": "constraint",
    "time": "time",
    "cpus-per-task": "cpus",
    "cpus-per-gpu": "cpus",
    "gpus": "gpus",
    "gpus-per-node": "gpus",
    "gpus-per-task": "gpus",
    "mem": "memory",
    "mem-per-cpu": "memory",
    "mem-per-gpu": "memory",
    "requeue": "requeue",
    "no-requeue": "requeue",
    "array": "jobs",
}
"""Options of sbatch that a param of its own sets."""
_OURS = (
    *(
        "output",
        "error",
        "open-mode",
        "signal",
        "nodes",
        "ntasks",
        "ntasks-per-node",
        "ntasks-per-gpu",
    ),
    *("chdir", "input", "wrap", "parsable", "wait", "test-only", "export", "job-name", "help"),
)
"""Options of sbatch on which it hangs that jobs begin rightly and are found again."""


def read_minutes(time: object) -> object:
    """Return a time limit in whole minutes, rounded up: of a number, or of text as Slurm has it.

    Raises ValueError where the text is none of Slurm's forms.

    >>> read_minutes(90), read_minutes("90"), read_minutes("2:00:00"), read_minutes("1-12")
    (90, 90, 120, 2160)
    >>> read_minutes("10:30"), read_minutes("1-00:30:00")
    (11, 1470)
    """
    if not isinstance(time, str):
        return time
    found = _TIME.fullmatch(time.strip())
    if found is None:
        raise ValueError(
            'must be minutes, or text such as "90", "2:00:00" (hours, minutes, seconds) or '
            '"1-12:00:00" (days before the hyphen)'
        )
    days, *rest = (int(part or 0) for part in found.groups())
    day_hours, day_minutes, day_seconds, hours, minutes, seconds, alone = rest
    total = days * 1440 + (day_hours + hours) * 60 + day_minutes + minutes + alone
    return total + math.ceil((day_seconds + seconds) / 60)


def _check_options(options: Mapping[str, object]) -> Mapping[str, object]:
    for name, value in options.items():
        if not re.fullmatch(r"[a-z][a-z0-9]+(-[a-z0-9]+)*", name):
            raise ValueError(
                f"{name!r} must be a long option of sbatch without its two hyphens, such as "
                '"mail-type"'
            )
        if name in _TAKEN:
            raise ValueError(f"{name!r} is what executor.{_TAKEN[name]} sets; give that instead")
        if name in _OURS:
            raise ValueError(f"{name!r} is set by the executor itself; leave it out")
        if value is False:
            raise ValueError(f"{name!r} is false; leave it out, or give true for a bare option")
        if isinstance(value, str) and not (value and value.isprintable()):
            raise ValueError(f"{name!r} must be text in one line")
    return options


Word = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\s'\"\\]+$")]
"""What sbatch takes as a name, or as an expression over names."""
Line = Annotated[str, StringConstraints(max_length=4000, pattern=r"^[^\r\n\x00]*$")]
Minutes = Annotated[int, BeforeValidator(read_minutes), Field(ge=1, le=_LONGEST)]
Option = Annotated[str, StringConstraints(max_length=1000)] | bool | int
Options = Annotated[dict[str, Option], AfterValidator(_check_options)]


class SlurmParams(Params):
    """Params of ``slurm``."""

    cluster: Literal["slurm", "local", "debug"] = "slurm"
    """Where jobs run: on Slurm; to try a spec without one, in processes of this computer
    (``local``) or in this process (``debug``), both of which submitit brings."""
    folder: Path = Path("slurm")
    """Folder for jobs' scripts, logs and messages, which all nodes must see under the same path;
    relative to the folder that the run is started in. Each run makes one of its own in it."""
    partition: Word | None = None
    """Partition, or several parted by commas; Slurm's default when left out."""
    account: Word | None = None
    """Account that is charged."""
    qos: Word | None = None
    """Quality of service."""
    constraint: Word | None = None
    """Features that a node must have, such as ``a100|h100``."""
    time: Minutes = 60
    """Longest that a job may take: minutes, or text such as ``2:00:00``."""
    cpus: int = Field(default=4, ge=1, le=1024)
    """Cores of a job; of each process, for a step that several processes share."""
    gpus: int = Field(default=0, ge=0, le=64)
    """GPUs of a job; of each process, for a step that several processes share."""
    memory: Annotated[str, StringConstraints(pattern=r"^[1-9][0-9]{0,8}[KMGT]$")] | None = None
    """Memory of a job, such as ``32G``; of each process, for a step that several processes share.
    Slurm's default when left out."""
    jobs: int = Field(default=8, ge=1, le=1000)
    """Jobs of one array that run at once."""
    steps_per_job: int = Field(default=4, ge=1, le=1000)
    """Most steps that a job does one after another, so that a model loaded once serves several."""
    linger: float = Field(default=60.0, ge=0.0, le=3600.0)
    """Seconds that a job with no step left keeps its model and waits for more: most steps can be
    handed over only when others have ended. 0 ends each job with its last step."""
    in_flight: int | None = Field(default=None, ge=1, le=100_000)
    """Steps that are handed over at once; ``jobs`` times ``steps_per_job`` when left out."""
    light: Literal["job", "here"] = "job"
    """Where steps that need no model are done (verdicts, scores): in jobs like all others, or in
    the process that runs the study, which spares them the queue."""
    device: Annotated[str, StringConstraints(pattern=r"^(cpu|cuda(:[0-9]+)?)$")] | None = None
    """Device that jobs compute on, such as ``cuda`` where the run is started on a node without
    one; ``run.device`` as found there when left out."""
    setup: tuple[Line, ...] = Field(default=(), max_length=200)
    """Lines of shell before Python starts, such as ``module load cuda``."""
    requeue: int = Field(default=3, ge=0, le=100)
    """Times that a job that is preempted or runs out of time goes back into the queue."""
    poll: float = Field(default=30.0, ge=0.05, le=3600.0)
    """Seconds between two questions to Slurm about the jobs' states."""
    options: Options = Field(default_factory=dict)
    """More options of sbatch by their long names; ``true`` for one without a value."""

    @model_validator(mode="after")
    def _check_folder(self) -> Self:
        if not str(self.folder).isprintable() or "%" in str(self.folder):
            raise ValueError(
                f"folder = {str(self.folder)!r}: must hold no % and no line break, which sbatch "
                "reads as something else"
            )
        return self

    def on_disk(self) -> Mapping[tuple[str | int, ...], Path]:
        """Return nothing: the folder is made."""
        return {}

    @property
    def capacity(self) -> int:
        """Steps that are handed over at once."""
        return self.in_flight or self.jobs * self.steps_per_job
