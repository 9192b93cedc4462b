"""The process that speaks to the cluster: ``python -m rateval_ray.process``, started by a run.

Ray ends a process whose cluster is gone, and may keep it waiting; here that ends no run.
"""

from __future__ import annotations

import os
import queue
import shutil
import sys
import threading
import traceback
import warnings
from multiprocessing.connection import Connection

from rateval_ray.cluster import AGAIN, UnusableError, Watch, connect, say_no_room
from rateval_ray.driver import Driver, Inbox
from rateval_ray.messages import Message, Orders, Refused

_LEAVE_S = 10.0
"""Seconds that freeing workers may take when the run is gone."""


class Speaker:
    """The pipe to the run, for several threads."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe, self._lock = pipe, threading.Lock()

    def __call__(self, message: Message) -> None:
        """Send a message."""
        with self._lock:
            self._pipe.send(message)

    def say_lost(self) -> None:
        """Say that the cluster is gone, and end this process before Ray does."""
        reason = f"the Ray cluster no longer answers; once it is back, {AGAIN}"
        try:
            self(Refused(reason))
        finally:
            os._exit(1)


def listen(pipe: Connection, inbox: Inbox, orders: Orders) -> None:
    """Take steps from the pipe; when the run is gone, see that this process goes soon, too."""
    try:
        while (task := pipe.recv()) is not None:
            inbox.put(task)
    except (EOFError, OSError):
        # The run was killed. On somebody else's cluster workers are freed, if that doesn't hang.
        shutil.rmtree(orders.folder, ignore_errors=True)
        threading.Timer(_LEAVE_S if orders.address else 0.0, os._exit, (1,)).start()
    inbox.put(None)


def main(pipe: Connection) -> None:
    """Take orders from a pipe and carry them out."""
    orders = pipe.recv()
    sys.path[:0] = [path for path in orders.paths if path not in sys.path]
    say, driver = Speaker(pipe), None
    inbox: Inbox = queue.SimpleQueue()
    threading.Thread(target=listen, args=(pipe, inbox, orders), daemon=True).start()
    try:
        connect(orders.address, orders.folder)
        watch = Watch(say.say_lost)
        watch.start()
        if not any(node.room(orders.ask) for node in watch.nodes):
            raise UnusableError(say_no_room(orders.ask, watch.nodes))
        driver = Driver(inbox, say, orders, watch)
        driver.run()
    except UnusableError as error:
        say(Refused(str(error)))
    if driver is not None:
        driver.end()


if __name__ == "__main__":
    warnings.simplefilter("ignore")  # nobody reads them here
    try:
        main(Connection(int(sys.argv[1])))
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
    finally:
        os._exit(0)  # what Ray does at exit may wait for a cluster that is gone
