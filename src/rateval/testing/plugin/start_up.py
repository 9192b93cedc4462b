"""What a plugin costs every command: the import of what registers it, in a process of its own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator

from rateval.registry.discovery import HEAVY, SLOW_S
from rateval.testing.failure import require
from rateval.testing.plugin.report import StartUp

FORBIDDEN = ("numpy", *HEAVY)
"""What registering may not bring."""
_LINE = re.compile(r"import time:\s*(\d+) \|\s*\d+ \|\s*([\w.]+)")
_MARK = "rateval: from here on"
_SHOWN = 5
_BEYOND_CHANCE = 5
"""Times the bound from which on no second try could be within it."""


def measure(module: str) -> StartUp:
    """Import a module in a process of its own, and tell which packages cost how much.

    The quickest of up to three tries counts: what is slow only now and then is slow for another
    reason.
    """
    tries: list[StartUp] = []
    while len(tries) < 3 and all(SLOW_S < one.seconds < _BEYOND_CHANCE * SLOW_S for one in tries):
        costs, printed = _import(module)
        slowest = sorted(costs, key=lambda name: -costs[name])
        kept = [name for name in slowest if name in FORBIDDEN or name in slowest[:_SHOWN]]
        total = sum(costs.values())
        tries.append(StartUp(module, total, {name: costs[name] for name in kept}, printed))
    return min(tries, key=lambda one: one.seconds)


def check(start: StartUp) -> None:
    """Check that an entry module is quick and quiet, and brings nothing heavy.

    Raises ConformanceError.
    """
    heavy = [f"{name} ({start.costs[name]:.2f} s)" for name in FORBIDDEN if name in start.costs]
    asked = "import nothing heavy: neither torch nor numpy, which every command would wait for"
    require(not heavy, start.module, asked, ", ".join(heavy))
    asked = "print nothing when it is imported, which would stand in what every command prints"
    require(not start.printed, start.module, asked, f"{start.printed!r:.80}")
    costs = ", ".join(f"{name} {seconds:.2f} s" for name, seconds in start.costs.items())
    quick = start.seconds <= SLOW_S
    got = f"{start.seconds:.2f} s: {costs}"
    require(quick or bool(heavy), start.module, f"be imported within {SLOW_S} s", got)


def _import(module: str) -> tuple[dict[str, float], str]:
    program = (
        "import sys, rateval.api, rateval.api.hookspecs\n"
        f"print({_MARK!r}, file=sys.stderr, flush=True)\n"
        f"import {module}\n"
    )
    done = subprocess.run(  # noqa: S603  # the program is ours, the module's name a plugin's
        [sys.executable, "-X", "importtime", "-c", program],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
    )
    costs: dict[str, float] = defaultdict(float)
    for name, seconds in _parse(done.stderr.partition(_MARK)[2]):
        costs[name.partition(".")[0]] += seconds
    return dict(costs), done.stdout.strip()


def _parse(said: str) -> Iterator[tuple[str, float]]:
    r"""Yield each module that was imported and the seconds of itself alone.

    >>> list(_parse("import time:      1500 |      2000 |   torch.nn\n"))
    [('torch.nn', 0.0015)]
    """
    for line in said.splitlines():
        found = _LINE.match(line)
        if found:
            yield found[2], int(found[1]) / 1e6
