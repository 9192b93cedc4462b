"""What the process that speaks to the cluster does: steps that come, given to workers."""

from __future__ import annotations

import queue
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from functools import partial
from typing import Any

from rateval_ray.choosing import match
from rateval_ray.cluster import AGAIN, UnusableError, Watch, amounts, say_no_room
from rateval_ray.crew import Crew, Member
from rateval_ray.hearing import Hearing
from rateval_ray.losses import Losses
from rateval_ray.messages import (
    Alive,
    Ended,
    Failed,
    Message,
    Orders,
    Raised,
    Ready,
    Task,
    Told,
)

_TICK_S = 0.2
_ROOM_S = 60.0
"""Seconds that nodes may lack the room for a step, before it is given up: one may come back."""
_SAY_S = 10.0
"""Seconds before waiting for room is worth a word, and between two of them."""
_ALIVE_S = 5.0
_YIELD_S = 2.0
"""Seconds that a step which asks for more waits before other workers make room."""


Say = Callable[[Message], object]
Inbox = queue.SimpleQueue[Task | Callable[[], object] | None]
"""Steps to do, and what is to be done because something came from the cluster; None ends it."""


class Driver:
    """Steps that come through a pipe, done by workers on a cluster that is connected."""

    def __init__(self, inbox: Inbox, say: Say, orders: Orders, watch: Watch) -> None:
        self._happened, self._say, self._orders, self._watch = inbox, say, orders, watch
        self._room = sum(node.room(orders.ask) for node in watch.nodes)
        self._workers = orders.workers or self._room
        self._waiting: deque[Task] = deque()
        self._losses = Losses(orders.retries)
        self._crew = Crew(
            orders,
            lambda member, future: self._happened.put(partial(self._greet, member, future)),
            lambda member, future: self._happened.put(partial(self._finish, member, future)),
        )
        self._hearing = Hearing(self._crew, self._say)
        self._lacking: float | None = None
        """Since when no node has the room that a waiting step asks for."""
        self._said = self._said_alive = time.monotonic()

    def run(self) -> None:
        """Do steps until told to end; raises UnusableError when no step can be done."""
        self._say(Ready(self._workers))
        while True:
            with suppress(queue.Empty):
                happened = self._happened.get(timeout=_TICK_S)
                while happened is not None:
                    if isinstance(happened, Task):
                        self._waiting.append(happened)
                    else:
                        happened()
                    happened = self._happened.get_nowait()
                return
            if time.monotonic() - self._said_alive > _ALIVE_S:
                self._said_alive = time.monotonic()
                self._say(Alive())
            self._hearing.look()
            self._make_room()
            self._assign()

    def end(self) -> None:
        """Free what the run has on the cluster."""
        self._crew.end()

    def _assign(self) -> None:
        big = next(((task, task.ask) for task in self._waiting if task.ask is not None), None)
        alone = next((member for member in self._crew.members if member.alone_for), None)
        if big is not None and alone is None:
            task, ask = big
            self._waiting.remove(task)
            if not any(node.room(ask) for node in self._watch.nodes):
                lacking = say_no_room(ask, self._watch.nodes)
                self._say(Failed(task.identity, 0.0, f"{lacking}, or lower run.processes"))
                return
            alone = self._crew.add(task)
        if alone is not None and not alone.ready:
            if time.monotonic() - alone.since < _YIELD_S:
                return
            for member in [member for member in self._crew.members if member.free]:
                self._crew.dismiss(member)
            return
        waiting = [task for task in self._waiting if task.ask is None]
        free = sorted(
            (member for member in self._crew.members if member.free), key=lambda one: one.rested
        )
        pairs = match([task.affinity for task in waiting], [member.affinity for member in free])
        for place, worker in pairs:
            self._waiting.remove(waiting[place])
            self._crew.give(free[worker], waiting[place])
        coming = sum(not member.ready for member in self._crew.members)
        usual = sum(member.alone_for is None for member in self._crew.members)
        for _ in range(min(self._workers - usual, len(waiting) - len(pairs) - coming)):
            self._crew.add()

    def _greet(self, member: Member, future: Future[Any]) -> None:
        if member not in self._crew.members:
            return
        error = future.exception()
        if error is None:
            member.ready = True
            self._losses.arrived()
            if member.alone_for is not None:
                self._crew.give(member, member.alone_for)
            return
        self._crew.dismiss(member)
        self._losses.never_came(error)  # raises UnusableError when that is no chance
        if member.alone_for is not None:
            self._waiting.appendleft(member.alone_for)

    def _finish(self, member: Member, future: Future[Any]) -> None:
        task = member.task
        if task is None or member not in self._crew.members:
            return
        error = future.exception()
        if error is not None:
            self._crew.dismiss(member)
            self._hearing.forget(member.token)
            failed = self._losses.lost(task, error, time.monotonic() - member.since)
            if failed is None:
                self._waiting.appendleft(task)
            else:
                self._say(failed)
            return
        done = future.result()
        kind = Ended if done.kind == "ended" else Raised
        self._hearing.end(member.token, done, kind(task.identity, done.payload))
        member.task, member.rested = None, time.monotonic()
        if member.alone_for is not None:
            self._crew.dismiss(member)

    def _make_room(self) -> None:
        """Tell of steps that wait for room, and give up those for which there is none."""
        coming = [member for member in self._crew.members if not member.ready]
        now = time.monotonic()
        if not coming:
            self._lacking = None
            return
        hopeless = [
            member
            for member in coming
            if not any(node.room(member.ask) for node in self._watch.nodes)
        ]
        if not hopeless or any(member.task for member in self._crew.members):
            self._lacking = None
        elif self._lacking is None:
            self._lacking = now
        if self._lacking is not None and now - self._lacking > _ROOM_S:
            raise UnusableError(f"{say_no_room(hopeless[0].ask, self._watch.nodes)}; then {AGAIN}")
        if now - self._said > _SAY_S and now - min(one.since for one in coming) > _SAY_S:
            self._said = now
            self._tell_waiting(coming[0])

    def _tell_waiting(self, member: Member) -> None:
        ask = member.ask
        what = amounts(ask.cpus, ask.gpus, ask.memory)
        note = f"waits for a worker with {what} on the Ray cluster"
        for task in [member.alone_for] if member.alone_for else list(self._waiting)[:1]:
            self._say(Told(task.identity, (("advance", 0, note),)))
