"""Time `rateval list` beside an empty Python, each as a process of its own: 20 s on 2 cores."""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time

from pace import rounds


def seconds(command: list[str]) -> float:
    started = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=15)
    runs = parser.parse_args().runs
    commands = {
        "python -c pass": [sys.executable, "-c", "pass"],
        "rateval list": [sys.executable, "-m", "rateval", "list"],
        "rateval list --json": [sys.executable, "-m", "rateval", "list", "--json"],
    }
    for command in commands.values():
        seconds(command)  # warm up
    # In turns, so that a slow moment of the machine hits all of them.
    times = [[seconds(command) for command in commands.values()] for _ in rounds(runs)]
    baseline = statistics.median(row[0] for row in times)
    for at, name in enumerate(commands):
        median = statistics.median(row[at] for row in times)
        print(f"{name:<20} {1000 * median:7.1f} ms   {median / baseline:5.1f} x python -c pass")


if __name__ == "__main__":
    main()
