"""What decides on the driver's side, tried without a cluster."""

from __future__ import annotations

import pickle
import threading
from concurrent.futures import Future
from typing import Any

import pytest

from rateval_ray.actors import Done, Hub, StepActor
from rateval_ray.choosing import match
from rateval_ray.cluster import UnusableError, read_nodes, say_no_room
from rateval_ray.hearing import Hearing
from rateval_ray.losses import Losses
from rateval_ray.messages import Ask, Ended, Event, Message, Task, Told
from rateval_ray.params import RayParams
from rateval_ray.telling import TellingMonitor


def test_every_step_that_can_go_goes_once_and_to_one_worker() -> None:
    kinds = ["a", "b", None]
    for wanted in ([x, y, z] for x in kinds for y in kinds for z in kinds):
        for kept in ([x, y] for x in kinds for y in kinds):
            pairs = match(wanted, kept)
            assert len(pairs) == 2
            assert len({step for step, _ in pairs}) == len({worker for _, worker in pairs}) == 2
            hits = sum(wanted[step] == kept[worker] != None for step, worker in pairs)  # noqa: E711
            most = sum(min(wanted.count(kind), kept.count(kind)) for kind in ("a", "b"))
            assert hits == most


def test_nodes_that_are_gone_offer_nothing() -> None:
    told: list[dict[str, Any]] = [
        {"Alive": True, "NodeManagerAddress": "a", "Resources": {"CPU": 4.0, "GPU": 1.0}},
        {"Alive": False, "NodeManagerAddress": "b", "Resources": {"CPU": 64.0}},
        {"Alive": True, "NodeManagerAddress": "c", "Resources": {}},
    ]
    nodes = read_nodes(told)
    assert [node.room(Ask(2, 0, None)) for node in nodes] == [2, 0]
    text = say_no_room(Ask(8, 2, None), nodes)
    assert "the 8 CPUs, 2 GPUs that" in text
    assert "there are a with 4 CPUs, 1 GPU; c with 0 CPUs;" in text


def test_memory_is_read_in_the_units_people_use() -> None:
    read = [RayParams(memory=amount).memory for amount in ("8GB", "8gb", "0.5 GiB", 7)]
    assert read == [8 * 10**9, 8 * 10**9, 2**29, 7]


@pytest.mark.parametrize("works", [True, False])
def test_nothing_a_step_told_is_lost_whether_messages_arrive_or_not(works: bool) -> None:
    sent: list[tuple[Event, ...]] = []
    first = threading.Event()

    def send(number: int, events: tuple[Event, ...]) -> bool:
        first.set()
        if works:
            assert number == len(sent)
            sent.append(events)
        return works

    monitor = TellingMonitor(send)
    monitor.begin(100)
    assert first.wait(10)
    for _ in range(100):
        monitor.advance(1, "n")
    arrived, rest = monitor.close()
    assert arrived == len(sent)
    events = [event for message in (*sent, rest) for event in message]
    assert events[0] == ("begin", 100)
    assert sum(int(event[1]) for event in events[1:]) == 100
    assert len(events) < 20


class FakeHub:
    def __init__(self) -> None:
        self.hub = Hub()

    def take_told(self) -> Future[Any]:
        future: Future[Any] = Future()
        future.set_result(self.hub.take())
        return future


def test_an_end_waits_for_what_was_told_before_and_a_lost_attempt_is_not_heard() -> None:
    said: list[Message] = []
    fake = FakeHub()
    hearing = Hearing(fake, said.append)
    end = Ended("a", b"")
    hearing.forget("a:1")
    hearing.end("a:2", Done("ended", b"", 2, (("advance", 3, ""),)), end)
    assert said == []
    fake.hub.tell("a:1", 0, (("begin", 9),))
    fake.hub.tell("a:2", 0, (("begin", 5),))
    fake.hub.tell("a:2", 1, (("advance", 2, ""),))
    hearing._looked = -10.0
    hearing.look()
    hearing.look()
    events = [event for message in said if isinstance(message, Told) for event in message.events]
    assert events == [("begin", 5), ("advance", 2, ""), ("advance", 3, "")]
    assert said[-1] is end


def test_a_worker_that_cannot_be_set_up_ends_the_run_and_a_lost_one_does_not() -> None:
    class ActorDiedError(Exception):
        actor_init_failed = False

    losses = Losses(0)
    for _ in range(4):
        losses.never_came(ActorDiedError("its node died"))
    losses.arrived()
    for _ in range(4):
        losses.never_came(ActorDiedError("its node died"))
    with pytest.raises(UnusableError, match=r"5 workers .* the last one: its node died"):
        losses.never_came(ActorDiedError("its node died"))
    with pytest.raises(UnusableError, match=r"No module named 'mine'; every node needs the same"):
        losses.never_came(RuntimeError("Traceback:\nModuleNotFoundError: No module named 'mine'"))
    failed = losses.lost(Task("a", b"", None), ActorDiedError("killed"), 1.0)
    assert failed is not None
    assert failed.reason.startswith("its Ray worker was lost once, at last: killed; ")


def _interrupted(step: object, monitor: object) -> None:
    raise KeyboardInterrupt


def test_an_actor_returns_whatever_the_work_raises() -> None:
    actor = StepActor(pickle.dumps(_interrupted), None)
    assert actor.greet()
    done = actor.do(pickle.dumps("a step"), "a:1")
    assert done.kind == "raised"
    assert isinstance(pickle.loads(done.payload), KeyboardInterrupt)
