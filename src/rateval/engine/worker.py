"""The worker that does steps one by one, with what is live between them."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from rateval.api.training import Finetuner, Monitor
from rateval.engine.cell_steps import CellSteps, Graph
from rateval.engine.doing.steps import Hands, Write, fill, find_writes
from rateval.engine.handing_out.shards import Divisible
from rateval.errors import RatevalError, StudyError, name_error
from rateval.plan.cells import Cell, Choice
from rateval.plan.plan import Plan
from rateval.records.about.pictures import PICTURES
from rateval.records.about.tokens import TOKENS
from rateval.records.step import StageRecord, Step, StepEnd
from rateval.registry.references import load_factory
from rateval.store.identity import identify
from rateval.store.remote.mirror import local_folder
from rateval.store.store import Store, Stored
from rateval.workbench.bench import Workbench

_NEED_A_MODEL = ("finetune", "infer", "counterfactual", "faithfulness", TOKENS)


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
        self._loaded: tuple[StageRecord, ...] = ()
        """What was loaded ahead of a step, and is not told yet."""

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
        if step.stage == TOKENS:
            return partial(self._hands.evaluating.tokens, self._cell_of(step), step)
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

    def prepare(self, step: Step) -> None:
        """Get ready for what follows a step that another worker has in work.

        What makes the objects of its cell is imported. The model is loaded where nothing is trained
        first, which may need the memory, and where the test will be shared among workers.
        """
        steps = self._cell_of(step)
        cell = steps.cell
        for choice in cell.choices:
            load_factory(choice.registered)
        if step.stage != "finetune" or not self._hands.evaluating.shares(steps.infer):
            return
        finetuner: Finetuner = self._bench.object(cell.finetuner, cell.seed)
        if not finetuner.trains and not self._bench.has(cell.model, cell.seed):
            self._loaded += self._load_model(cell)

    def _load(self, step: Step) -> tuple[StageRecord, ...]:
        """Load the model that a step needs, unless it is there or in the hands of others.

        What was loaded ahead is told along with it.
        """
        ahead, self._loaded = self._loaded, ()
        demand = step.demand
        if step.stage not in _NEED_A_MODEL or not demand.device or demand.processes > 1:
            return ahead
        steps = self._cell_of(step)
        cell = steps.cell
        kept = self._bench.classifier(steps.finetune.identity) is not None
        if self._bench.has(cell.model, cell.seed) or (kept and step.stage != "finetune"):
            return ahead
        return ahead + self._load_model(cell)

    def _cell_of(self, step: Step) -> CellSteps:
        """Return the cell that a step belongs to, the first of several."""
        spoken = step.stage == TOKENS  # no graph has those
        return self._cells[step.inputs["inferred"] if spoken else whole_of(step)]

    def _load_model(self, cell: Cell) -> tuple[StageRecord, ...]:
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


def open_store(plan: Plan, tell: Callable[[str], object] = lambda line: None) -> Store:
    """Return the store of a plan's results, which says by ``tell`` what is wrong with it."""
    options = plan.spec.run
    return Store(local_folder(options.output) / "store", reuse=options.reuse, tell=tell)
