"""What another process gets of a run: it makes the same plan, and does steps of it."""

from __future__ import annotations

import json
import os
import traceback
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import torch

from rateval.api.component import Context
from rateval.api.training import Monitor
from rateval.engine.graph import make_graph
from rateval.engine.worker import Worker, describe_error, open_store
from rateval.machine.readers import limit_threads, resolve_readers
from rateval.plan.plan import Plan
from rateval.plan.planning import make_plan
from rateval.plan.published import Protocol
from rateval.records.step import Step, StepEnd
from rateval.registry.discovery import discover
from rateval.spec.document import Document
from rateval.workbench.bench import Workbench


@dataclass(frozen=True, slots=True)
class Order:
    """What another process needs to make the same plan: the resolved spec and where it stands.

    It is the function that an executor gets: ``order(step, monitor)`` does a step wherever it is
    called. Where a worker of this very order is at hand, that one does it.
    """

    spec: str
    """The resolved spec, JSON."""
    name: str
    """How messages call the spec."""
    base: Path
    """Absolute folder that relative paths start from."""
    folder: Path
    """Absolute folder of the spec: files of components and of prompts are looked for from it."""
    forced: Protocol | None
    device: str
    threads: int
    """Threads that torch computes with: with others, sums round otherwise."""
    run: str = field(default="")
    """Tells one run of a study from another."""

    def __call__(self, step: Step, monitor: Monitor) -> StepEnd:
        """Do a step."""
        try:
            worker = _find_worker(self)
        except (Exception, SystemExit) as error:
            trace = "".join(traceback.format_exception(error))
            return StepEnd(step.identity, 0.0, error=describe_error(error), traceback=trace)
        return worker.do(step, monitor)

    def prepare(self, step: Step) -> None:
        """Get ready for what follows a step that is in work elsewhere, as far as that goes."""
        with suppress(Exception, SystemExit):
            _find_worker(self).prepare(step)


_AT_HAND: dict[Order, Worker] = {}
"""The worker of this process, by its order."""


def _find_worker(order: Order) -> Worker:
    worker = _AT_HAND.get(order)
    if worker is None:
        _AT_HAND.clear()
        worker = _AT_HAND[order] = _make_worker(order)
    return worker


def keep_worker(order: Order, worker: Worker) -> None:
    """Let this process do an order's steps by ``worker``, with the objects that it has already."""
    _AT_HAND[order] = worker


def release_worker(order: Order) -> None:
    """Let go of an order's worker, and of the models that it holds."""
    _AT_HAND.pop(order, None)


def make_order(plan: Plan, device: str, run: str) -> Order:
    """Write down what another process needs to do steps of ``plan`` on ``device``."""
    spec = json.dumps(plan.spec.as_tables(), default=str)
    document = plan.document
    return Order(
        spec=spec,
        name=document.name,
        base=Path.cwd(),
        folder=document.folder.absolute(),
        forced=plan.forced,
        device=device,
        threads=torch.get_num_threads(),
        run=run,
    )


def _make_worker(order: Order) -> Worker:
    os.chdir(order.base)
    torch.set_num_threads(limit_threads(order.threads))
    document = Document(order.name, json.loads(order.spec), "", folder=order.folder)
    plan = make_plan(document, discover(), order.forced)
    readers = resolve_readers(plan.spec.run.readers)
    bench = Workbench(Context(device=order.device, readers=readers))
    return Worker(plan, bench, open_store(plan), make_graph(plan, bench))
