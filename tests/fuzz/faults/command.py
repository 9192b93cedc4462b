"""The command line of rateval in processes of its own, many a second."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from faults.plugin import install_acme

ALWAYS = (
    "torch",
    "accelerate",
    "acme.parts",
    "pyarrow.dataset",
    "rateval.cli.studies.run",
    "rateval.cli.results.report",
    "rateval.engine.runner",
    "rateval.machine.memory",
    "rateval.report.printing",
    "rateval.report.terminal.report",
    "rateval.testing",
    "rateval_attention.attention.generic",
    "rateval_attention.maps.center_prior",
    "rateval_finetune.methods.full",
    "rateval_finetune.methods.linear_probe",
    "rateval_finetune.methods.zero_shot",
    "rateval_rationality.metrics",
    "rateval_rationality.relevance_mass",
    "scipy.ndimage",
    "scipy.stats",
    "torch._dynamo",
)
"""What a run of the tiny model imports sooner or later."""
PARTS = "RATEVAL_FAULTS_PART_SIZE"
"""Variable of the environment for a size that no user can set."""
_SOURCES = ("src", "plugins", "tests/fuzz")
ROOT = Path(__file__).parents[3]
GIB = 1 << 30


@dataclass(frozen=True, slots=True)
class Job:
    """One command, and under which limits it runs."""

    arguments: Sequence[str]
    folder: Path
    """Current folder of the process."""
    environment: Mapping[str, str] = field(default_factory=dict)
    limit_s: float = 20.0
    """Seconds until it counts as hanging."""
    grace_s: float = 20.0
    """Seconds that processes of it may outlive it."""
    kill_after_s: float | None = None
    """Seconds until it is killed on purpose."""
    memory: int | None = 3 * GIB
    """Bytes of address space beyond what the imports take."""
    file_size: int | None = None
    """Bytes that a file may grow to, as where a disk is full."""
    encoding: str = "utf-8"
    """What the terminal understands."""
    out: Path | None = None
    """Where its output goes in place of a file that is read, such as /dev/full."""
    parts: int | None = None
    """Images of a test split that are kept together while the rest is inferred."""
    call: str = "rateval.cli.main:main"
    """What takes the arguments."""


@dataclass(frozen=True, slots=True)
class Done:
    """How a command ended."""

    job: Job
    code: int
    """Exit code; below 0 the signal that ended it."""
    out: str
    err: str
    seconds: float
    peak: int
    """Bytes of memory at most, beyond what the imports take."""
    survivors: bool
    """Whether processes of it went on for long after its end."""

    @property
    def hung(self) -> bool:
        """Whether it was ended because it took too long."""
        return self.code < 0 and self.seconds > self.job.limit_s


class Commands:
    """A server that runs commands; a context, at whose end it stops."""

    def __init__(self) -> None:
        self._scratch = tempfile.TemporaryDirectory(prefix="rateval-faults-")
        self.scratch = Path(self._scratch.name).resolve()
        site = install_acme(self.scratch / "site")
        paths = [str(site), *(str(ROOT / source) for source in _SOURCES)]
        temporary = self.scratch / "temporary"
        temporary.mkdir()
        environment = os.environ | {
            "PYTHONPATH": os.pathsep.join([*paths, os.environ.get("PYTHONPATH", "")]),
            "PYTHONIOENCODING": "utf-8",
            "TMPDIR": str(temporary),
            "COLUMNS": "300",
            "OMP_NUM_THREADS": "1",
            "OPENBLAS_NUM_THREADS": "1",
            "OMP_WAIT_POLICY": "PASSIVE",
            "TOKENIZERS_PARALLELISM": "false",
            "HF_HUB_OFFLINE": "1",
        }
        self._server = subprocess.Popen(
            [sys.executable, "-m", "faults.server"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, text=True,
        )  # fmt: skip
        self._modules = set(ALWAYS)
        self._jobs = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.communicate()
        self._scratch.cleanup()

    def preload(self, *modules: str) -> None:
        """Have modules imported before the next command, for all that follow."""
        self._modules |= set(modules)

    def run(self, *arguments: str, folder: Path, **options: Any) -> Done:
        """Run one command in ``folder``; ``options`` are those of a Job."""
        (done,) = self.together([Job(arguments, folder, **options)])
        return done

    def together(self, jobs: Sequence[Job]) -> list[Done]:
        """Run commands that start at once, and wait for all of them."""
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        orders, files = [], []
        for job in jobs:
            self._jobs += 1
            pair = [self.scratch / f"{self._jobs}.{name}" for name in ("out", "err")]
            files.append(pair)
            orders.append(
                {
                    "arguments": list(job.arguments),
                    "folder": str(job.folder),
                    "environment": dict(job.environment) | _parts(job),
                    "limit_s": job.limit_s,
                    "grace_s": job.grace_s,
                    "kill_after_s": job.kill_after_s,
                    "memory": job.memory,
                    "file_size": job.file_size,
                    "encoding": job.encoding,
                    "call": job.call,
                    "out": str(job.out or pair[0]),
                    "err": str(pair[1]),
                }
            )
        order = {"modules": sorted(self._modules), "jobs": orders}
        self._server.stdin.write(json.dumps(order) + "\n")
        self._server.stdin.flush()
        answer = self._server.stdout.readline()
        assert answer, f"the server of commands died with {self._server.wait()}"
        done = zip(jobs, json.loads(answer), files, strict=True)
        return [_read(job, end, pair) for job, end, pair in done]


def _parts(job: Job) -> dict[str, str]:
    return {} if job.parts is None else {PARTS: str(job.parts)}


def _read(job: Job, end: Mapping[str, Any], files: Sequence[Path]) -> Done:
    texts = [_take(file, job.encoding) for file in files]
    return Done(job, end["code"], texts[0], texts[1], end["seconds"], end["peak"], end["survivors"])


def _take(file: Path, encoding: str) -> str:
    if not file.exists():
        return ""
    text = file.read_bytes().decode(encoding, "backslashreplace")
    file.unlink()
    return text
