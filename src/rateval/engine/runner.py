"""A plan carried out: what is stored is reused, the rest is done, a failure takes only its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import replace
from datetime import UTC, datetime
from types import MappingProxyType

from rateval.api.training import Monitor
from rateval.engine.executors.checked import CheckedExecutor
from rateval.engine.handing_out.agenda import Agenda
from rateval.engine.handing_out.divided import Divided, SharedMonitor, Together
from rateval.engine.handing_out.shards import along
from rateval.engine.order import keep_worker, make_order, release_worker
from rateval.engine.prepared import Prepared, prepare
from rateval.engine.results import find_result, find_results
from rateval.engine.selection import select
from rateval.engine.telling.account import Account
from rateval.engine.telling.journal import SavingMonitor
from rateval.engine.worker import Worker, open_store
from rateval.errors import StudyError
from rateval.plan.plan import Plan
from rateval.plan.shards import align
from rateval.progress import Reporter
from rateval.records.run import RunRecord
from rateval.records.step import Step, StepEnd
from rateval.registry.registry import Registry
from rateval.scoring.summary import Summary, new_folder
from rateval.store.store import Stored
from rateval.workbench.bench import Given


class Runner:
    """A plan carried out step by step; made for one run.

    ``fail_fast`` stops at the first failure. ``only`` names cells, by label or pattern, that are
    computed; of all others is shown what is stored. ``given`` maps tables of the plan to the object
    that stands for their one choice; such a plan runs in this process alone. ``prepared`` is what
    ``prepare`` returns, where that is made otherwise. Raises RatevalError as it does, and when
    ``only`` names no cell: all before anything is trained.
    """

    def __init__(
        self,
        plan: Plan,
        registry: Registry,
        reporter: Reporter,
        *,
        fail_fast: bool = False,
        only: str | Sequence[str] = (),
        given: Mapping[str, Given] = MappingProxyType({}),
        prepared: Prepared | None = None,
    ) -> None:
        self._plan, self._reporter = plan, reporter
        self._fail_fast = fail_fast
        self._only = (only,) if isinstance(only, str) else tuple(only)
        self._prepared = prepared = prepared or prepare(plan, reporter, given)
        self._bench, self._store = prepared.bench, prepared.store
        self._account = Account(plan, prepared, registry, reporter)
        self._graph = prepared.graph
        self._selected = select(self._graph, self._only) - prepared.taken
        where = plan.choices["executor"][0]
        self._executor = CheckedExecutor(
            self._bench.object(where, None), where.label, str(where.registered.plugin)
        )
        self._steps = dict(self._graph.steps)
        self._agenda = Agenda(self._steps)
        self._watched: dict[str, ExitStack] = {}
        """Steps in work, whole ones, with what shows how far they are."""
        self._submitted: dict[str, tuple[Step, Monitor]] = {}
        """What the executor has: steps, and shards of steps."""
        options = plan.spec.run
        self._divided = Divided(align(options.shard_size, options.batch_size))
        self._started = datetime.now(UTC)

    def run(self) -> RunRecord:
        """Do every step and save the record; interrupted or failed, save what there is.

        Steps that fail are in the record's ``failures``. Raises StudyError for what concerns the
        whole study, and KeyboardInterrupt.
        """
        basis = self._prepared.basis
        summary = Summary(self._plan, self._bench, self._started, self._only, basis)
        folder = new_folder(self._plan, self._started)
        try:
            with self._store.owning(folder):
                self._store.sweep()
                copy = self._plan.document.copy_for(folder)
                self._account.open(summary, folder, copy)
                return self._run()
        finally:
            self._store.sweep()  # what its own processes left when they were ended

    def _run(self) -> RunRecord:
        try:
            known = self._prepared.stored
            self._found = find_results(self._graph, self._store, self._selected, known)
            self._work()
        except BaseException as error:
            with suppress(Exception):  # must not take the place of the first error
                self._account.break_off(error)
            raise
        return self._account.end()

    def _work(self) -> None:
        run = self._account.journal.folder.name
        order = make_order(self._plan, self._bench.context.device, run)
        keep_worker(order, Worker(self._plan, self._bench, open_store(self._plan), self._graph))
        asked = self._selected | self._found.keys()
        try:
            with self._reporter.following(
                self._steps[name] for name in self._steps if name in asked
            ):
                self._executor.start(order)
                self._do_agenda()
                if not (self._fail_fast and self._account.failures.records):
                    self._do_pictures()
        finally:
            self._executor.stop()
            for watched in self._watched.values():
                watched.close()
            release_worker(order)

    def _do_pictures(self) -> None:
        # Only now is it known which verdicts there are: pictures take what exists.
        account, pictures = self._account, self._account.pictures
        chosen = pictures.lay_out(account.results, account.failures, self._selected)
        self._selected |= chosen
        self._steps |= pictures.steps
        self._reporter.expect(self._steps[name] for name in chosen)
        self._agenda = Agenda(pictures.steps)
        self._do_agenda()

    def _do_agenda(self) -> None:
        while self._hand_out():
            for end in self._executor.collect():
                self._end(*self._submitted.pop(end.identity), end)
            self._account.journal.save_now_and_then()
            if self._fail_fast and self._account.failures.records:
                break

    def _hand_out(self) -> bool:
        """Give the executor what it can take; return whether it has anything to do."""
        while len(self._submitted) < self._executor.capacity:
            prefers = self._executor.prefers
            shard = self._divided.take(prefers)
            if shard is not None:
                self._submit(*shard)
                continue
            step = self._agenda.take(prefers)
            if step is None:
                break
            stored = self._find(step)
            if stored is not None:
                self._keep(step, stored)
                self._account.journal.save_now_and_then()
            elif step.identity not in self._selected:
                self._agenda.drop(step.identity)
            else:
                self._begin(step)
        return bool(self._submitted)

    def _find(self, step: Step) -> Stored | None:
        # Another run may have made meanwhile what was not there at the beginning.
        return self._found.pop(step.identity, None) or find_result(
            step, self._store, self._selected, whole=True
        )

    def _begin(self, step: Step) -> None:
        steps = [step, *self._take_companions(step)]
        monitors = [self._watch(one) for one in steps]
        monitor: Monitor = SavingMonitor(Together(monitors), self._account.journal)
        step = along(steps)
        if self._divided.takes(step):
            there = [self._store.begin_shards(one.stage, one.identity) for one in steps]
            self._divided.add(step, monitor, set().union(*there))
        else:
            self._submit(step, SharedMonitor(monitor, step.units or 0) if step.beside else monitor)

    def _watch(self, step: Step) -> Monitor:
        watched = self._watched[step.identity] = ExitStack()
        return watched.enter_context(self._reporter.watch(step.stage, step.label, step.identity))

    def _take_companions(self, step: Step) -> list[Step]:
        """Return the steps that are done along with one: those that it shares a pass with."""
        others = (steps.infer for steps in self._graph.sharing.get(step.identity, ()))
        missing = (
            other.identity
            for other in others
            if other.identity != step.identity
            and other.identity in self._selected
            and other.identity not in self._found
            and find_result(other, self._store, self._selected, whole=True) is None
        )
        return [taken for name in missing if (taken := self._agenda.take_this(name)) is not None]

    def _submit(self, step: Step, monitor: Monitor) -> None:
        self._submitted[step.identity] = step, monitor
        self._executor.submit(step, self._reporter.working(step, monitor))

    def _end(self, step: Step, monitor: Monitor, end: StepEnd) -> None:
        self._reporter.ended(step, end)
        ends = {one.identity: one for one in end.beside}
        lost = [one for one in step.beside if one.identity not in ends]
        if lost:  # with whoever did the first: they are done again, without it
            self._submit(along(lost), monitor)
        elif step.shard is not None:
            self._divided.end(step)
        self._end_one(replace(step, beside=()), end)
        for one in step.beside:
            if one.identity in ends:
                self._end_one(one, ends[one.identity])

    def _end_one(self, step: Step, end: StepEnd) -> None:
        for load in end.loads:
            self._account.load(load)
        if step.shard is not None:
            if end.error is None:
                return
            whole = self._divided.close(step.shard.whole)
            if whole is None:  # another shard of it has failed already
                return
            step = whole
        self._divided.close(step.identity)
        self._watched.pop(step.identity).close()
        if end.error is None:
            stored = self._store.find(step.stage, step.identity)
            if stored is not None:
                self._keep(step, stored, reused=end.reused)
                return
        self._fail(step, end)

    def _keep(self, step: Step, stored: Stored, *, reused: bool = True) -> None:
        self._agenda.finish(step.identity)
        self._account.keep(step, stored, reused=reused)

    def _fail(self, step: Step, end: StepEnd) -> None:
        error = end.error or "its result is not in the store that it was left in"
        if end.whole:
            raise StudyError(error)
        dropped = [self._steps[other] for other in self._agenda.drop(step.identity)]
        self._account.fail(step, error, end, dropped)
