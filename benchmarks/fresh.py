"""Work in processes of its own, forked from one that has imported what it takes.

So each finds the memory that a command finds, and none waits for imports: a process that has worked
before gives back and takes anew what a command takes once.
"""

from __future__ import annotations

import importlib
import multiprocessing
import sys
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection

Work = Callable[[], object]

_FORK = multiprocessing.get_context("fork")


def fresh(work: Work) -> Work:
    """Return what does ``work`` in a process of its own and waits for its end.

    >>> fresh(lambda: None)()
    """

    def do() -> None:
        process = _FORK.Process(target=work)
        process.start()
        process.join()
        if process.exitcode:
            raise RuntimeError(f"the work ended with {process.exitcode}")

    return do


def import_for(*works: Work) -> None:
    """Do each work once in a process of its own, and import here what they imported."""
    here, there = _FORK.Pipe(duplex=False)
    process = _FORK.Process(target=_work_and_tell, args=(works, there))
    process.start()
    there.close()
    imported = here.recv()
    process.join()
    for name in imported:
        with suppress(Exception):  # such as what stands in sys.modules under a name of its own
            importlib.import_module(name)


def _work_and_tell(works: tuple[Work, ...], connection: Connection) -> None:
    for work in works:
        work()
    connection.send([name for name in sys.modules if name != "__main__"])
