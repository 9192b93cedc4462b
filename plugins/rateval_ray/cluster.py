"""A Ray cluster as a run meets it: reached or made, its nodes, and whether it is still there."""

from __future__ import annotations

import importlib.util
import os
import socket
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from rateval_ray.messages import Ask

LOST_S = 30.0
"""Seconds without an answer after which a cluster counts as lost; after 60 Ray ends the process."""
ASK_S = 2.0
"""Seconds between two questions to the cluster."""
_REACH_S = 10.0
"""Seconds within which something must listen at an address."""
_STORE_BYTES = 128 * 2**20
"""Memory of the object store of a cluster of its own: little more than a spec is in it."""

_PATIENCE = {"RAY_agent_register_timeout_ms": "150000", "RAY_DASHBOARD_STARTUP_TIMEOUT_S": "150"}

AGAIN = "run the study again: what is stored is not computed anew"


class UnusableError(Exception):
    """A cluster that can't be reached, or do any step; says why and what to do."""


@dataclass(frozen=True, slots=True)
class Node:
    """A computer of the cluster, and all that it has, taken or not."""

    name: str
    cpus: float
    gpus: float
    memory: float

    def room(self, ask: Ask) -> int:
        """Return how many workers fit on it when it is empty.

        >>> node = Node("a", 8, 2, 4e9)
        >>> node.room(Ask(1, 0.5, None)), node.room(Ask(1, 0, 10**9)), node.room(Ask(16, 0, None))
        (4, 4, 0)
        """
        rooms = [self.cpus / ask.cpus]
        rooms += [self.gpus / ask.gpus] if ask.gpus else []
        rooms += [self.memory / ask.memory] if ask.memory else []
        return int(min(rooms) + 1e-9)

    def __str__(self) -> str:
        return f"{self.name} with {amounts(self.cpus, self.gpus, self.memory)}"


def amounts(cpus: float, gpus: float, memory: float | None) -> str:
    """Return an amount of everything in words.

    >>> amounts(8, 0.5, None), amounts(1, 0, 8e9)
    ('8 CPUs, 0.5 GPUs', '1 CPU, 8 GB of memory')
    """
    words = [f"{cpus:g} CPU{'' if cpus == 1 else 's'}"]
    words += [f"{gpus:g} GPU{'' if gpus == 1 else 's'}"] if gpus else []
    words += [f"{memory / 1e9:.3g} GB of memory"] if memory else []
    return ", ".join(words)


def say_no_room(ask: Ask, nodes: Sequence[Node]) -> str:
    """Return the sentence for what no node has, with what there is."""
    there = "; ".join(map(str, nodes[:8])) + ("; …" if len(nodes) > 8 else "")
    return (
        f"no node of the Ray cluster has the {amounts(ask.cpus, ask.gpus, ask.memory)} that a step "
        f"asks for; there {'is' if len(nodes) == 1 else 'are'} {there or 'none'}; ask for less by "
        "executor.cpus, executor.gpus and executor.memory, or add a node"
    )


def read_nodes(told: Iterable[Mapping[str, Any]]) -> list[Node]:
    """Return the nodes that live, from what ``ray.nodes()`` tells."""
    nodes = []
    for one in told:
        if one.get("Alive"):
            has = one.get("Resources", {})
            found = (float(has.get(name, 0)) for name in ("CPU", "GPU", "memory"))
            nodes.append(Node(str(one.get("NodeManagerAddress")), *found))
    return nodes


def connect(address: str | None, folder: str) -> None:
    """Connect this process to a cluster, or make one on the loopback interface.

    ``folder`` is where one of its own keeps its files. Raises UnusableError.
    """
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    os.environ["RAY_ENABLE_UV_RUN_RUNTIME_ENV"] = "0"  # it would copy the working folder around
    os.environ["RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO"] = "0"
    os.environ.pop("RAY_ADDRESS", None)  # the spec alone says where
    if address is None:
        # Else Ray takes another address than the loopback's, and anyone nearby could send it work.
        os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"
        # A busy computer takes longer than Ray waits to start its own programs.
        for name, value in _PATIENCE.items():
            os.environ.setdefault(name, value)
    elif address != "auto":
        _require_listener(address)
    import ray

    options: dict[str, Any] = {"log_to_driver": False, "logging_level": "critical"}
    if address is None:
        options |= {
            "_node_ip_address": "127.0.0.1",
            "include_dashboard": False,
            "object_store_memory": _STORE_BYTES,
            "_temp_dir": folder,
        }
    try:
        ray.init(address or "local", **options)
    except Exception as error:
        raise UnusableError(_say_why(address, error)) from error


def _require_listener(address: str) -> None:
    client = address.startswith("ray://")
    if client and importlib.util.find_spec("grpc") is None:
        raise UnusableError(
            f'executor.address = "{address}": Ray\'s client is not installed here; use '
            "\"host:port\" from a node of the cluster, or pip install 'ray[client]'"
        )
    host, _, port = address.removeprefix("ray://").rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=_REACH_S).close()
    except OSError as error:
        raise UnusableError(_say_why(address, error)) from error


def _say_why(address: str | None, error: Exception) -> str:
    why = " ".join(str(error).split())[:400] or type(error).__name__
    if address is None:
        return f"a Ray cluster could not be made on this computer: {why}"
    if address == "auto":
        return (
            f'executor.address = "auto": no Ray cluster was found on this computer: {why}; start '
            "one by `ray start --head`, or leave the address out for one of the run's own"
        )
    return (
        f'executor.address = "{address}": no Ray cluster could be reached there: {why}; take the '
        "address that `ray start --head` printed, and run on a node of that cluster"
    )


@dataclass(slots=True)
class Watch:
    """A cluster, asked again and again for its nodes, from a thread of its own."""

    end: Callable[[], object]
    """What is done, in another thread, when the cluster has not answered for long."""
    nodes: list[Node] = field(default_factory=list)
    """Those that lived when it answered last."""
    answered: float = field(default_factory=time.monotonic)

    def start(self) -> None:
        """Ask from now on, the first time before this returns."""
        self._ask()
        for target in (self._ask_on, self._guard):
            threading.Thread(target=target, daemon=True).start()

    def _ask(self) -> None:
        import ray

        ask: Callable[[], Any] = ray.nodes
        self.nodes = read_nodes(ask())
        self.answered = time.monotonic()

    def _guard(self) -> None:
        # What waits for the cluster, this thread's sister among it, can wait longer than Ray lives.
        while time.monotonic() - self.answered < LOST_S:
            time.sleep(1.0)
        self.end()

    def _ask_on(self) -> None:
        while True:
            time.sleep(ASK_S)
            try:
                self._ask()
            except Exception:  # noqa: S112 - no answer is what it looks for
                continue
