"""Params of the executor: what they take, what they refuse, and that both are cheap to ask."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
from pydantic import ValidationError

from rateval_slurm.params import SlurmParams


@pytest.mark.parametrize(
    ("time", "minutes"),
    [
        (90, 90),
        ("90", 90),
        ("1:30", 2),
        ("90:00", 90),
        ("2:00:00", 120),
        ("0:59:01", 60),
        ("2-0", 2880),
        ("1-2:03", 1563),
        ("1-2:03:04", 1564),
    ],
)
def test_times_are_read_as_slurm_reads_them(time: int | str, minutes: int) -> None:
    assert SlurmParams.model_validate({"time": time}).time == minutes


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ({"time": "two hours"}, 'such as "90", "2:00:00"'),
        ({"time": "0"}, "greater than or equal to 1"),
        ({"time": "0:00"}, "greater than or equal to 1"),
        ({"memory": "32 gigabytes"}, "pattern"),
        ({"partition": "gpu\n#SBATCH --uid=0"}, "pattern"),
        ({"setup": ["module load cuda\nrm -rf x"]}, "pattern"),
        ({"folder": "jobs/%j"}, "must hold no %"),
        ({"device": "gpu"}, "pattern"),
        ({"jobs": 0}, "greater than or equal to 1"),
        ({"options": {"p": "gpu"}}, "must be a long option of sbatch"),
        ({"options": {"--mail-type": "END"}}, "must be a long option of sbatch"),
        ({"options": {"mem": "3G"}}, "'mem' is what executor.memory sets"),
        ({"options": {"gpus-per-task": 1}}, "is what executor.gpus sets"),
        ({"options": {"output": "here"}}, "is set by the executor itself"),
        ({"options": {"exclusive": False}}, "is false; leave it out"),
        ({"options": {"comment": "a\n#SBATCH --uid=0"}}, "must be text in one line"),
        ({"partitions": "gpu"}, "Extra inputs"),
    ],
)
def test_what_sbatch_would_take_otherwise_is_refused(given: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        SlurmParams.model_validate(given)


def test_it_takes_as_many_steps_as_its_jobs_do() -> None:
    assert SlurmParams(jobs=3, steps_per_job=5).capacity == 15
    assert SlurmParams(jobs=3, steps_per_job=5, in_flight=4).capacity == 4
    assert SlurmParams().on_disk() == {}


def test_its_strings_import_nothing_heavy() -> None:
    code = (
        "import rateval_slurm.plugin, sys; "
        "print(*({'torch', 'pydantic', 'numpy', 'submitit'} & set(sys.modules))); "
        "import rateval_slurm.params; print(*({'torch', 'numpy', 'submitit'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
