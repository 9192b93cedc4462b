"""A Ray cluster of two nodes on this computer, told what to do line by line.

``python nodes.py`` prints the address, then an empty line when what it was told is done; it ends
with what tells it.
"""

from __future__ import annotations

import os
import sys
from typing import Any

os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"  # so that it listens on the loopback alone
# A busy computer takes longer than Ray waits to start its own programs.
os.environ |= {"RAY_agent_register_timeout_ms": "150000", "RAY_DASHBOARD_STARTUP_TIMEOUT_S": "150"}

from ray.cluster_utils import Cluster

GPUS = 2


def add(cluster: Any, node: dict[str, Any]) -> Any:
    """Add a node; Ray gives one 30 seconds to start, which a busy computer may not have."""
    for _ in range(3):
        try:
            return cluster.add_node(**node)
        except Exception as error:
            print(error, file=sys.stderr)
    raise RuntimeError("no node starts on this computer: it is too busy")


def main() -> None:
    head: dict[str, Any] = {"num_cpus": 1, "num_gpus": 0, "include_dashboard": False}
    second: dict[str, Any] = {"num_cpus": 2, "num_gpus": GPUS}
    cluster: Any = Cluster()
    for one in (head, second):
        other = add(cluster, one)
    print(cluster.address, flush=True)
    for line in sys.stdin:
        if line == "remove\n":
            cluster.remove_node(other, allow_graceful=False)
        elif line == "add\n":
            other = add(cluster, second)
        elif line == "kill head\n":
            cluster.head_node.kill_all_processes(check_alive=False, allow_graceful=False)
        print(flush=True)
    os._exit(0)  # its nodes end with it


if __name__ == "__main__":
    main()
