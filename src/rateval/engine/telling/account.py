"""What came of a run's steps so far: kept for its record, told to whoever follows it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from rateval.engine.failures import Failures
from rateval.engine.picturing.kept import Pictures
from rateval.engine.prepared import Prepared
from rateval.engine.results import Results
from rateval.engine.telling.journal import Journal
from rateval.engine.telling.observers import Observers
from rateval.plan.plan import Plan
from rateval.progress import Reporter
from rateval.records.run import RunRecord
from rateval.records.step import FailureRecord, StageRecord, Step, StepEnd
from rateval.registry.registry import Registry
from rateval.report.html.page import write_at_end
from rateval.scoring.summary import Found, Summary
from rateval.store.store import Stored

Status = Literal["running", "finished", "interrupted", "failed"]


class Account:
    """What came of the steps of one run; made before it, and opened where its folder is there.

    The journal, the reporter and the observers are told of each step that ended. Raises what making
    a tracker raises.
    """

    journal: Journal

    def __init__(
        self, plan: Plan, prepared: Prepared, registry: Registry, reporter: Reporter
    ) -> None:
        self._reporter, self._basis = reporter, prepared.basis
        self._observers = Observers(registry, plan, prepared.bench, reporter.warn)
        self.pictures = Pictures(plan, prepared.bench)
        self.results = Results(prepared.graph)
        self.failures = Failures(prepared.graph)
        self._stages: list[StageRecord] = []
        self._loaded: set[str] = set()
        self._status: Status = "running"
        self._error: str | None = None

    def open(self, summary: Summary, folder: Path, copy: str) -> None:
        """Begin the journal, with the spec's copy, and tell observers that the run starts."""
        self._summary = summary
        self.journal = Journal(folder, self._record, copy)
        self._observers.notify("rateval_run_started", plan=self._summary.plan)

    def load(self, record: StageRecord) -> None:
        """Take note of a model that a worker loaded, once: each loads one of its own."""
        if record.identity not in self._loaded:
            self._loaded.add(record.identity)
            self._tell(record, None)

    def keep(self, step: Step, stored: Stored, *, reused: bool) -> None:
        """Take note of the result of a step."""
        self.results.keep(step, stored)
        self.pictures.keep(step, stored)
        self.journal.note(step, "reused" if reused else "done", stored.seconds)
        record = StageRecord(
            stage=step.stage,
            label=step.label,
            identity=step.identity,
            reused=reused,
            seconds=stored.seconds,
            completeness=stored.facts.get("completeness"),
        )
        self._tell(record, stored.facts.get("count"))

    def fail(self, step: Step, error: str, end: StepEnd, dropped: Sequence[Step]) -> None:
        """Take note of a step that failed, and of the steps that it takes down."""
        self.journal.note(step, "failed", end.seconds, error)
        for other in dropped:
            self.journal.note(other, "dropped", 0.0)
        self.journal.log(step, end.traceback or error)
        failure = self.failures.add(step, error, end.culprit)
        self._reporter.failed(failure, [step.identity, *(other.identity for other in dropped)])
        self._observers.notify("rateval_stage_failed", failure=failure)

    def end(self) -> RunRecord:
        """Close with what there is, once every step that could be done has ended."""
        self._status = "failed" if self._all_failures else "finished"
        return self._close()

    def break_off(self, error: BaseException) -> None:
        """Close with what there is, because of what ended the run."""
        self._status = "interrupted" if isinstance(error, KeyboardInterrupt) else "failed"
        if self._status == "failed":
            self._error = f"{type(error).__name__}: {error}"
        self._close()

    def _close(self) -> RunRecord:
        record = self.journal.save()
        write_at_end(record, self._reporter.warn)
        self._observers.notify("rateval_run_finished", record=record)
        self.journal.publish()  # with the page, and with what observers left
        return record

    def _tell(self, record: StageRecord, count: int | None) -> None:
        self._stages.append(record)
        self._reporter.finished(record, count)
        self._observers.notify("rateval_stage_finished", stage=record)

    def _record(self) -> RunRecord:
        return self._summary.record(
            Found(
                self._status,
                self._error,
                list(self.results.judged()),
                list(self.results.agreements()),
                self._stages,
                self._all_failures,
                list(self.pictures.records()),
                list(self.pictures.token_records()),
            )
        )

    @property
    def _all_failures(self) -> list[FailureRecord]:
        """Those of this run, after those of the one whose results it takes."""
        return [*(() if self._basis is None else self._basis.failures), *self.failures.records]
