"""The process that speaks to the cluster, as the run holds it: bounded in all it does."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import replace
from multiprocessing.connection import Pipe
from pathlib import Path

from rateval.api import RatevalError
from rateval_ray.messages import Message, Orders, Ready, Refused, Task

_CONNECT_S = 180.0
"""Seconds that reaching or making a cluster may take."""
_SILENT_S = 120.0
"""Seconds without a word after which the process hangs; it says something every five."""
_LEAVE_S = 10.0
"""Seconds that freeing the workers on a cluster may take."""
_POLL_S = 0.2


class GoneError(Exception):
    """The process has ended or hangs, and nobody asked it to."""


class Link:
    """A process that speaks to a cluster, and the pipe to it.

    It hears no Ctrl-C, and ends with this process. A cluster of the run's own ends with it.
    Raises RatevalError when there is no such cluster.
    """

    def __init__(self, orders: Orders) -> None:
        self._own = orders.address is None
        # The paths of sockets are short: what TMPDIR says may be too long.
        self._folder = Path(tempfile.mkdtemp(prefix="rateval-ray-", dir="/tmp"))
        self._pipe, theirs = Pipe()
        with theirs, (self._folder / "driver.log").open("wb") as log:
            self._process = subprocess.Popen(  # noqa: S603 - nothing in it comes from elsewhere
                # -P: a file of the folder that it works in must not stand for a module.
                [sys.executable, "-P", "-m", "rateval_ray.process", str(theirs.fileno())],
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
                env=os.environ | {"PYTHONPATH": os.pathsep.join(orders.paths)},
            )
        self._heard = time.monotonic()
        try:
            self.slots = self._connect(replace(orders, folder=str(self._folder)))
        except BaseException:
            self.kill()
            raise

    def _connect(self, orders: Orders) -> int:
        """Send what it needs; return how many steps the cluster has room for at once."""
        end = time.monotonic() + _CONNECT_S
        try:
            self._pipe.send(orders)
            while time.monotonic() < end:
                message = self.receive()
                if isinstance(message, Ready):
                    return message.slots
                if isinstance(message, Refused):
                    raise RatevalError(message.reason)
        except (GoneError, OSError):
            raise RatevalError(
                f"the process that speaks to the Ray cluster ended: {self.last_words()}; see "
                "whether `ray status` finds the cluster, and that Ray is the same version on it"
            ) from None
        raise RatevalError(
            f"no Ray cluster answered at {orders.address or 'this computer'} within "
            f"{_CONNECT_S:.0f} s; see whether `ray status` finds it"
        )

    def send(self, task: Task) -> None:
        """Pass on a step; raises GoneError."""
        try:
            self._pipe.send(task)
        except OSError:
            raise GoneError from None

    def receive(self) -> Message | None:
        """Return what came, or None if nothing does for a moment; raises GoneError."""
        try:
            if self._pipe.poll(_POLL_S):
                self._heard = time.monotonic()
                message: Message = self._pipe.recv()
                return message
        except (EOFError, OSError):
            raise GoneError from None
        if time.monotonic() - self._heard > _SILENT_S:
            raise GoneError
        return None

    def last_words(self) -> str:
        """Return the last line that the process wrote, for want of better."""
        with suppress(OSError):
            text = (self._folder / "driver.log").read_text(encoding="utf-8", errors="replace")
            lines = [line.strip() for line in text.splitlines() if line.strip()]
            if lines:
                return lines[-1][-300:]
        return "it said nothing"

    def stop(self) -> None:
        """End everything of the run; what is on somebody else's cluster is freed first."""
        if not self._own:
            with suppress(OSError):
                self._pipe.send(None)
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(_LEAVE_S)
        self.kill()

    def kill(self) -> None:
        """Kill the process, and a cluster that it made."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        # Ray gives each worker a group of its own, and they would end a moment later.
        for member in _members_of(self._process.pid):
            with suppress(ProcessLookupError):
                os.kill(member, signal.SIGKILL)
        self._pipe.close()
        shutil.rmtree(self._folder, ignore_errors=True)


def _members_of(session: int) -> list[int]:
    """Return the processes of a session; none where the system doesn't list them in files."""
    members = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # it has ended meanwhile
            fields = stat.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
            if int(fields[3]) == session:
                members.append(int(stat.parent.name))
    return members
