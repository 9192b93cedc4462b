"""A process that has imported what workers need, from which they begin at once."""

from __future__ import annotations

import multiprocessing
import os
import sys
from collections.abc import Iterable
from multiprocessing import forkserver
from multiprocessing.context import BaseContext

IMPORTS = "RATEVAL_IMPORTS"
"""Variable of the environment that names to the process what it imports."""


class _Nursery:
    """The one process of this one, if there is any."""

    environment: dict[str, str] | None = None
    """Variables that it began with: workers would have them too."""


def open_nursery(modules: Iterable[str]) -> None:
    """Start the process, which imports ``modules`` meanwhile, unless there is one.

    Only on Linux: elsewhere what a library did before it was forked may not outlive that.
    """
    if sys.platform != "linux" or _Nursery.environment is not None:
        return
    environment = dict(os.environ)
    multiprocessing.set_forkserver_preload(["rateval.machine.imported"])
    os.environ[IMPORTS] = ",".join(modules)
    try:
        forkserver.ensure_running()
    finally:
        os.environ.pop(IMPORTS)
    _Nursery.environment = environment


def find_context() -> BaseContext:
    """Return how a process is started: from the nursery, or anew where there is none.

    Anew, too, where the environment has changed since, as libraries read it when imported.
    """
    same = _Nursery.environment == dict(os.environ)
    return multiprocessing.get_context("forkserver" if same else "spawn")
