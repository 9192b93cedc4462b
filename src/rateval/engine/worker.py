"""The worker that does steps, in this process or in another one that makes the same plan."""

from __future__ import annotations

import json
import os
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch

from rateval.api.component import Context
from rateval.api.training import Monitor
from rateval.engine.cell_steps import CellSteps, Graph
from rateval.engine.doing.steps import Hands, Write, fill, find_writes
from rateval.engine.graph import make_graph
from rateval.engine.handing_out.shards import Divisible
from rateval.errors import RatevalError, StudyError, name_error
from rateval.machine.readers import limit_threads, resolve_readers
from rateval.plan.cells import Choice
from rateval.plan.plan import Plan
from rateval.plan.planning import make_plan
from rateval.plan.published import Protocol
from rateval.records.about.pictures import PICTURES
from rateval.records.step import StageRecord, Step, StepEnd
from rateval.registry.discovery import discover
from rateval.spec.document import Document
from rateval.store.identity import identify
from rateval.store.remote.mirror import local_folder
from rateval.store.store import Store, Stored
from rateval.workbench.bench import Workbench

_NEED_A_MODEL = ("finetune", "infer", "counterfactual", "faithfulness")


class Worker:
    """Steps of one plan, done one by one, and what is live between them."""

    def __init__(self, plan: Plan, bench: Workbench, store: Store, graph: Graph) -> None:
        self._bench, self._store = bench, store
        self._hands = Hands(plan, bench, store)
        self._writes = find_writes(self._hands, graph)
        self._cells: dict[str, CellSteps] = {}
        for steps in graph.cells:
            for step in steps:
                self._cells.setdefault(step.identity, steps)

    def do(self, step: Step, monitor: Monitor) -> StepEnd:
        """Do a step, leave its result in the store and return how it ended; only Ctrl-C raises.

        Those beside it are done along with it.
        """
        companions = self._hands.evaluating.companions
        with companions.doing(step):
            ends = []
            for one in (replace(step, beside=()), *step.beside):
                companions.begin(one)
                ends.append(self._do(one, monitor))
        return replace(ends[0], beside=tuple(ends[1:]))

    def _do(self, step: Step, monitor: Monitor) -> StepEnd:
        clock = time.perf_counter()
        self._store.tell = lambda line: monitor.advance(0, line)
        try:
            write = self._find_write(step)
            loads = self._load(step)
            clock = time.perf_counter()  # so that loading is not counted as training
            stored = self._make(step, write, monitor)
        except (Exception, SystemExit) as error:
            culprit = self._bench.find_culprit(error)
            return StepEnd(
                step.identity,
                round(time.perf_counter() - clock, 3),
                error=describe_error(error),
                traceback="".join(traceback.format_exception(error)),
                culprit=None if culprit is None else name_choice(culprit),
                whole=isinstance(error, StudyError),
            )
        seconds = round(time.perf_counter() - clock, 3)
        return StepEnd(step.identity, seconds, reused=stored.reused, loads=loads)

    def _find_write(self, step: Step) -> Write | Divisible:
        if step.stage == PICTURES:  # which there are hangs on what was judged
            return partial(self._hands.pictures, step)
        write = self._writes.get(whole_of(step))
        if write is None:
            raise RatevalError(
                "this process plans no such step: rateval, a plugin, or the data differ between "
                "where the run was started and here"
            )
        return write

    def _make(self, step: Step, write: Write | Divisible, monitor: Monitor) -> Stored:
        seconds = 0.0

        def fill_whole(folder: Path) -> Mapping[str, Any]:
            nonlocal seconds
            with self._store.reading(step.needs):
                facts, seconds = fill(write, self._store, folder, monitor)
            return facts

        if step.shard is None:
            return self._store.make(step.stage, step.inputs, fill_whole, lambda: seconds)
        assert isinstance(write, Divisible)
        return write.write_shard(self._store, step.shard, monitor)

    def _load(self, step: Step) -> tuple[StageRecord, ...]:
        """Load the model that a step needs, unless it is there or in the hands of others."""
        demand = step.demand
        if step.stage not in _NEED_A_MODEL or not demand.device or demand.processes > 1:
            return ()
        steps = self._cells[whole_of(step)]
        cell = steps.cell
        kept = self._bench.classifier(steps.finetune.identity) is not None
        if self._bench.has(cell.model, cell.seed) or (kept and step.stage != "finetune"):
            return ()
        clock = time.perf_counter()
        self._bench.object(cell.model, cell.seed)
        return (
            StageRecord(
                stage="load",
                label=cell.model.label + cell.seed_note(cell.model),
                identity=identify(self._bench.inputs(cell.model, cell.seed)),
                reused=False,
                seconds=round(time.perf_counter() - clock, 3),
            ),
        )


def whole_of(step: Step) -> str:
    """Return the identity of the step that a step is, or is a shard of."""
    return step.identity if step.shard is None else step.shard.whole


def name_choice(choice: Choice) -> str:
    """Return a component's name for people, such as ``model "clip"``."""
    return f'{choice.registered.kind} "{choice.label}"'


def describe_error(error: BaseException) -> str:
    """Return an error in one piece: the message alone where it is written for users.

    >>> describe_error(ValueError("boom")), describe_error(RatevalError("no such file"))
    ('ValueError: boom', 'no such file')
    """
    try:
        # What is no text, such as a name that is not UTF-8, is written out: JSON can't hold it.
        text = str(error).encode("utf-8", "backslashreplace").decode("utf-8")
    except Exception:  # an error that can't even say what it is
        text = ""
    if isinstance(error, RatevalError) and text:
        return text
    return name_error(error, text)


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
        worker = _AT_HAND.get(self)
        if worker is None:
            _AT_HAND.clear()
            try:
                worker = _AT_HAND[self] = _make_worker(self)
            except (Exception, SystemExit) as error:
                trace = "".join(traceback.format_exception(error))
                return StepEnd(step.identity, 0.0, error=describe_error(error), traceback=trace)
        return worker.do(step, monitor)


_AT_HAND: dict[Order, Worker] = {}
"""The worker of this process, by its order."""


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


def open_store(plan: Plan, tell: Callable[[str], object] = lambda line: None) -> Store:
    """Return the store of a plan's results, which says by ``tell`` what is wrong with it."""
    options = plan.spec.run
    return Store(local_folder(options.output) / "store", reuse=options.reuse, tell=tell)
