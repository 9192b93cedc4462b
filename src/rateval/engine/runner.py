"""A plan carried out: what is stored is reused, the rest is done, a failure takes only its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import replace
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Literal

from rateval.api.training import Monitor
from rateval.engine.agenda import Agenda
from rateval.engine.divided import Divided, SharedMonitor, Together
from rateval.engine.executors.checked import CheckedExecutor
from rateval.engine.failures import Failures
from rateval.engine.journal import Journal, SavingMonitor
from rateval.engine.observers import Observers
from rateval.engine.picturing.kept import Pictures
from rateval.engine.prepared import Prepared, prepare
from rateval.engine.results import Results, find_result, find_results
from rateval.engine.selection import select
from rateval.engine.shards import along
from rateval.engine.worker import Worker, keep_worker, make_order, open_store, release_worker
from rateval.errors import StudyError
from rateval.plan.plan import Plan
from rateval.plan.shards import align
from rateval.progress import Reporter
from rateval.records.run import RunRecord
from rateval.records.step import FailureRecord, StageRecord, Step, StepEnd
from rateval.registry.registry import Registry
from rateval.report.html.page import write_at_end
from rateval.scoring.summary import Found, Summary, new_folder
from rateval.store.store import Stored
from rateval.workbench.bench import Given

Status = Literal["running", "finished", "interrupted", "failed"]


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
        self._observers = Observers(registry, plan, prepared.bench, reporter.warn)
        self._graph = prepared.graph
        self._selected = select(self._graph, self._only) - prepared.taken
        where = plan.choices["executor"][0]
        self._executor = CheckedExecutor(
            self._bench.object(where, None), where.label, str(where.registered.plugin)
        )
        self._steps = dict(self._graph.steps)
        self._agenda = Agenda(self._steps)
        self._pictures = Pictures(plan, self._bench)
        self._results = Results(self._graph)
        self._stages: list[StageRecord] = []
        self._loaded: set[str] = set()
        self._failures = Failures(self._graph)
        self._watched: dict[str, ExitStack] = {}
        """Steps in work, whole ones, with what shows how far they are."""
        self._submitted: dict[str, tuple[Step, Monitor]] = {}
        """What the executor has: steps, and shards of steps."""
        options = plan.spec.run
        self._divided = Divided(align(options.shard_size, options.batch_size))
        self._started = datetime.now(UTC)
        self._status: Status = "running"
        self._error: str | None = None

    def run(self) -> RunRecord:
        """Do every step and save the record; interrupted or failed, save what there is.

        Steps that fail are in the record's ``failures``. Raises StudyError for what concerns the
        whole study, and KeyboardInterrupt.
        """
        basis = self._prepared.basis
        self._summary = Summary(self._plan, self._bench, self._started, self._only, basis)
        folder = new_folder(self._plan, self._started)
        try:
            with self._store.owning(folder):
                self._store.sweep()
                copy = self._plan.document.copy_for(folder)
                return self._run(Journal(folder, self._record, copy))
        finally:
            self._store.sweep()  # what its own processes left when they were ended

    def _run(self, journal: Journal) -> RunRecord:
        self._journal = journal
        self._observers.notify("rateval_run_started", plan=self._summary.plan)
        try:
            known = self._prepared.stored
            self._found = find_results(self._graph, self._store, self._selected, known)
            self._work()
        except BaseException as error:
            self._status = "interrupted" if isinstance(error, KeyboardInterrupt) else "failed"
            if self._status == "failed":
                self._error = f"{type(error).__name__}: {error}"
            with suppress(Exception):  # must not take the place of the first error
                self._finish()
            raise
        self._status = "failed" if self._all_failures else "finished"
        return self._finish()

    def _finish(self) -> RunRecord:
        record = self._journal.save()
        write_at_end(record, self._reporter.warn)
        self._observers.notify("rateval_run_finished", record=record)
        self._journal.publish()  # with the page, and with what observers left
        return record

    def _work(self) -> None:
        order = make_order(self._plan, self._bench.context.device, self._journal.folder.name)
        keep_worker(order, Worker(self._plan, self._bench, open_store(self._plan), self._graph))
        asked = self._selected | self._found.keys()
        try:
            with self._reporter.following(
                self._steps[name] for name in self._steps if name in asked
            ):
                self._executor.start(order)
                self._do_agenda()
                if not (self._fail_fast and self._failures.records):
                    self._do_pictures()
        finally:
            self._executor.stop()
            for watched in self._watched.values():
                watched.close()
            release_worker(order)

    def _do_pictures(self) -> None:
        # Only now is it known which verdicts there are: pictures take what exists.
        chosen = self._pictures.lay_out(self._results, self._failures, self._selected)
        self._selected |= chosen
        self._steps |= self._pictures.steps
        self._reporter.expect(self._steps[name] for name in chosen)
        self._agenda = Agenda(self._pictures.steps)
        self._do_agenda()

    def _do_agenda(self) -> None:
        while self._hand_out():
            for end in self._executor.collect():
                self._end(*self._submitted.pop(end.identity), end)
            self._journal.save_now_and_then()
            if self._fail_fast and self._failures.records:
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
                self._journal.save_now_and_then()
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
        monitor: Monitor = SavingMonitor(Together(monitors), self._journal)
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
            if load.identity not in self._loaded:  # each worker loads a model of its own
                self._loaded.add(load.identity)
                self._tell(load, None)
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
        self._results.keep(step, stored)
        self._pictures.keep(step, stored)
        self._agenda.finish(step.identity)
        self._journal.note(step, "reused" if reused else "done", stored.seconds)
        record = StageRecord(
            stage=step.stage,
            label=step.label,
            identity=step.identity,
            reused=reused,
            seconds=stored.seconds,
            completeness=stored.facts.get("completeness"),
        )
        self._tell(record, stored.facts.get("count"))

    def _tell(self, record: StageRecord, count: int | None) -> None:
        self._stages.append(record)
        self._reporter.finished(record, count)
        self._observers.notify("rateval_stage_finished", stage=record)

    def _fail(self, step: Step, end: StepEnd) -> None:
        error = end.error or "its result is not in the store that it was left in"
        if end.whole:
            raise StudyError(error)
        self._journal.note(step, "failed", end.seconds, error)
        dropped = self._agenda.drop(step.identity)
        for other in dropped:
            self._journal.note(self._steps[other], "dropped", 0.0)
        self._journal.log(step, end.traceback or error)
        failure = self._failures.add(step, error, end.culprit)
        self._reporter.failed(failure, [step.identity, *dropped])
        self._observers.notify("rateval_stage_failed", failure=failure)

    def _record(self) -> RunRecord:
        return self._summary.record(
            Found(
                self._status,
                self._error,
                list(self._results.judged()),
                list(self._results.agreements()),
                self._stages,
                self._all_failures,
                list(self._pictures.records()),
            )
        )

    @property
    def _all_failures(self) -> list[FailureRecord]:
        """Those of this run, after those of the one whose results it takes."""
        basis = self._prepared.basis
        return [*(() if basis is None else basis.failures), *self._failures.records]
