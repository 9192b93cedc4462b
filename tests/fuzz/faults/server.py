"""A process that has imported rateval already, and runs each command in a fork of itself.

A line of JSON on stdin is a list of jobs that start together; a line of JSON on stdout says how
each ended. A fork is as good as a process of its own: it has its own memory, limits and signals,
and importing torch, which takes seconds, is done for all of them at once.
"""

from __future__ import annotations

import atexit
import ctypes
import functools
import gc
import importlib
import io
import json
import os
import resource
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path
from typing import Any, cast

from faults import killing
from faults.command import PARTS

_DEATH_SIGNAL, _SUBREAPER = 1, 36
"""PR_SET_PDEATHSIG: a job dies with this process; and PR_SET_CHILD_SUBREAPER: what a killed job
leaves behind becomes a child of this process."""
_POLL_S = 0.002
_PAGE = resource.getpagesize()


def main() -> None:
    """Serve until stdin ends."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    ctypes.CDLL(None).prctl(_SUBREAPER, 1)
    # What is installed stays the same here, and looking it up takes longer than a tiny study.
    metadata.version = functools.cache(metadata.version)
    for line in sys.stdin:
        order = json.loads(line)
        _preload(order["modules"])
        answers.write(json.dumps(_run(order["jobs"])) + "\n")
        answers.flush()


def _preload(modules: Iterable[str]) -> None:
    for name in modules:
        if name not in sys.modules:
            importlib.import_module(name)
    if "rateval.machine.environment" in sys.modules:
        sys.modules["rateval.machine.environment"].imported_distributions()
    if "torch" in sys.modules:
        # A pool of OpenMP threads doesn't survive a fork; a single thread has none.
        sys.modules["torch"].set_num_threads(1)
    gc.collect()
    gc.freeze()  # a collection in a fork would touch, and so copy, all that was imported


def _run(jobs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    started, before = time.monotonic(), _memory(1)
    pids = [_start(job) for job in jobs]
    ends: dict[int, dict[str, Any]] = {}
    while len(ends) < len(pids):
        late = time.monotonic() - started
        for pid, job in zip(pids, jobs, strict=True):
            if pid not in ends:
                if late > job["limit_s"] or late > (job["kill_after_s"] or late):
                    os.kill(pid, signal.SIGKILL)
                found, status, usage = os.wait4(pid, os.WNOHANG)
                if found:
                    code = os.waitstatus_to_exitcode(status)
                    seconds = time.monotonic() - started
                    peak = max(0, (usage.ru_maxrss << 10) - before)
                    ends[pid] = {"code": code, "seconds": seconds, "peak": peak}
        time.sleep(_POLL_S)
    for pid, job in zip(pids, jobs, strict=True):
        ends[pid]["survivors"] = _bury(pid, job["grace_s"])
    return [ends[pid] for pid in pids]


def _start(job: dict[str, Any]) -> int:
    sys.stdout.flush()
    pid = os.fork()
    if not pid:
        _become(job)
    return pid


def _become(job: dict[str, Any]) -> None:
    """Be the job, until it ends; never returns."""
    code = 1
    try:
        ctypes.CDLL(None).prctl(_DEATH_SIGNAL, signal.SIGKILL)
        os.setsid()
        for number, path in enumerate((os.devnull, job["out"], job["err"])):
            os.dup2(os.open(path, os.O_RDWR | os.O_CREAT, 0o644), number)
        os.closerange(3, 64)
        os.chdir(job["folder"])
        os.environ.update(job["environment"])
        for stream, errors in ((sys.stdout, "strict"), (sys.stderr, "backslashreplace")):
            cast(io.TextIOWrapper, stream).reconfigure(encoding=job["encoding"], errors=errors)
        if job["memory"]:
            resource.setrlimit(resource.RLIMIT_AS, (_memory(0) + job["memory"],) * 2)
        if job["file_size"]:
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (job["file_size"],) * 2)
        tempfile.tempdir = None
        _shrink_parts()
        killing.arm()
        module, _, name = job["call"].partition(":")
        code = getattr(importlib.import_module(module), name)(job["arguments"])
        sys.stdout.flush()
    except SystemExit as stop:  # argparse
        code = stop.code if isinstance(stop.code, int) else 1
    except BaseException:
        traceback.print_exc()
    try:
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(code)


def _shrink_parts() -> None:
    """Let a few images be a large test split, where the environment says so."""
    size = os.environ.get(PARTS)
    if size:
        cutting = importlib.import_module("rateval.plan.shards")
        setattr(cutting, "align", lambda *_: int(size))  # noqa: B010 - a name that mypy can't know


def _memory(column: int) -> int:
    """Return this process's bytes of address space (0) or of memory (1)."""
    return int(Path("/proc/self/statm").read_text().split()[column]) * _PAGE


def _bury(group: int, grace_s: float) -> bool:
    """Wait for what is left of a job's processes; return whether they had to be killed."""
    until = time.monotonic() + grace_s
    while True:
        try:
            found, _ = os.waitpid(-group, os.WNOHANG)
        except ChildProcessError:
            return False
        if not found:
            if time.monotonic() > until:
                break
            time.sleep(_POLL_S)
    os.killpg(group, signal.SIGKILL)
    while True:
        try:
            os.waitpid(-group, 0)
        except ChildProcessError:
            return True


# In processes that a job spawns, which import this module as their parent's main.
_shrink_parts()
killing.arm()
if __name__ == "__main__":
    main()
