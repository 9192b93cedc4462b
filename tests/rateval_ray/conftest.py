"""A cluster of two nodes, work that can be told to misbehave, and executors that are stopped."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rateval.api import Context, Executor, Step, StepEnd
from rateval.records.step import Demand
from rateval_ray.executor import make_ray
from rateval_ray.params import RayParams

pytest.importorskip("ray")
NODES = Path(__file__).with_name("nodes.py")

# Workers import it by name, which they can't do with this file.
TOYS = """
from __future__ import annotations

import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

from rateval.api import StepEnd
from rateval.records.step import Demand


@dataclass(frozen=True)
class Near(Demand):
    affinity: str | None = None


class Odd(Exception):
    def __init__(self, one, two):
        super().__init__(f"{one} and {two}")


def work(step, monitor):
    monitor.begin(2)
    monitor.advance(1, "half")
    for action, value in step.inputs.items():
        if action == "sleep":
            time.sleep(value)
        elif action == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        elif action == "die first" and not Path(value).exists():
            Path(value).touch()
            os.kill(os.getpid(), signal.SIGKILL)
        elif action == "raise":
            import ray.exceptions

            raise {
                "interrupt": KeyboardInterrupt(),
                "bug": ZeroDivisionError("by nothing"),
                "lost": ray.exceptions.ActorDiedError(),
                "odd": Odd(1, 2),
            }[value]
        elif action == "touch":
            Path(value).write_text(f"{os.getpid()}")
        elif action == "await":
            while not all(Path(path).exists() for path in value.split(os.pathsep)):
                time.sleep(0.02)
        elif action == "look":
            import ray

            context = ray.get_runtime_context()
            seen = [os.environ["OMP_NUM_THREADS"], os.environ.get("CUDA_VISIBLE_DEVICES", "")]
            Path(value).write_text(" ".join([*seen, context.get_node_id()]))
    monitor.advance(1)
    return StepEnd(step.identity, float(os.getpid()))
"""


class Nodes:
    """A cluster in a process of its own. Raises RuntimeError where it doesn't start in time."""

    def __init__(self, patience_s: float = 600) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(NODES)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            start_new_session=True,
        )
        starting = threading.Timer(patience_s, self._process.kill)
        starting.start()
        self.address = self._read().strip()
        starting.cancel()
        if not self.address:
            self._process.kill()
            self._process.communicate()
            raise RuntimeError(f"no Ray cluster started within {patience_s:.0f} s")
        self._killer = threading.Timer(900, self._process.kill)
        self._killer.start()
        assert self.address.startswith("127.0.0.1:")

    def tell(self, what: str) -> None:
        """Let it do something; returns when that is done."""
        assert self._process.stdin is not None
        print(what, file=self._process.stdin, flush=True)
        self._read()

    def _read(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline()

    def busy(self) -> list[int]:
        """Return the processes of workers that do a step right now."""
        found = []
        for stat in Path("/proc").glob("[0-9]*/stat"):
            try:
                session = int(stat.read_text().rpartition(")")[2].split()[3])
                command = (stat.parent / "cmdline").read_text()
            except OSError:  # it has ended meanwhile
                continue
            if session == self._process.pid and command.startswith("ray::StepActor.do"):
                found.append(int(stat.parent.name))
        return found

    def end(self) -> None:
        self._killer.cancel()
        self._process.kill()
        self._process.communicate()


@pytest.fixture(scope="session", autouse=True)
def _on_the_loopback() -> Iterator[None]:
    # Else Ray takes 127.0.0.1 for another address of this computer.
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")
        yield


@pytest.fixture(scope="session")
def nodes() -> Iterator[Nodes]:
    """Two nodes: one CPU, and two CPUs with two GPUs that Ray believes in."""
    if not os.environ.get("RATEVAL_SLOW"):
        pytest.skip("starts clusters: set RATEVAL_SLOW=1")
    made = Nodes()
    yield made
    made.end()


@pytest.fixture
def nodes_to_lose() -> Iterator[Nodes]:
    made = Nodes()
    yield made
    made.end()


@pytest.fixture(scope="session")
def toys(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    folder = tmp_path_factory.mktemp("toys")
    (folder / "ray_toys.py").write_text(TOYS)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(folder))
        yield importlib.import_module("ray_toys")
    del sys.modules["ray_toys"]


@pytest.fixture(scope="module")
def executor(toys: Any, nodes: Nodes) -> Iterator[Executor]:
    """An executor for all tests of a module; each collects what it submitted."""
    made = begin(toys, nodes.address, retries=1)
    yield made
    made.stop()


def begin(toys: Any, address: str, device: str = "cpu", **params: Any) -> Executor:
    made = make_ray(RayParams(address=address, **params), Context(device=device))
    made.start(toys.work)
    return made


class Monitor:
    def __init__(self) -> None:
        self.heard: list[tuple[Any, ...]] = []

    def begin(self, total: int) -> None:
        self.heard.append(("begin", total))

    def advance(self, samples: int, note: str = "") -> None:
        self.heard.append(("advance", samples, note))


def step(name: str, **inputs: Any) -> Step:
    return Step("infer", name, name, inputs, demand=Demand(True))


def demanding(demand: Demand, name: str, /, **inputs: Any) -> Step:
    return Step("infer", name, name, inputs, demand=demand)


def collect_all(executor: Executor) -> dict[str, StepEnd]:
    """Return how all steps end; each ends once."""
    ends: dict[str, StepEnd] = {}
    while found := executor.collect():
        for end in found:
            assert end.identity not in ends
            ends[end.identity] = end
    return ends
