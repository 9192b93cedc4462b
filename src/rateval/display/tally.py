"""What is counted of a run while it works: its steps, who works on them, what they cost.

Each event costs the same, however many steps there are. One thread tells, another one reads.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from rateval.api.training import Monitor
from rateval.display.pace import Pace
from rateval.records.step import Step, StepEnd


@dataclass(slots=True)
class Costs:
    """What steps of one kind cost, of what was measured in this run, in images or in steps."""

    left: float = 0.0
    """Amount that is still to be done."""
    steps_left: int = 0
    measured: float = 0.0
    """What workers did in ``seconds``."""
    seconds: float = 0.0


@dataclass(slots=True)
class Whole:
    """A step in work, by one worker or by several."""

    stage: str
    kind: str
    """What its costs are counted under."""
    label: str
    pace: Pace
    amount: float = 1.0
    """What it counts for in these costs."""
    total: int | None = None
    done: int = 0
    counted: float = 0.0
    """What of it was taken off what is left of its kind."""
    note: str = ""
    workers: int = 0


@dataclass(slots=True)
class Worker:
    """One step, or one shard of a step, in the hands of a worker."""

    number: int
    step: Step
    whole: Whole
    pace: Pace
    begun: bool = False
    joins: bool = False
    """Whether it puts shards together that are all there."""
    amount: float = 0.0
    """What it has done."""
    first: tuple[float, float] | None = None
    """When it told for the first time, and of how much."""
    last: float = 0.0

    def tell(self, units: int, amount: float, now: float) -> None:
        """Take note of what is done."""
        self.begun = True
        self.pace.add(units, now)
        self.amount += amount
        self.first = self.first or (now, amount)
        self.last = now

    @property
    def measured(self) -> tuple[float, float]:
        """What it has done since it told for the first time, and the seconds of that.

        What came before may be a queue, or loading.
        """
        if self.first is None:
            return 0.0, 0.0
        since, before = self.first
        return self.amount - before, self.last - since


@dataclass(slots=True)
class Tally:
    """The counts of a run; ``clock`` says the time in seconds."""

    clock: Callable[[], float] = time.monotonic
    lock: threading.RLock = field(default_factory=threading.RLock)
    """Held by whoever counts or reads."""
    started: float = field(init=False)
    steps: int = 0
    done: int = 0
    """Steps that have their result, ``reused`` ones among them."""
    reused: int = 0
    failed: int = 0
    dropped: int = 0
    """Steps that can't be done because of those that failed."""
    costs: dict[str, Costs] = field(default_factory=dict)
    """By stage; of trainings by the method, too, of which one takes hours and another none."""
    wholes: dict[str, Whole] = field(default_factory=dict)
    workers: dict[str, Worker] = field(default_factory=dict)
    _amounts: dict[str, tuple[str, float]] = field(default_factory=dict)
    """Kind and amount of each step that is expected and has not ended."""
    _free: list[tuple[int, str, Pace]] = field(default_factory=list)
    """Numbers of workers that have nothing now, with what they did last, and how fast."""
    _telling: Worker | None = None

    def __post_init__(self) -> None:
        self.started = self.clock()

    def expect(self, steps: Iterable[Step]) -> None:
        """Take note of steps that are to be done or reused."""
        steps = list(steps)
        units = {step.identity: step.units for step in steps if step.units}
        with self.lock:
            for step in steps:
                of_needed = [units[name] for name in step.needs if name in units]
                amount = float(step.units or max(of_needed, default=1))
                kind = _kind_of(step)
                self._amounts[step.identity] = kind, amount
                costs = self.costs.setdefault(kind, Costs())
                costs.left += amount
                costs.steps_left += 1
            self.steps += len(steps)

    def open(self, stage: str, label: str, identity: str) -> Whole:
        """Begin with a step."""
        with self.lock:
            kind, amount = self._amounts.get(identity, (stage, 1.0))
            whole = self.wholes[identity] = Whole(stage, kind, label, Pace(), amount)
        return whole

    def close(self, identity: str) -> None:
        """End with a step, whatever became of it."""
        with self.lock:
            whole = self.wholes.pop(identity, None)
            if whole is not None and identity in self._amounts:
                self._amounts[identity] = whole.kind, whole.amount - whole.counted

    def advance(self, identity: str, units: int, note: str) -> None:
        """Take note of units of a step that are done."""
        with self.lock:
            now, whole = self.clock(), self.wholes[identity]
            whole.done += units
            whole.note = note
            whole.pace.add(units, now)
            part = whole.amount * units / whole.total if whole.total else 0.0
            part = min(part, whole.amount - whole.counted)
            whole.counted += part
            costs = self.costs.setdefault(whole.kind, Costs())
            costs.left -= part
            worker = self._telling
            if worker is not None and worker.whole is whole:  # else it was done before
                # What is done along with it, image by image, is told of as well.
                worker.tell(units, part * (1 + len(worker.step.beside)), now)

    def hand_out(self, step: Step) -> Worker:
        """Take note that a worker has a step, or a shard of one that is open."""
        with self.lock:
            whole = self.wholes[_whole_of(step)]
            whole.workers += 1
            for one in (step, *step.beside):  # a shard need not tell of the whole
                of = self.wholes[_whole_of(one)]
                if one.units and of.total is None:
                    of.total = int(of.amount)
            number, stage, pace = self._free.pop() if self._free else (len(self.workers), "", None)
            if pace is None or stage != step.stage:
                pace = Pace()
            joins = step.shard is None and whole.done > 0
            worker = Worker(number, step, whole, pace, joins=joins)
            self.workers[step.identity] = worker
        return worker

    @contextmanager
    def telling(self, worker: Worker) -> Iterator[None]:
        """Count as done by a worker what is told within."""
        self._telling = worker
        try:
            yield
        finally:
            self._telling = None

    def take_back(self, step: Step, end: StepEnd) -> None:
        """Take note that a worker's step has ended."""
        with self.lock:
            worker = self.workers.pop(step.identity, None)
            if worker is None:
                return
            worker.whole.workers -= 1
            self._free.append((worker.number, step.stage, worker.pace))
            if not end.reused and end.error is None:
                costs = self.costs.setdefault(worker.whole.kind, Costs())
                spent = end.seconds + sum(one.seconds for one in end.beside)
                costs.seconds += max(0.0, spent - sum(load.seconds for load in end.loads))
                # A step that tells nothing on its way has done all of itself at once.
                told = step.shard is not None or worker.joins
                costs.measured += worker.amount if told else self._amount_of(step, worker)

    def _amount_of(self, step: Step, worker: Worker) -> float:
        beside = (self.wholes[one.identity] for one in step.beside if one.identity in self.wholes)
        return worker.whole.amount + sum(whole.amount for whole in beside)

    def finish(self, identity: str, *, reused: bool) -> None:
        """Take note that a step has its result; one that nobody expects counts for nothing."""
        with self.lock:
            if self._settle(identity):
                self.done += 1
                self.reused += reused

    def lose(self, identities: Sequence[str]) -> None:
        """Take note of a step that failed, and of those that need it."""
        with self.lock:
            for place, identity in enumerate(identities):
                if self._settle(identity):
                    self.failed += place == 0
                    self.dropped += place > 0

    def _settle(self, identity: str) -> bool:
        kind, amount = self._amounts.pop(identity, ("", 0.0))
        if not kind:
            return False
        costs = self.costs[kind]
        costs.left -= amount
        costs.steps_left -= 1
        if not costs.steps_left:
            costs.left = 0.0
        return True


def _kind_of(step: Step) -> str:
    method = step.inputs.get("finetuner") if step.stage == "finetune" else None
    return step.stage if method is None else f"{step.stage} {json.dumps(method, sort_keys=True)}"


def _whole_of(step: Step) -> str:
    return step.shard.whole if step.shard else step.identity


class WorkerMonitor:
    """A ``rateval.api.Monitor`` of one worker: what it tells is passed on as its own."""

    def __init__(self, tally: Tally, worker: Worker, monitor: Monitor) -> None:
        self._tally, self._worker, self._monitor = tally, worker, monitor

    def begin(self, total: int) -> None:
        """Pass on the number of samples."""
        self._worker.begun = True
        self._monitor.begin(total)

    def advance(self, samples: int, note: str = "") -> None:
        """Pass on the samples that are done."""
        with self._tally.telling(self._worker):
            self._monitor.advance(samples, note)
