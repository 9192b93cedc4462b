"""Work that jobs can import, monitors, and a Slurm that runs its jobs on this computer."""

from __future__ import annotations

import importlib
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("submitit")

from rateval.api import Executor, Step, StepEnd, Work
from rateval.records.step import Demand

# Jobs import it by name, which they can't do with this file. It takes an exit for a failure, as
# the work of a study does.
TOYS = """
from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from rateval.api import StepEnd


def work(step, monitor):
    try:
        return do(step, monitor)
    except (Exception, SystemExit) as error:
        return StepEnd(step.identity, 0.0, error=f"{type(error).__name__}: {error}", traceback="T")


def do(step, monitor):
    monitor.begin(2)
    monitor.advance(1, "half")
    for action, value in step.inputs.items():
        if action == "touch":
            with Path(value).open("a") as file:
                file.write(f"{os.getpid()}\\n")
        elif action == "await":
            while not Path(value).exists():
                time.sleep(0.05)
        elif action == "die":
            print("about to die", file=__import__("sys").stderr, flush=True)
            os.kill(os.getpid(), signal.SIGKILL)
        elif action == "fail":
            raise ZeroDivisionError(value)
    monitor.advance(1)
    return StepEnd(step.identity, 0.25)


def bug(step, monitor):
    raise ZeroDivisionError("a bug")
"""

# Each answers as Slurm's own does, as far as submitit and the executor look.
SBATCH = """#!/bin/bash
script="${@: -1}"
id=$(( 100 + $(ls "$FAKE_SLURM/scripts" | wc -l) ))
if [ -e "$FAKE_SLURM/refuse" ]; then cat "$FAKE_SLURM/refuse" >&2; exit 1; fi
cp "$script" "$FAKE_SLURM/scripts/$id.sh"
echo "Submitted batch job $id"
[ -e "$FAKE_SLURM/hold" ] && exit 0
last=$(sed -n 's/^#SBATCH --array=0-\\([0-9]*\\)%.*/\\1/p' "$script")
export SLURM_JOB_ID=$id SLURM_NTASKS=1 SLURM_PROCID=0 SLURM_JOB_NUM_NODES=1
task() {
    touch "$FAKE_SLURM/queue/$1"
    while :; do
        bash "$script"; code=$?
        rm "$FAKE_SLURM/requeue/$1" 2>/dev/null || break
    done
    [ $code = 0 ] && echo COMPLETED > "$FAKE_SLURM/done/$1" || echo FAILED > "$FAKE_SLURM/done/$1"
    rm "$FAKE_SLURM/queue/$1"
}
if [ -z "$last" ]; then task "$id" >/dev/null 2>&1 &
else for a in $(seq 0 "$last"); do
    SLURM_ARRAY_JOB_ID=$id SLURM_ARRAY_TASK_ID=$a task "${id}_$a" >/dev/null 2>&1 &
done; fi
"""
SRUN = """#!/bin/bash
while [[ $1 == --* ]]; do
    case $1 in
        --output) out=$2; shift 2;;
        --error) err=$2; shift 2;;
        *) shift;;
    esac
done
named="s/%A/$SLURM_ARRAY_JOB_ID/; s/%a/$SLURM_ARRAY_TASK_ID/; s/%j/$SLURM_JOB_ID/; s/%t/0/"
exec "$@" >> "$(echo "$out" | sed "$named")" 2>> "$(echo "$err" | sed "$named")"
"""
SQUEUE = '#!/bin/bash\n[ -e "$FAKE_SLURM/silent" ] && exit 1\nls "$FAKE_SLURM/queue"\n'
SACCT = """#!/bin/bash
echo "JobID|State|NodeList"
cd "$FAKE_SLURM/queue" && for job in *; do [ -e "$job" ] && echo "$job|RUNNING|here"; done
cd "$FAKE_SLURM/done" && for job in *; do [ -e "$job" ] && echo "$job|$(cat "$job")|here"; done
"""
SCANCEL = '#!/bin/bash\necho "$@" >> "$FAKE_SLURM/cancelled"\n'
SCONTROL = '#!/bin/bash\ntouch "$FAKE_SLURM/requeue/$2"\n'
PROGRAMS = {
    "sbatch": SBATCH,
    "srun": SRUN,
    "squeue": SQUEUE,
    "sacct": SACCT,
    "scancel": SCANCEL,
    "scontrol": SCONTROL,
}


@pytest.fixture
def toys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    site = tmp_path / "site"
    site.mkdir()
    (site / "slurm_toys.py").write_text(TOYS)
    monkeypatch.syspath_prepend(str(site))
    monkeypatch.setenv("PYTHONPATH", str(site), prepend=os.pathsep)
    yield importlib.import_module("slurm_toys")
    del sys.modules["slurm_toys"]


@pytest.fixture
def slurm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put a Slurm on the PATH that does its jobs here, and return the folder that it keeps."""
    folder = tmp_path / "fake-slurm"
    for name in ("bin", "scripts", "queue", "done", "requeue"):
        (folder / name).mkdir(parents=True)
    for name, text in PROGRAMS.items():
        (folder / "bin" / name).write_text(text)
        (folder / "bin" / name).chmod(0o755)
    monkeypatch.setenv("FAKE_SLURM", str(folder))
    monkeypatch.setenv("PATH", str(folder / "bin"), prepend=os.pathsep)
    return folder


class Monitor:
    def __init__(self) -> None:
        self.heard: list[tuple[Any, ...]] = []

    def begin(self, total: int) -> None:
        self.heard.append(("begin", total))

    def advance(self, samples: int, note: str = "") -> None:
        self.heard.append(("advance", samples, note))


class Kit:
    """What tests of jobs do again and again."""

    def __init__(self, folder: Path) -> None:
        self.jobs = folder / "jobs"
        self._made: list[Executor] = []

    def start(self, work: Work, **params: Any) -> Any:
        """Start an executor, which is stopped after the test."""
        from rateval.api import Context
        from rateval_slurm.executor import make_slurm
        from rateval_slurm.params import SlurmParams

        given = {"cluster": "local", "folder": self.jobs, "poll": 0.05, "jobs": 1} | params
        executor = make_slurm(SlurmParams(**given), Context())
        self._made.append(executor)
        executor.start(work)
        return executor

    def stop(self) -> None:
        for executor in self._made:
            executor.stop()

    @staticmethod
    def step(name: str, *, demand: Demand | None = None, **inputs: Any) -> Step:
        texts = {key: str(value) for key, value in inputs.items()}
        return Step("infer", name, name, texts, demand=demand or Demand())

    def submit(self, executor: Executor, *steps: Step) -> list[Monitor]:
        monitors = [Monitor() for _ in steps]
        for step, monitor in zip(steps, monitors, strict=True):
            executor.submit(step, monitor)
        return monitors

    @staticmethod
    def collect_all(executor: Executor) -> dict[str, StepEnd]:
        ends: dict[str, StepEnd] = {}
        while found := executor.collect():
            ends |= {end.identity: end for end in found}
        return ends

    @staticmethod
    def wait_for(condition: Callable[[], object]) -> None:
        """Wait until something holds; a test that waits for minutes has failed."""
        for _ in range(6000):
            if condition():
                return
            time.sleep(0.05)
        raise AssertionError("waited in vain")

    def once(self, condition: Callable[[], object], act: Callable[[], object]) -> None:
        """Do something in another thread as soon as something holds."""

        def watch() -> None:
            self.wait_for(condition)
            act()

        threading.Thread(target=watch, daemon=True).start()

    @staticmethod
    def lines(path: Path) -> list[str]:
        return path.read_text().split() if path.exists() else []


@pytest.fixture
def kit(tmp_path: Path) -> Iterator[Kit]:
    kit = Kit(tmp_path)
    yield kit
    kit.stop()
